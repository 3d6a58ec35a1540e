package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/shine"
)

func inferCommand() *cobra.Command {
	var l launch
	c := &cobra.Command{
		Use:   "infer --config FILE DIRECTORY...",
		Short: "Run the inference engine on sub-tile directories",
		Long: `Infer does what infer-subtile does, for sub-tile directories that were prepared
before: it runs the configured engine on each and checks what that wrote. A
directory may be local or in an object store; results go into its results/.`,
		Example: `  constellation infer --config edfs.yaml products/run/102018211/0_0
  constellation infer --config edfs.yaml --set engine=mock products/run/102018211/*`,
		Args: cobra.MinimumNArgs(1),
	}
	l.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx := c.Context()
		s, err := l.settings(ctx, "infer")
		if err != nil {
			return err
		}
		store, failed := objstore.Open(ctx, objstore.Config{}), 0
		for _, uri := range args {
			found, err := shine.SubTile(ctx, store, absolutePath(uri), shine.Job{
				Engine: s.Inference.Engine, Command: s.Inference.Command, Timeout: s.Limits.Timeout(),
				Inference: s.Inference.Inference, GAL: s.Inference.GAL, ConfigID: s.Inference.ConfigID, Log: c.ErrOrStderr(), NodeCache: shine.NodeCache(),
			})
			if err != nil {
				return err
			}
			outcome := found.Outcome
			line := fmt.Sprintf("tile %d sub-tile %d_%d: %s", outcome.TileID, outcome.Row, outcome.Col, outcome.Status)
			if outcome.Reason != "" {
				line += ": " + outcome.Reason
			}
			fmt.Fprintln(c.OutOrStdout(), line)
			if outcome.Status == results.Failed {
				failed++
			}
		}
		if failed > 0 {
			return fault.Data("InferenceFailed", "%d of %d sub-tiles failed", failed, len(args)).Fix("what earlier inference left in their results/ is untouched: remove it if it is not to be assembled")
		}
		return nil
	}
	return c
}
