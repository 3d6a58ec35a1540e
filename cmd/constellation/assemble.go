package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/report/catalogue"
	"github.com/cosmostat/constellation/pkg/survey"
)

func assembleCommand() *cobra.Command {
	var l launch
	c := &cobra.Command{
		Use:   "assemble --config FILE --run-id RUN",
		Short: "Commit a run's results to the Iceberg catalogue",
		Long: `Assemble does what assemble-catalog does, from the run's directories alone: every
sub-tile directory below the run becomes a row, with its results where it has
some. Running it again leaves one copy of each row.`,
		Example: `  constellation assemble --config edfs.yaml --run-id EDFS_20261122T101500Z`,
		Args:    cobra.NoArgs,
	}
	l.flags(c, storage, runID(theRun))
	cobra.CheckErr(c.MarkFlagRequired("run-id"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		s, err := l.settings(ctx, "")
		if err != nil {
			return err
		}
		store := objstore.Open(ctx, objstore.Config{})
		run, err := assemble.FromDirectories(ctx, store, s.RunID, s.Destination.ConfigID, s.Destination.RunURI)
		if err != nil {
			return err
		}
		for i := range run.Tiles {
			for j := range run.Tiles[i].SubTiles {
				if s := &run.Tiles[i].SubTiles[j]; s.Reason == survey.Lost { // said of executions; this run may have none
					s.Reason = "there is no inference result in " + s.Directory + ": constellation infer makes one"
				}
			}
		}
		record := objstore.Join(s.Destination.RunURI, survey.RunFile)
		if before, err := survey.LoadRun(ctx, store, record); err == nil {
			if was, is := before.SubTiles(), run.SubTiles(); is < was {
				return fault.Input("RunElsewhere", "the run's record has %d sub-tiles, below it lie %d: the others' directories were removed, or are of an earlier run, whose products this one found in the cache", was, is).
					On(record).Fix("have `constellation run --run-id %s` assemble it, or run it anew with --cache off", s.RunID)
			}
		} else if !objstore.IsNotFound(err) {
			return err
		}
		tables, err := catalog.Open(ctx, catalog.Settings(s.Catalog))
		if err != nil {
			return err
		}
		defer tables.Close()
		total, err := assemble.Commit(ctx, store, tables, run, nil, record)
		if err != nil {
			return err
		}
		if total.Kept > 0 {
			fmt.Fprintf(c.OutOrStdout(), "%d sub-tiles failed this time and keep their earlier rows\n", total.Kept)
		}
		fmt.Fprintf(c.OutOrStdout(), "%d shear rows and %d source rows in snapshot %d%s\n", total.ShearRows, total.SourceRows, total.Snapshot,
			map[bool]string{true: " (they were there already)"}[total.Unchanged == total.Commits])
		return nil
	}
	return c
}

func validateCommand() *cobra.Command {
	var l launch
	c := &cobra.Command{
		Use:     "validate --config FILE --run-id RUN",
		Short:   "Hold the catalogue to a run's plan and to the thresholds",
		Example: `  constellation validate --config edfs.yaml --run-id EDFS_20261122T101500Z --set validation.max_failed_fraction=0.01`,
		Args:    cobra.NoArgs,
	}
	l.flags(c, storage, runID(theRun))
	cobra.CheckErr(c.MarkFlagRequired("run-id"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		s, err := l.settings(ctx, "")
		if err != nil {
			return err
		}
		record := objstore.Join(s.Destination.RunURI, survey.RunFile)
		run, err := survey.LoadRun(ctx, objstore.Open(ctx, objstore.Config{}), record)
		if objstore.IsNotFound(err) {
			return fault.Input("RunUnknown", "no such run, or not assembled yet").On(record).Fix("check --run-id and output.storage_base_uri, or run constellation assemble")
		}
		if err != nil {
			return err
		}
		verdict, judged := assemble.Hold(ctx, catalog.Settings(s.Catalog), catalog.Thresholds(s.Thresholds), run)
		if verdict != nil {
			fmt.Fprint(c.OutOrStdout(), catalogue.Verdict(verdict).Text(""))
		}
		return judged
	}
	return c
}
