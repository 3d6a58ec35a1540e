// assemble-catalog commits a run's results to the Iceberg tables.
package main

import (
	"context"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report/catalogue"
)

func main() { task.Main(pipeline.AssembleCatalog, run) }

func run(ctx context.Context, in pipeline.AssembleCatalogIn) (out pipeline.AssembleCatalogOut, err error) {
	env := task.From(ctx)
	input := assemble.Input{RunID: in.RunID, ConfigID: in.Destination.ConfigID, RunURI: in.Destination.RunURI}
	for i, p := range in.Prepared {
		input.Prepared = append(input.Prepared, p.URI)
		input.Outcomes = append(input.Outcomes, pipeline.URIs(in.Outcomes[i]))
	}
	c, err := catalog.Open(ctx, catalog.Settings(in.Catalog))
	if err != nil {
		return out, err
	}
	defer c.Close()
	collected, err := assemble.Collect(ctx, env.Store(), input)
	if err != nil {
		return out, err
	}
	record, total, err := assemble.Commit(ctx, env.Store(), c, collected, in.Destination.RunURI)
	if err != nil {
		return out, err
	}
	env.Log.Info("committed", "snapshot", total.Snapshot, "shear_rows", total.ShearRows, "source_rows", total.SourceRows, "unchanged", total.Unchanged == total.Commits, "kept", total.Kept)
	env.Deck.AddHTML("Run", catalogue.Run(collected, total))
	return pipeline.AssembleCatalogOut{
		Run: literal.Blob{URI: record, Format: "json"}, Snapshot: total.Snapshot, ShearRows: total.ShearRows, SourceRows: total.SourceRows,
	}, nil
}
