package record

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Tiles writes down what a batch of tiles left that were prepared only. Those
// that failed are marked to be prepared again by the next run.
func Tiles(ctx context.Context, in pipeline.RecordTilesIn) (out pipeline.RecordTilesOut, err error) {
	store := task.From(ctx).Store()
	if err := (survey.Identity{ConfigID: in.Destination.ConfigID}).Claim(ctx, store, in.Destination.RunURI); err != nil {
		return out, err
	}
	part, err := collect(ctx, in)
	if err != nil {
		return out, err
	}
	for _, t := range part.Tiles {
		if t.Failure != "" {
			task.From(ctx).Log.Warn("a tile could not be prepared", "tile", t.TileID, "reason", t.Failure)
		}
	}
	task.From(ctx).Deck.AddHTML("Tiles", report.Tiles(part))
	out.Part = literal.Blob{URI: survey.PartURI(in.Destination.RunURI, in.Part), Format: "json"}
	return out, survey.Save(ctx, store, out.Part.URI, part)
}

// collect finds out how the tiles ended, and marks those that failed and those
// whose directories are gone.
func collect(ctx context.Context, in pipeline.RecordTilesIn) (*survey.Run, error) {
	store := task.From(ctx).Store()
	part, err := survey.Collect(ctx, store, in.Destination.RunURI, in.Destination.Run(), in.Destination.ConfigID, pipeline.Places(in.Prepared), nil, 0)
	if err != nil {
		return nil, err
	}
	if err := part.Bind(ctx, store); err != nil {
		return nil, err
	}
	return part, part.MarkFailures(ctx, survey.Redo{Store: store, Base: in.Destination.RedoTiles()})
}
