// assemble-catalog commits a run's results to the Iceberg tables.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
)

func main() { task.Main(pipeline.AssembleCatalog, shear.Assemble) }
