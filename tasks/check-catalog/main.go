// check-catalog finds out whether results can be committed, before any tile is begun.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
)

func main() { task.Main(pipeline.CheckCatalog, shear.Check) }
