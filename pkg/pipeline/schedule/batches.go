// Package schedule holds the bodies of fan_out_batches and schedule_tile: which
// tiles go together, and which sub-tiles are worth a GPU. They decide by small
// documents, and link little.
package schedule

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report"
)

// Batches sends tiles on in batches: in this execution where they are few.
func Batches(ctx context.Context, in pipeline.FanOutBatchesIn) (task.FanOut[pipeline.BatchIn], error) {
	branch, batches := in.Batches()
	env := task.From(ctx)
	env.Log.Info("batches", "tiles", len(in.TileIDs), "batches", len(batches), "branch", branch)
	shown := make([]report.Batch, len(batches))
	for i, b := range batches {
		shown[i] = report.Batch{Node: b.String(), Tiles: len(b.TileIDs), First: b.TileIDs[0], Last: b.TileIDs[len(b.TileIDs)-1]}
	}
	env.Deck.AddHTML("Batches", report.Batches(shown, branch != in.Kind))
	return task.FanOut[pipeline.BatchIn]{Branch: branch, Items: batches}, nil
}
