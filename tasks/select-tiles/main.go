// select-tiles picks the next tiles of a survey and leases them to this execution.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/selection"
)

func main() { task.Main(pipeline.SelectTiles, selection.Select) }
