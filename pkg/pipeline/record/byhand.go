package record

import (
	"cmp"
	"context"
	"slices"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/survey"
)

// ByHand writes tiles that somebody prepared by hand into the record of their
// run, in the place of what it said of them. What it says of others stays; a record
// of another configuration is refused. What was listed stands as it was this time.
func ByHand(ctx context.Context, in pipeline.RecordTilesIn, listed survey.Listed) (*survey.Run, error) {
	if err := (survey.Identity{ConfigID: in.Destination.ConfigID}).Claim(ctx, task.From(ctx).Store(), in.Destination.RunURI); err != nil {
		return nil, err
	}
	run, err := collect(ctx, in)
	if err != nil {
		return nil, err
	}
	run.Listed = listed
	prepared := map[int64]bool{}
	for _, t := range run.Tiles {
		prepared[t.TileID] = true
	}
	store, uri := task.From(ctx).Store(), survey.RunURI(in.Destination.RunURI)
	switch before, err := survey.LoadRun(ctx, store, uri); {
	case objstore.IsNotFound(err):
	case err != nil:
		return nil, err
	case before.ConfigID == run.ConfigID:
		for _, t := range before.Tiles {
			if !prepared[t.TileID] {
				run.Tiles = append(run.Tiles, t)
			}
		}
	}
	slices.SortFunc(run.Tiles, func(a, b survey.RunTile) int { return cmp.Compare(a.TileID, b.TileID) })
	return run, survey.Save(ctx, store, uri, run)
}
