package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/pipeline/shear"
	"github.com/cosmostat/constellation/pkg/survey"
)

func assembleCommand() *cobra.Command {
	var l launch
	c := &cobra.Command{
		Use:   "assemble --config FILE --run-id RUN",
		Short: "Commit a run's results to the Iceberg catalogue",
		Long: `Assemble does what assemble-catalog does, for a run whose stages were run by
hand: every sub-tile directory below the run becomes a row, with its results
where it has some. What the run's record says of tiles that have no directories
stays. Running it again leaves one copy of each row.`,
		Example: `  constellation assemble --config edfs.yaml --run-id EDFS_20261122T101500Z`,
		Args:    cobra.NoArgs,
	}
	l.flags(c, storage, runID(theRun))
	cobra.CheckErr(c.MarkFlagRequired("run-id"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		hand, s, err := l.byHand(ctx, "")
		if err != nil {
			return err
		}
		defer hand.close()
		total, run, err := shear.AssembleDirectories(hand.stage(ctx, "assemble"), s)
		if err != nil {
			return err
		}
		printFailed(c.OutOrStdout(), run)
		if total.Kept > 0 {
			fmt.Fprintf(c.OutOrStdout(), "%d sub-tiles failed this time and keep their earlier rows\n", total.Kept)
		}
		fmt.Fprintf(c.OutOrStdout(), "%d shear rows and %d source rows in snapshot %d%s\n", total.ShearRows, total.SourceRows, total.Snapshot,
			map[bool]string{true: " (they were there already)"}[total.AllUnchanged()])
		return nil
	}
	return c
}

// failedLines bounds how many failures are named one by one.
const failedLines = 20

// printFailed names what of a run failed, and why: the first of it, and how much more there is.
func printFailed(w io.Writer, run *survey.Run) {
	var failed []string
	sub, tiles := 0, 0
	for _, t := range run.Tiles {
		if t.Failure != "" {
			tiles++
			failed = append(failed, fmt.Sprintf("tile %d: %s", t.TileID, oneLine(t.Failure)))
		}
		for _, s := range t.SubTiles {
			if t.Failure == "" && s.Status == survey.StatusFailed {
				sub++
				failed = append(failed, fmt.Sprintf("%s: %s", s.SubTileID, oneLine(s.Reason)))
			}
		}
	}
	if len(failed) == 0 {
		return
	}
	fmt.Fprintf(w, "%d sub-tiles failed, and %d tiles as a whole:\n", sub, tiles)
	for _, line := range failed[:min(failedLines, len(failed))] {
		fmt.Fprintf(w, "  %s\n", line)
	}
	if more := len(failed) - failedLines; more > 0 {
		fmt.Fprintf(w, "  and %d more: %s in the run's directory has them all\n", more, survey.RunFile)
	}
}
