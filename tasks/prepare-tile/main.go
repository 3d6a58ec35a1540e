// prepare-tile cuts one tile into self-contained sub-tile directories.
package main

import (
	"context"

	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
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

func main() { task.Main(pipeline.PrepareTile, run) }

func run(ctx context.Context, in pipeline.PrepareTileIn) (out pipeline.PrepareTileOut, err error) {
	env, source := task.From(ctx), objstore.Open(ctx, in.Source.Store())
	plan, err := survey.Load[survey.Plan](ctx, env.Store(), in.Observations.URI)
	if err != nil {
		return out, err
	}
	tiles, err := survey.Load[survey.Tiles](ctx, env.Store(), in.Tiles.URI)
	if err != nil {
		return out, err
	}
	// The listing that the plan was made of: what became of a file since is said against it.
	indexed, err := env.Store().Stat(ctx, in.Observations.URI)
	if err != nil {
		return out, err
	}
	id := env.Identity()
	prepared, err := prepare.Tile(ctx, prepare.TileJob{
		TileID: in.TileID, Grid: in.Tiling.Grid(), Plan: plan, Tiles: tiles, Index: in.Index.URI,
		Source: objstore.Indexed(source, indexed.URI, indexed.Modified),
		Dest:   objstore.InClass(env.Store(), in.Destination.StorageClass), RunURI: in.Destination.RunURI, Copy: in.Destination.Copy, ConfigID: in.Destination.ConfigID,
		Provenance: manifest.Provenance{
			Run: objstore.Base(in.Destination.RunURI), Execution: id.Execution, Node: id.Node, Attempt: id.Attempt,
			Versions: map[string]string{"constellation": version.Version},
		},
	})
	if err != nil {
		return out, err
	}
	env.Log.Info("prepared", "tile", in.TileID, "summary", prepared.String(), "source", source.Usage())
	env.Deck.AddHTML("Tile", report.Prepared(prepared))
	if picture, err := draw(ctx, env.Store(), in, tiles, prepared); err != nil {
		env.Log.Warn("no map of the tile", "error", err)
	} else {
		env.Deck.AddHTML("Map", picture)
	}
	out = pipeline.PrepareTileOut{
		Prepared: literal.Blob{URI: env.Output("prepared.json"), Format: "json"},
		SubTiles: prepared.Indices(),
	}
	for _, uri := range prepared.Manifests() {
		out.Manifests = append(out.Manifests, pipeline.Optional(uri, ""))
	}
	return out, survey.Save(ctx, env.Store(), out.Prepared.URI, prepared)
}

// draw makes the deck's map, without which the tile is no less prepared.
func draw(ctx context.Context, store objstore.Reader, in pipeline.PrepareTileIn, tiles *survey.Tiles, p *survey.Prepared) (string, error) {
	tile, err := tiles.Find(in.TileID)
	if err != nil {
		return "", err
	}
	x, err := index.Open(ctx, store, in.Index.URI)
	if err != nil {
		return "", err
	}
	grid := in.Tiling.Grid()
	near, err := x.Near(ctx, tile.Centre, grid.Reach())
	if err != nil {
		return "", err
	}
	return report.Map(sky.Tile{ID: tile.ID, Centre: tile.Centre}, grid, near, p), nil
}
