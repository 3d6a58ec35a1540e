// fan-out-tiles sends every tile through its sub-workflow.
package main

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

func main() { task.MainDynamic(pipeline.FanOutTiles, run) }

func run(_ context.Context, in pipeline.FanOutTilesIn) (task.FanOut[pipeline.TileIn], error) {
	return task.FanOut[pipeline.TileIn]{Branch: in.Branch, Items: in.Items()}, nil
}
