package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/flyte/remote"
)

func statusCommand() *cobra.Command {
	var s watching
	var follow bool
	c := &cobra.Command{
		Use:   "status [EXECUTION]",
		Short: "How an execution on a Flyte cluster stands; without one, the latest",
		Long: `Status shows the nodes of an execution: how they stand, and what is inside those
that run or went wrong. An execution is a name, or project/domain/name.`,
		Example: `  constellation status -p shear -d development
  constellation status shear/development/a7dh3k2m5q9x4w8z1c6v --follow`,
		Args: cobra.MaximumNArgs(1),
	}
	s.flags(c)
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on showing what happens until the execution ends")
	c.RunE = func(c *cobra.Command, args []string) error {
		return s.with(c, args, func(ctx context.Context, client *remote.Client, id *core.WorkflowExecutionIdentifier) error {
			w := c.OutOrStdout()
			switch {
			case id == nil:
				return recent(ctx, w, client)
			case follow:
				begun(w, client, id)
				if err := s.watch(ctx, w, client, id); err != nil {
					return err
				}
				outputs, err := client.Outputs(ctx, id)
				if err == nil {
					printOutputs(w, outputs)
				}
				return err
			}
			e, err := client.Execution(ctx, id)
			if err != nil {
				return err
			}
			printHead(w, client, e)
			nodes, err := client.Status(ctx, e, "")
			if err != nil {
				return err
			}
			t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
			printNodes(t, nodes, "")
			return t.Flush()
		})
	}
	return c
}

// recent lists the latest executions of a project and domain.
func recent(ctx context.Context, w io.Writer, client *remote.Client) error {
	if err := placed(client); err != nil {
		return err
	}
	list, err := client.Recent(ctx, client.Project, client.Domain, 20)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintf(w, "project %s, domain %s has no executions\n", client.Project, client.Domain)
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, e := range list {
		plan := e.GetSpec().GetLaunchPlan()
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s %s\n", e.GetId().GetName(), phaseOf(e), e.GetClosure().GetCreatedAt().AsTime().UTC().Format("2006-01-02 15:04:05Z"),
			age(e), plan.GetName(), plan.GetVersion())
	}
	return t.Flush()
}

func printHead(w io.Writer, client *remote.Client, e *admin.Execution) {
	plan := e.GetSpec().GetLaunchPlan()
	fmt.Fprintf(w, "%s  %s  %s  %s %s\n", remote.Name(e.GetId()), phaseOf(e), age(e), plan.GetName(), plan.GetVersion())
	if link := client.Link(e.GetId()); link != "" {
		fmt.Fprintln(w, link)
	}
	if from := e.GetSpec().GetMetadata().GetReferenceExecution().GetName(); from != "" {
		fmt.Fprintln(w, "recovers", from)
	}
	if m := e.GetClosure().GetAbortMetadata(); m != nil {
		fmt.Fprintf(w, "aborted: %s\n", m.GetCause())
	}
	if said := e.GetClosure().GetError(); said != nil {
		fmt.Fprintf(w, "error: %s\n", oneLine(said.GetMessage()))
	}
}

func phaseOf(e *admin.Execution) string { return strings.ToLower(e.GetClosure().GetPhase().String()) }

// age is how long an execution ran, or has been running.
func age(e *admin.Execution) string {
	c := e.GetClosure()
	if remote.Ended(e) {
		return c.GetDuration().AsDuration().Round(time.Second).String()
	}
	return time.Since(c.GetCreatedAt().AsTime()).Round(time.Second).String()
}

// printNodes prints the tree, a node a line: indented ids, phase, time, and what
// is worth knowing.
func printNodes(w io.Writer, nodes []*remote.Node, indent string) {
	for _, n := range nodes {
		id := n.Path[strings.LastIndex(n.Path, "/")+1:]
		fmt.Fprintf(w, "  %s%s\t%s\t%s\t%s\n", indent, id, n.Phase, round(n.Took), strings.Join(notes(n), ", "))
		printNodes(w, n.Inside, indent+"  ")
	}
}

// errorText is an error as the engine has it; a map's has no code.
func errorText(e *core.ExecutionError) string {
	text := strings.TrimSpace(e.GetMessage())
	if e.GetCode() != "" {
		text = e.GetCode() + ": " + text
	}
	return text
}

// notes are what is to be said of a node beside its phase.
func notes(n *remote.Node) []string {
	var all []string
	if n.Cached {
		all = append(all, "from the cache")
	}
	if n.Execution != "" {
		all = append(all, "execution "+n.Execution)
	}
	if len(n.Elements) > 0 {
		phases := map[string]int{}
		for _, e := range n.Elements {
			phases[e.Phase]++
		}
		var counts []string
		for _, phase := range slices.Sorted(maps.Keys(phases)) {
			counts = append(counts, fmt.Sprintf("%d %s", phases[phase], phase))
		}
		all = append(all, "elements: "+strings.Join(counts, " "))
	}
	if n.Attempts > 1 {
		all = append(all, fmt.Sprintf("attempt %d", n.Attempts))
	}
	switch {
	case n.Error != nil && len(n.Inside) == 0:
		all = append(all, oneLine(errorText(n.Error)))
	case n.Reason != "" && len(n.Inside) == 0 && (n.Phase == "running" || n.Phase == "queued"):
		all = append(all, oneLine(n.Reason))
	}
	return all
}
