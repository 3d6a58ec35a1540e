// stages is every stage that links neither Parquet nor Iceberg: by a link of a
// stage's name it is that stage. What they share is there once, not as often as
// there are stages.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/record"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
	"github.com/cosmostat/constellation/pkg/pipeline/schedule"
)

func main() {
	task.Serve(
		task.Stage(pipeline.ResolveConfig, resolve.Config),
		task.DynamicStage(pipeline.FanOutBatches, schedule.Batches),
		task.Stage(pipeline.ScheduleTile, schedule.Tile),
		task.Stage(pipeline.RecordTiles, record.Tiles),
		task.Stage(pipeline.RecordRun, record.Run),
	)
}
