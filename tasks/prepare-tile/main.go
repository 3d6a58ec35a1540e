// prepare-tile cuts one tile into self-contained sub-tile directories.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/tiles"
)

func main() { task.Main(pipeline.PrepareTile, tiles.Prepare) }
