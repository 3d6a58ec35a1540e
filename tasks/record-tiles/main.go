// record-tiles writes down what a batch of tiles that were prepared only left.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/record"
)

func main() { task.Main(pipeline.RecordTiles, record.Tiles) }
