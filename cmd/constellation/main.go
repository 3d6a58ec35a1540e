// constellation is the command that people type: one verb per file.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/fault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// What goes wrong is said once, below; libraries' warnings are for the tasks' logs.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err := execute(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "constellation:", err)
		os.Exit(status(err))
	}
}

// execute runs one command line. What is wrong before its verb begins is its use.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root, began := command(), false
	watch(root, &began)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	verb, err := root.ExecuteContextC(ctx)
	if err != nil && !began {
		return misused(verb, err)
	}
	return err
}

// watch notes when a verb begins, and has commands that only hold others name
// the words that are none.
func watch(c *cobra.Command, began *bool) {
	for _, sub := range c.Commands() {
		watch(sub, began)
	}
	run := c.RunE
	switch {
	case run != nil:
		c.RunE = func(c *cobra.Command, args []string) error { *began = true; return run(c, args) }
	case c.HasParent() && c.HasSubCommands():
		c.Args = cobra.NoArgs
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		c.DisableFlagsInUseLine = true
	}
}

// status is the exit status of a failure: 130 for a stop that was asked for, 2
// for a mistyped command line, else 1.
func status(err error) int {
	switch {
	case fault.KindOf(err) == fault.Canceled:
		return 130
	case fault.CodeOf(err) == codeUsage:
		return 2
	}
	return 1
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "constellation",
		Short: "From Euclid VIS exposures to a shear catalogue",
		Long: `constellation prepares Euclid VIS exposures for weak-lensing shear inference,
runs SHINE on every sub-tile, and assembles an Apache Iceberg shear catalogue.
The same workflows run on a Flyte cluster and on one machine.`,
		SilenceErrors: true,
		SilenceUsage:  true,

		DisableSuggestions: true, // misused has its own
	}
	root.AddGroup(
		&cobra.Group{ID: "pipeline", Title: "The whole pipeline:"},
		&cobra.Group{ID: "stages", Title: "The stages by hand:"},
		&cobra.Group{ID: "flyte", Title: "Flyte and configuration:"},
		&cobra.Group{ID: "try", Title: "To try things out:"},
	)
	for group, verbs := range map[string][]*cobra.Command{
		"pipeline": {runCommand(), campaignCommand(), prepareCommand()},
		"stages":   {tilesCommand(), plotCommand(), extractCommand(), inferCommand(), assembleCommand(), validateCommand(), cleanCommand()},
		"flyte":    {packageCommand(), statusCommand(), logsCommand(), abortCommand(), recoverCommand(), configCommand(), versionCommand()},
		"try":      {demoCommand(), simulateCommand(), serveCommand()},
	} {
		for _, verb := range verbs {
			verb.GroupID = group
			root.AddCommand(verb)
		}
	}
	return root
}
