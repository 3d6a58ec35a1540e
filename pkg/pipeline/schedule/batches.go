// Package schedule holds the bodies of fan_out_batches and schedule_tile: which
// tiles go together, and which sub-tiles are worth a GPU. They decide by small
// documents, and link little.
package schedule

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

// Batches sends tiles on in batches: in this execution where they are few.
func Batches(ctx context.Context, in pipeline.FanOutBatchesIn) (task.FanOut[pipeline.BatchIn], error) {
	branch, batches := in.Batches()
	task.From(ctx).Log.Info("batches", "tiles", len(in.TileIDs), "batches", len(batches), "branch", branch)
	return task.FanOut[pipeline.BatchIn]{Branch: branch, Items: batches}, nil
}
