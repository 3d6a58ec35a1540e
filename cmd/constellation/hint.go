package main

import (
	"context"
	"fmt"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/survey"
)

// hints tells failures that are data when they happen: a task that ends well may
// say of its item that it could not be done. The tile's document is read only
// where there is nothing to infer, so this costs what went wrong, not what went well.
func hints(ctx context.Context, store objstore.Reader) func(local.Event) (note string, failed bool) {
	return func(e local.Event) (string, bool) {
		switch {
		case e.Outputs == nil:
		case e.Task == pipeline.MergeFootprints.Name():
			var out pipeline.MergeFootprintsOut
			if err := literal.Unmarshal(e.Outputs, &out); err == nil && len(out.Missing) > 0 {
				return fmt.Sprintf("%d DET files could not be read", len(out.Missing)), false
			}
		case e.Task == pipeline.PrepareTile.Name():
			var out pipeline.PrepareTileOut
			if err := literal.Unmarshal(e.Outputs, &out); err != nil || len(out.SubTiles) > 0 {
				break
			}
			// Where the document can't be read, whoever needs it says so.
			if tile, err := survey.Load[survey.Prepared](ctx, store, out.Prepared.URI); err == nil && tile.Failure != "" {
				return oneLine(tile.Failure), true
			}
		}
		return "", false
	}
}
