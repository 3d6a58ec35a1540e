// merge-footprints joins the batches of footprints into the quadrant index.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/footprints"
)

func main() { task.Main(pipeline.MergeFootprints, footprints.Merge) }
