package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
	"github.com/cosmostat/constellation/workflows"
)

func prepareCommand() *cobra.Command {
	var e execution
	c := &cobra.Command{
		Use:   "prepare --config FILE",
		Short: "Run data preparation on this machine, up to the sub-tile directories",
		Example: `  constellation prepare --config edfs.yaml --tiles 102018211
  constellation prepare --config edfs.yaml --grid 8,8 --storage /data/edfs`,
		Args: cobra.NoArgs,
	}
	e.flags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx, w := c.Context(), c.OutOrStdout()
		var out workflows.PreparationOut
		if err := execute(ctx, &e, w, workflows.DataPreparation, &out); err != nil {
			return err
		}
		store := objstore.Open(ctx, objstore.Config{})
		run, err := survey.LoadRun(ctx, store, out.Run.URI)
		if err != nil {
			return err
		}
		for _, t := range run.Tiles {
			p, err := survey.Load[survey.Prepared](ctx, store, t.Prepared)
			if err != nil {
				return err
			}
			printPrepared(w, p)
		}
		for _, missing := range out.Missing {
			fmt.Fprintln(w, "could not be read:", missing)
		}
		return nil
	}
	return c
}

// printPrepared says what became of a tile.
func printPrepared(w io.Writer, p *survey.Prepared) {
	fmt.Fprintf(w, "tile %d: %s\n", p.TileID, p)
	for _, s := range p.SubTiles {
		fmt.Fprintf(w, "  %-12s %4d quadrants %6d sources %6d core  %s\n", s.Status, s.Quadrants, s.Sources, s.CoreSources, s.Directory)
	}
	for _, l := range p.LeftOut {
		fmt.Fprintf(w, "  left out     %s\n", l)
	}
}
