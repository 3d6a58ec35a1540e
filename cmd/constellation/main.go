// constellation is the command that people type: one verb per file. By the name
// of a stage of the catalogue it is that stage.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/cmd/internal/cli"
)

func main() {
	stages()
	cli.Main(command(), os.Args[1:])
}

// codeUsage is the code of what was mistyped on the command line.
const codeUsage = cli.CodeUsage

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "constellation",
		Short: "From Euclid VIS exposures to a shear catalogue",
		Long: `constellation prepares Euclid VIS exposures for weak-lensing shear inference,
runs SHINE on every sub-tile, and assembles an Apache Iceberg shear catalogue.
The same workflows run on a Flyte cluster and on one machine.`,
	}
	root.AddGroup(
		&cobra.Group{ID: "pipeline", Title: "The whole pipeline:"},
		&cobra.Group{ID: "stages", Title: "The stages by hand:"},
		&cobra.Group{ID: "flyte", Title: "Flyte and configuration:"},
		&cobra.Group{ID: "try", Title: "To try things out:"},
	)
	for group, verbs := range map[string][]*cobra.Command{
		"pipeline": {runCommand(), campaignCommand(), prepareCommand()},
		"stages":   {tilesCommand(), indexCommand(), plotCommand(), extractCommand(), inferCommand(), assembleCommand(), validateCommand(), catalogCommand(), cleanCommand()},
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
