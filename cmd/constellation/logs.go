package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/flyte/remote"
)

func logsCommand() *cobra.Command {
	var s cluster
	c := &cobra.Command{
		Use:   "logs EXECUTION [NODE]",
		Short: "Errors and the places of logs of an execution on a Flyte cluster",
		Long: `Logs prints, for every node that failed or runs, the error and where the engine
says that the logs are; of a map, those of the elements that failed or run. With a
node (its path, as status and run show it) it prints all below that node, also
what succeeded.`,
		Example: `  constellation logs shear/development/a7dh3k2m5q9x4w8z1c6v
  constellation logs shear/development/a7dh3k2m5q9x4w8z1c6v fan-out-tiles/tile-102018211/prepare-tile`,
		Args: cobra.RangeArgs(1, 2),
	}
	s.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return s.with(c, args[:1], func(ctx context.Context, client *remote.Client, id *core.WorkflowExecutionIdentifier) error {
			e, err := client.Execution(ctx, id)
			if err != nil {
				return err
			}
			wanted := ""
			if len(args) == 2 {
				wanted = strings.Trim(args[1], "/")
			}
			nodes, err := client.Status(ctx, e, wanted)
			if err != nil {
				return err
			}
			w := c.OutOrStdout()
			printHead(w, client, e)
			printed := 0
			printLogs(w, nodes, wanted, &printed)
			if printed == 0 {
				if wanted != "" {
					fmt.Fprintf(w, "there are no logs below %s\n", wanted)
				} else {
					fmt.Fprintln(w, "nothing failed and nothing runs; name a node for the logs of what succeeded")
				}
			}
			return nil
		})
	}
	return c
}

func printLogs(w io.Writer, nodes []*remote.Node, wanted string, printed *int) {
	for _, n := range nodes {
		if below := wanted == "" || strings.HasPrefix(n.Path+"/", wanted+"/"); below {
			printLog(w, n, wanted != "", printed)
		}
		printLogs(w, n.Inside, wanted, printed)
	}
}

// printLog prints what there is about one node.
func printLog(w io.Writer, n *remote.Node, all bool, printed *int) {
	fine := n.Phase == "succeeded" || n.Phase == "recovered" || n.Phase == "skipped"
	var lines []string
	add := func(key, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("  %-8s %s", key, value))
		}
	}
	if n.Error != nil && len(n.Inside) == 0 {
		add("error", strings.ReplaceAll(errorText(n.Error), "\n", "\n           "))
		add("", n.Error.GetErrorUri())
	}
	if all || !fine {
		switch n.Phase {
		case "running", "queued":
			add("reason", n.Reason)
		case "timed out":
			add("error", "no attempt was done within the node's time limit")
		}
		for _, l := range n.Logs {
			add("log", l.GetUri())
		}
		add("deck", n.Deck)
	}
	for _, e := range n.Elements {
		if !all && (e.Phase == "succeeded" || fine && e.Phase != "failed") {
			continue
		}
		add(fmt.Sprintf("[%d]", e.Index), fmt.Sprintf("%s, attempt %d", e.Phase, e.Attempt+1))
		for _, l := range e.Logs {
			add("log", l.GetUri())
		}
		add("error", e.ErrorURI)
	}
	if len(lines) == 0 {
		return
	}
	*printed++
	fmt.Fprintf(w, "\n%s (%s) %s\n%s\n", n.Path, n.Task, n.Phase, strings.Join(lines, "\n"))
}
