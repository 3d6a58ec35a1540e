// Package shear holds the bodies of check_catalog, assemble_catalog and
// validate_catalog: whether there is a way into the Iceberg tables, a run's results
// into them, and the tables held to the run.
package shear

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/campaign"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/gpu"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report/catalogue"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Assemble commits what a batch of tiles left. A sub-tile without a usable result
// is recorded as failed, with the reason, and the others are committed.
func Assemble(ctx context.Context, in pipeline.AssembleCatalogIn) (out pipeline.AssembleCatalogOut, err error) {
	env := task.From(ctx)
	if len(in.Outcomes) != len(in.Prepared) {
		return out, fault.Input("TileCount", "%d tiles were prepared, %d have outcomes", len(in.Prepared), len(in.Outcomes)).At("outcomes").Fix("give a list for each tile")
	}
	outcomes := make([][]string, len(in.Outcomes))
	for i, blobs := range in.Outcomes {
		outcomes[i] = pipeline.URIs(blobs)
	}
	budget, _ := gpu.Budget(in.GPU.Accelerator, in.GPU.Bytes())
	part, err := survey.Collect(ctx, env.Store(), in.Destination.RunURI, in.Destination.Run(), in.Destination.ConfigID, pipeline.Places(in.Prepared), outcomes, budget)
	if err != nil {
		return out, err
	}
	if err := part.Bind(ctx, env.Store()); err != nil {
		return out, err
	}
	if err := (survey.Identity{ConfigID: in.Destination.ConfigID}).Claim(ctx, env.Store(), in.Destination.RunURI); err != nil {
		return out, err
	}
	record := survey.PartURI(in.Destination.RunURI, in.Part)
	total, err := Commit(ctx, part, in.Inference, in.CommitSettings, in.Destination, record)
	if err != nil {
		return out, err
	}
	return pipeline.AssembleCatalogOut{
		Part: literal.Blob{URI: record, Format: "json"}, Snapshot: total.Snapshot, ShearRows: total.ShearRows, SourceRows: total.SourceRows,
	}, nil
}

// AssembleDirectories does the same for a run whose stages were run by hand: from
// its directories, and from its record where there is one, which it replaces.
//
// A run that was prepared from other data is refused, and so is one that measured
// its sub-tiles itself, under another configuration: its record would be lost.
// What it returns of the run says how each tile and sub-tile ended.
func AssembleDirectories(ctx context.Context, s pipeline.ResolveConfigOut) (assemble.Total, *survey.Run, error) {
	d, store := s.Destination, task.From(ctx).Store()
	id := s.Identity()
	if err := id.CheckData(ctx, store, d.RunURI); err != nil {
		return assemble.Total{}, nil, err
	}
	if err := id.CheckRecord(ctx, store, d.RunURI); err != nil {
		return assemble.Total{}, nil, err
	}
	run, err := assemble.FromDirectories(ctx, store, d.Run(), d.ConfigID, d.RunURI, sky.Grid(s.Tiling.Grid))
	if err != nil {
		return assemble.Total{}, nil, err
	}
	total, err := Commit(ctx, run, s.Inference, pipeline.CommitSettings{Catalog: s.Catalog, Release: run.Release}, d, survey.RunURI(d.RunURI))
	return total, run, err
}

// How the garbage of an assembly is collected: seldom, while there is room. The rows
// on their way are the same some dozens of megabytes all the time, and a collector that
// waits for their double alone takes a seventh of the work.
const (
	collectAt      = 400 // percent of what is in use
	room           = 176 << 20
	roomPerSubTile = 2 << 10 // that its record takes
)

// unhurried has garbage collected so until it is called again.
func unhurried(subTiles int) (back func()) {
	percent := debug.SetGCPercent(collectAt)
	limit := debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(limit, room+int64(subTiles)*roomPerSubTile))
	return func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) }
}

// Commit writes the record of some tiles and commits their rows. Tiles that could
// not be prepared are marked first: the next run tries them again, whatever
// becomes of the commit.
func Commit(ctx context.Context, part *survey.Run, engine settings.Inference, in pipeline.CommitSettings, d pipeline.Destination, record string) (total assemble.Total, err error) {
	defer unhurried(part.SubTiles())()
	env := task.From(ctx)
	redo := survey.Redo{Store: env.Store(), Base: d.RedoTiles()}
	if err := part.MarkFailures(ctx, redo); err != nil {
		return total, err
	}
	c, err := catalog.Open(ctx, in.Catalog)
	if err != nil {
		return total, err
	}
	defer c.Close()
	leases, err := leases(ctx, env.Store(), in.Leases)
	if err != nil {
		return total, err
	}
	terms := assemble.Terms{Methods: results.Methods(engine.Engine, engine.Inference), Release: in.Release, Leases: leases}
	total, err = assemble.Commit(ctx, env.Store(), c, part, terms, record)
	// What assembly found to be gone is to be made again, too.
	if err := errors.Join(err, part.MarkFailures(ctx, redo)); err != nil {
		return total, err
	}
	env.Log.Info("committed", "snapshot", total.Snapshot, "shear_rows", total.ShearRows, "source_rows", total.SourceRows, "unchanged", total.AllUnchanged(), "kept", total.Kept)
	env.Deck.AddHTML("Run", catalogue.Run(part, total))
	env.Deck.AddHTML("Tiles", catalogue.Tiles(part, total))
	return total, nil
}

// leases are those of a campaign's selection; nil where the tiles are not a campaign's.
func leases(ctx context.Context, r objstore.Reader, uri string) ([]catalog.Lease, error) {
	if uri = pipeline.Given(uri); uri == "" {
		return nil, nil
	}
	selection, err := survey.Load[campaign.Selection](ctx, r, uri)
	if err != nil {
		return nil, err
	}
	return append([]catalog.Lease{}, selection.Leases...), nil
}
