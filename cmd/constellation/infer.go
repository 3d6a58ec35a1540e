package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/pipeline/inference"
)

func inferCommand() *cobra.Command {
	var l launch
	c := &cobra.Command{
		Use:   "infer --config FILE DIRECTORY...",
		Short: "Run the inference engine on sub-tile directories",
		Long: `Infer does what infer-subtile does, for sub-tile directories that were prepared
before: it runs the configured engine on each and checks what that wrote. A
directory may be local or in an object store; results go into its results/. One
that can't be inferred leaves its failure.json, and the others go on.`,
		Example: `  constellation infer --config edfs.yaml products/run/102018211/0_0
  constellation infer --config edfs.yaml --set engine=mock products/run/102018211/*`,
		Args: cobra.MinimumNArgs(1),
	}
	l.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx := c.Context()
		hand, s, err := l.byHand(ctx, "infer")
		if err != nil {
			return err
		}
		defer hand.close()
		requests := make([]inference.Request, len(args)) // a mistyped directory ends the verb before anything is done
		for i, dir := range args {
			if requests[i], err = inference.ByHand(ctx, hand.store, absolutePath(dir), s.TileSettings); err != nil {
				return err
			}
		}
		failed := 0
		for _, request := range requests {
			if request.Nothing != "" { // no run infers it
				fmt.Fprintf(c.OutOrStdout(), "%s: %s: nothing to infer\n", request.SubTileID, request.Nothing)
				continue
			}
			outcome, err := inference.SubTile(hand.stage(ctx, "infer"), request, &s.Inference, s.Limits)
			if fault.KindOf(err) == fault.Canceled {
				return err
			}
			line := fmt.Sprintf("%s: %s", outcome.SubTileID, outcome.Status)
			if outcome.Reason != "" {
				line += ": " + outcome.Reason
			}
			fmt.Fprintln(c.OutOrStdout(), line)
			if err != nil {
				failed++
			}
		}
		if failed > 0 {
			return fault.Data("InferenceFailed", "%d of %d sub-tiles failed", failed, len(args)).Fix("mend the causes and infer them again; until then they are assembled as failed")
		}
		return nil
	}
	return c
}
