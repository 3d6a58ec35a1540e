// fan-out-batches sends a run's tiles in batches through the fan-out over tiles.
package main

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

func main() { task.MainDynamic(pipeline.FanOutBatches, run) }

func run(ctx context.Context, in pipeline.FanOutBatchesIn) (task.FanOut[pipeline.BatchIn], error) {
	branch, batches := in.Batches()
	task.From(ctx).Log.Info("batches", "tiles", len(in.TileIDs), "batches", len(batches), "branch", branch)
	return task.FanOut[pipeline.BatchIn]{Branch: branch, Items: batches}, nil
}
