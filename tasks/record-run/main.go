// record-run writes the record of a whole run.
package main

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/record"
)

func main() { task.Main(pipeline.RecordRun, record.Run) }
