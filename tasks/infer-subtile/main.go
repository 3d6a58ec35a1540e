// infer-subtile runs the inference engine on one sub-tile directory.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/inference"
)

func main() { task.Main(pipeline.InferSubtile, inference.Infer) }
