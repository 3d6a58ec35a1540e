package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/flyte/local"
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
	e.flags(c, tileIDs, storage, runID(resumes))
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx, w := c.Context(), c.OutOrStdout()
		var out workflows.PreparationOut
		settings, failed := runHere(ctx, &e, w, workflows.DataPreparation, &out)
		record := out.Run.URI
		var f *local.Failure
		switch {
		case failed == nil:
		case errors.As(failed, &f) && f.Code == survey.CodeTileFailed: // the record is there, and says more
			record = survey.RunURI(settings.Destination.RunURI)
		default:
			return failed
		}
		run, err := survey.LoadRun(ctx, objstore.Open(ctx, objstore.Config{}), record)
		if err != nil {
			return errors.Join(failed, err)
		}
		for _, t := range run.Tiles {
			printTile(w, t)
		}
		printListed(w, "", run.Listed)
		return failed
	}
	return c
}

// printTile says what became of a tile's preparation.
func printTile(w io.Writer, t survey.RunTile) {
	quadrants, core := 0, 0
	for _, s := range t.SubTiles {
		quadrants, core = quadrants+s.Quadrants, core+s.CoreSources
	}
	if t.Failure != "" {
		fmt.Fprintf(w, "tile %d: failed: %s\n", t.TileID, t.Failure)
	} else {
		fmt.Fprintf(w, "tile %d: %d sub-tiles, %d quadrants, %d core sources\n", t.TileID, len(t.SubTiles), quadrants, core)
	}
	for _, s := range t.SubTiles {
		fmt.Fprintf(w, "  %-12s %4d quadrants %6d sources %6d core  %s\n", s.Status, s.Quadrants, s.Extended, s.CoreSources, s.Directory)
	}
	for _, l := range t.LeftOut {
		fmt.Fprintf(w, "  left out     %s\n", l)
	}
	if t.Rows.Given() {
		fmt.Fprintf(w, "  not used     %s\n", t.Rows)
	}
	for _, hdu := range t.Unverified {
		fmt.Fprintf(w, "  unverified   %s\n", hdu)
	}
}

// printListed says what a run was without of what there is.
func printListed(w io.Writer, indent string, l survey.Listed) {
	for _, why := range l.Missing {
		fmt.Fprintf(w, "%san exposure is missing: %s\n", indent, why)
	}
	for _, why := range l.LeftOut {
		fmt.Fprintf(w, "%sa tile is left out: %s\n", indent, why)
	}
	for _, note := range l.Notes {
		fmt.Fprintf(w, "%slisted: %s\n", indent, note)
	}
}
