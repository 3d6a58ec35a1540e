// assemble-catalog commits a run's results to the Iceberg tables.
package main

import (
	"context"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/campaign"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report/catalogue"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/survey"
)

func main() { task.Main(pipeline.AssembleCatalog, run) }

func run(ctx context.Context, in pipeline.AssembleCatalogIn) (out pipeline.AssembleCatalogOut, err error) {
	env := task.From(ctx)
	if len(in.Outcomes) != len(in.Prepared) {
		return out, fault.Input("TileCount", "%d tiles were prepared, %d have outcomes", len(in.Prepared), len(in.Outcomes)).At("outcomes").Fix("give a list for each tile")
	}
	prepared, outcomes := make([]string, len(in.Prepared)), make([][]string, len(in.Prepared))
	for i, p := range in.Prepared {
		prepared[i], outcomes[i] = p.URI, pipeline.URIs(in.Outcomes[i])
	}
	c, err := catalog.Open(ctx, catalog.Settings(in.Catalog))
	if err != nil {
		return out, err
	}
	defer c.Close()
	budget, _ := shine.Budget(in.GPU.Accelerator, in.GPU.Bytes())
	part, err := survey.Collect(ctx, env.Store(), in.Destination.RunURI, in.RunID, in.Destination.ConfigID, prepared, outcomes, budget)
	if err != nil {
		return out, err
	}
	if err := part.MarkFailures(ctx, survey.Redo{Store: env.Store(), Base: in.Destination.RedoTiles()}); err != nil {
		return out, err
	}
	leases, err := leases(ctx, env.Store(), in.Leases)
	if err != nil {
		return out, err
	}
	record := survey.PartURI(in.Destination.RunURI, in.Part)
	total, err := assemble.Commit(ctx, env.Store(), c, part, leases, record)
	if err != nil {
		return out, err
	}
	env.Log.Info("committed", "snapshot", total.Snapshot, "shear_rows", total.ShearRows, "source_rows", total.SourceRows, "unchanged", total.Unchanged == total.Commits, "kept", total.Kept)
	env.Deck.AddHTML("Run", catalogue.Run(part, total))
	return pipeline.AssembleCatalogOut{
		Part: literal.Blob{URI: record, Format: "json"}, Snapshot: total.Snapshot, ShearRows: total.ShearRows, SourceRows: total.SourceRows,
	}, nil
}

// leases are those of a campaign's selection; nil where the tiles are not a campaign's.
func leases(ctx context.Context, r objstore.Reader, uri string) ([]catalog.Lease, error) {
	if uri == "" {
		return nil, nil
	}
	selection, err := survey.Load[campaign.Selection](ctx, r, uri)
	if err != nil {
		return nil, err
	}
	return append([]catalog.Lease{}, selection.Leases...), nil
}
