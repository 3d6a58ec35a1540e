// stages is every stage that doesn't link Iceberg: by a link of a stage's name it
// is that stage. What they share is there once, not as often as there are stages.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/footprints"
	"github.com/cosmostat/constellation/pkg/pipeline/inference"
	"github.com/cosmostat/constellation/pkg/pipeline/observations"
	"github.com/cosmostat/constellation/pkg/pipeline/record"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
	"github.com/cosmostat/constellation/pkg/pipeline/schedule"
	"github.com/cosmostat/constellation/pkg/pipeline/tiles"
)

func main() {
	task.Serve(
		task.Stage(pipeline.ResolveConfig, resolve.Config),
		task.Stage(pipeline.IndexObservations, observations.Index),
		task.Stage(pipeline.ReadFootprints, footprints.Read),
		task.Stage(pipeline.MergeFootprints, footprints.Merge),
		task.DynamicStage(pipeline.FanOutBatches, schedule.Batches),
		task.DynamicStage(pipeline.FanOutTiles, tiles.Plan),
		task.Stage(pipeline.PrepareTile, tiles.Prepare),
		task.Stage(pipeline.ScheduleTile, schedule.Tile),
		task.Stage(pipeline.InferSubtile, inference.Infer),
		task.Stage(pipeline.RecordTiles, record.Tiles),
		task.Stage(pipeline.RecordRun, record.Run),
	)
}
