// validate-catalog reads the committed catalogue back and holds it to the plan.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
)

func main() { task.Main(pipeline.ValidateCatalog, shear.Validate) }
