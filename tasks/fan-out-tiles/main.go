// fan-out-tiles plans every tile and sends it through its sub-workflow.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/tiles"
)

func main() { task.MainDynamic(pipeline.FanOutTiles, tiles.Plan) }
