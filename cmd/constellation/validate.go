package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
	"github.com/cosmostat/constellation/pkg/report/catalogue"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

func validateCommand() *cobra.Command {
	var l launch
	c := &cobra.Command{
		Use:   "validate --config FILE --run-id RUN",
		Short: "Hold the catalogue to a run's plan and to the thresholds",
		Long: `Validate does what validate-catalog does, but for output.retention: it looks, and
removes nothing (constellation clean --pixels does).`,
		Example: `  constellation validate --config edfs.yaml --run-id EDFS_20261122T101500Z --set validation.max_failed_fraction=0.01`,
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
		record := survey.RunURI(s.Destination.RunURI)
		if _, err := hand.store.Stat(ctx, record); objstore.IsNotFound(err) {
			return fault.Input("RunUnknown", "no such run, or not assembled yet").On(record).Fix("check --run-id and output.storage_base_uri, or run constellation assemble")
		}
		out, judged := shear.Validate(hand.stage(ctx, "validate"), pipeline.ValidateCatalogIn{
			Run: literal.Blob{URI: record, Format: "json"}, Destination: s.Destination, Catalog: s.Catalog, Thresholds: s.Thresholds, Retention: settings.Keep,
		})
		if out.Report.URI == "" {
			return judged
		}
		verdict, err := survey.Load[catalog.Report](ctx, hand.store, out.Report.URI)
		if err != nil {
			return err
		}
		fmt.Fprint(c.OutOrStdout(), catalogue.Verdict(verdict).Text(""))
		run, err := survey.LoadRun(ctx, hand.store, record)
		if err != nil {
			return err
		}
		printListed(c.OutOrStdout(), "", run.Listed)
		return judged
	}
	return c
}
