// fan-out-batches sends a run's tiles in batches through the fan-out over tiles.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/schedule"
)

func main() { task.MainDynamic(pipeline.FanOutBatches, schedule.Batches) }
