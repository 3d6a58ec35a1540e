package record

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Tiles writes down what a batch of tiles left that were prepared only. Those
// that failed are marked to be prepared again by the next run.
func Tiles(ctx context.Context, in pipeline.RecordTilesIn) (out pipeline.RecordTilesOut, err error) {
	env := task.From(ctx)
	prepared := make([]string, len(in.Prepared))
	for i, p := range in.Prepared {
		prepared[i] = p.URI
	}
	part, err := survey.Collect(ctx, env.Store(), in.Destination.RunURI, in.Destination.Run(), in.Destination.ConfigID, prepared, nil, 0)
	if err != nil {
		return out, err
	}
	if err := part.MarkFailures(ctx, survey.Redo{Store: env.Store(), Base: in.Destination.RedoTiles()}); err != nil {
		return out, err
	}
	out.Part = literal.Blob{URI: survey.PartURI(in.Destination.RunURI, in.Part), Format: "json"}
	return out, survey.Save(ctx, env.Store(), out.Part.URI, part)
}
