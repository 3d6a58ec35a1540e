// constellation is the command that people type: one verb per file.
package main

import (
	"context"
	"fmt"
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
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "constellation:", err)
		os.Exit(status(err))
	}
}

// status is the exit status of a failure: 130 for a stop that was asked for, else 1.
func status(err error) int {
	if fault.KindOf(err) == fault.Canceled {
		return 130
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
	}
	root.AddGroup(
		&cobra.Group{ID: "pipeline", Title: "The whole pipeline:"},
		&cobra.Group{ID: "stages", Title: "The stages by hand:"},
		&cobra.Group{ID: "flyte", Title: "Flyte and configuration:"},
		&cobra.Group{ID: "try", Title: "To try things out:"},
	)
	for group, verbs := range map[string][]*cobra.Command{
		"pipeline": {runCommand(), prepareCommand()},
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
