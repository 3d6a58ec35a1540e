// Package tiles holds the bodies of fan_out_tiles and prepare_tile: what each
// tile is made from, and its sub-tile directories.
package tiles

import (
	"context"

	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/prepare"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Plan makes the run's directory this configuration's, before anything is written
// there, and writes a plan for every tile. A tile that failed before, or whose products
// were removed, gets another key, so that no cache answers for it.
func Plan(ctx context.Context, in pipeline.FanOutTilesIn) (out task.FanOut[pipeline.TileIn], err error) {
	out = task.FanOut[pipeline.TileIn]{Branch: in.Branch, Accelerator: in.GPU.Accelerator}
	if len(in.TileIDs) == 0 {
		return out, nil
	}
	store := task.From(ctx).Store()
	if err := in.Identity().Claim(ctx, store, in.Destination.RunURI); err != nil {
		return out, err
	}
	planner := prepare.Planner{
		Grid: sky.Grid(in.Tiling.Grid), Store: store, Dir: task.From(ctx).Output("tiles"),
		Redo: survey.Redo{Store: store, Base: in.Destination.RedoTiles()}, ConfigID: in.Destination.ConfigID,
	}
	if planner.Plan, err = survey.OpenPlan(ctx, store, in.Plan.URI); err != nil {
		return out, err
	}
	if planner.Tiles, err = survey.Load[survey.Tiles](ctx, store, in.Tiles.URI); err != nil {
		return out, err
	}
	if planner.Index, err = index.Open(ctx, store, in.Index.URI); err != nil {
		return out, err
	}
	planned, err := planner.Plans(ctx, in.TileIDs)
	if err != nil {
		return out, err
	}
	inference := literal.Blob{URI: task.From(ctx).Output("inference.json"), Format: "json"}
	key, err := survey.SaveDigest(ctx, store, inference.URI, in.Inference)
	if err != nil {
		return out, err
	}
	shown := make([]report.PlannedTile, len(planned))
	for i, p := range planned {
		item := in.Tile(p.TileID, literal.Blob{URI: p.URI, Format: "json"}, p.Key, inference, key)
		out.Items = append(out.Items, item)
		shown[i] = report.PlannedTile{Node: item.String(), ID: p.TileID, Plan: p.URI, Key: p.Key}
	}
	task.From(ctx).Deck.AddHTML("Tiles", report.PlannedTiles(shown, in.Branch))
	return out, nil
}
