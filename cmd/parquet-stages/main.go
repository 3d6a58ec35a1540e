// parquet-stages is every stage that links Parquet and not Iceberg: by a link of
// a stage's name it is that stage.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/footprints"
	"github.com/cosmostat/constellation/pkg/pipeline/inference"
	"github.com/cosmostat/constellation/pkg/pipeline/observations"
	"github.com/cosmostat/constellation/pkg/pipeline/tiles"
)

func main() {
	task.Serve(
		task.Stage(pipeline.IndexObservations, observations.Index),
		task.Stage(pipeline.ReadFootprints, footprints.Read),
		task.Stage(pipeline.MergeFootprints, footprints.Merge),
		task.DynamicStage(pipeline.FanOutTiles, tiles.Plan),
		task.Stage(pipeline.PrepareTile, tiles.Prepare),
		task.Stage(pipeline.InferSubtile, inference.Infer),
	)
}
