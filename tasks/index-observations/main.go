// index-observations lists the survey's files and plans what is read.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/observations"
)

func main() { task.Main(pipeline.IndexObservations, observations.Index) }
