package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/selection"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
)

// stages makes this process a stage where it was started by one's name. They are
// those that link Iceberg, which this command does too: so an image holds it once.
func stages() {
	task.Become(
		task.Stage(pipeline.CheckCatalog, shear.Check),
		task.Stage(pipeline.CompactCatalog, shear.Compact),
		task.Stage(pipeline.SelectTiles, selection.Select),
		task.Stage(pipeline.AssembleCatalog, shear.Assemble),
		task.Stage(pipeline.ValidateCatalog, shear.Validate),
	)
}
