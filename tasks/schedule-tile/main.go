// schedule-tile says which sub-tiles of a tile are worth a GPU.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/schedule"
)

func main() { task.Main(pipeline.ScheduleTile, schedule.Tile) }
