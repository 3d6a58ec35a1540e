// read-footprints reads the FITS headers of one batch of exposures.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/footprints"
)

func main() { task.Main(pipeline.ReadFootprints, footprints.Read) }
