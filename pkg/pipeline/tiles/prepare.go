package tiles

import (
	"context"
	"runtime/debug"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/prepare"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
	"github.com/cosmostat/constellation/pkg/version"
)

// collectAt is the garbage collector's percentage while a tile is prepared. What
// is held are buffers that are used again: looking through them often costs next
// to nothing, and garbage doesn't pile up beside them.
const collectAt = 10

// Prepare cuts one tile into its directories. What is wrong with the tile's own
// data is an outcome: it says why, and the tile is marked to be prepared again by the
// next run, as is one that lacks exposures which could not be copied, or has some
// that don't match their checksums. Anything else that goes wrong, in the products' store
// for one, is an error.
func Prepare(ctx context.Context, in pipeline.PrepareTileIn) (out pipeline.PrepareTileOut, err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt))
	env := task.From(ctx)
	source := env.Open(ctx, pipeline.Store(in.Source))
	plan, near, err := prepare.LoadTilePlan(ctx, env.Store(), in.Plan.URI)
	if err != nil {
		return out, err
	}
	// Somebody may have removed the directory since the tiles were planned, and begun another run.
	if err := (survey.Identity{ConfigID: in.Destination.ConfigID}).Claim(ctx, env.Store(), in.Destination.RunURI); err != nil {
		return out, err
	}
	// The moment of the listing: what became of a file since is said against it.
	listed, err := env.Store().Stat(ctx, in.Listing.URI)
	if err != nil {
		return out, err
	}
	id := env.Identity()
	progress := env.Checkpoint()
	prepared, err := prepare.Tile(ctx, prepare.TileJob{
		Plan: plan, Near: near,
		Source: objstore.Indexed(source, listed.URI, listed.Modified),
		Dest:   objstore.InClass(env.Store(), string(in.Products.StorageClass)), RunURI: in.Destination.RunURI, Copy: in.Products.Copy, ConfigID: in.Destination.ConfigID,
		MaxMissing: config.Limit(in.Tolerance.MaxMissing), Verify: in.Tolerance.Verify,
		Progress: progress,
		Provenance: manifest.Provenance{
			Run: in.Destination.Run(), Execution: id.Execution, Node: id.Node, Attempt: id.Attempt,
			Versions: map[string]string{"constellation": version.Version},
		},
	})
	if err != nil {
		return out, err
	}
	env.Log.Info("prepared", "tile", plan.Tile.ID, "summary", prepared.String(), "source", source.Usage())
	if rows := survey.RowsOf(prepared); rows.Given() {
		env.Log.Warn("rows went nowhere", "tile", plan.Tile.ID, "rows", rows.String())
	}
	env.Deck.AddHTML("Tile", report.Prepared(prepared))
	env.Deck.AddHTML("Map", report.Map(sky.Tile{ID: plan.Tile.ID, Centre: plan.Tile.Centre}, plan.Grid, near, prepared))
	for _, lost := range prepared.Lost {
		env.Log.Warn("left out", "tile", plan.Tile.ID, "exposure", lost.Exposure.String(), "error", lost.Reason)
	}
	for _, why := range prepared.Unverified {
		env.Log.Warn("used although it doesn't match its checksum", "tile", plan.Tile.ID, "error", why)
	}
	if prepared.Failure != "" || len(prepared.Lost)+len(prepared.Unverified) > 0 {
		redo := survey.Redo{Store: env.Store(), Base: in.Destination.RedoTiles()}
		if err := redo.Failed(ctx, prepared.Plan, prepared.Again, in.Destination.Run()); err != nil {
			return out, err
		}
	}
	out = pipeline.PrepareTileOut{
		Prepared: literal.Blob{URI: env.Output("prepared.json"), Format: "json"}, Failure: prepared.Failure,
	}
	return out, survey.Save(ctx, env.Store(), out.Prepared.URI, prepared)
}
