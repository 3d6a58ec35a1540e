package main

import (
	"fmt"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

// hints tells failures that are data when they happen: a task that ends well may
// say of its item that it could not be done.
func hints() func(local.Event) (note string, failed bool) {
	return func(e local.Event) (string, bool) {
		switch {
		case e.Outputs == nil:
		case e.Task == pipeline.MergeFootprints.Name():
			var out pipeline.MergeFootprintsOut
			if err := literal.Unmarshal(e.Outputs, &out); err == nil && len(out.Missing) > 0 {
				return fmt.Sprintf("%d exposures could not be read", len(out.Missing)), false
			}
		case e.Task == pipeline.PrepareTile.Name():
			var out pipeline.PrepareTileOut
			if err := literal.Unmarshal(e.Outputs, &out); err == nil && out.Failure != "" {
				return oneLine(out.Failure), true
			}
		}
		return "", false
	}
}
