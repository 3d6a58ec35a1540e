// read-footprints reads the FITS headers of one batch of exposures.
package main

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/prepare"
	"github.com/cosmostat/constellation/pkg/survey"
)

func main() { task.Main(pipeline.ReadFootprints, run) }

func run(ctx context.Context, in pipeline.ReadFootprintsIn) (out pipeline.ReadFootprintsOut, err error) {
	env, source := task.From(ctx), objstore.Open(ctx, in.Source.Store())
	batch, err := survey.LoadBatch(ctx, env.Store(), in.Plan.URI, in.Batch)
	if err != nil {
		return out, err
	}
	out.Footprints = literal.Blob{URI: env.Output("footprints.parquet"), Format: "parquet"}
	read, err := prepare.Batch(ctx, source, batch.Exposures, env.Store(), out.Footprints.URI)
	if err != nil {
		return out, err
	}
	for _, why := range read.Unreadable {
		env.Log.Warn("left out", "error", why)
	}
	env.Log.Info("read headers", "exposures", len(batch.Exposures), "quadrants", read.Quadrants, "source", source.Usage())
	out.Unreadable = read.Unreadable
	if len(read.Unreadable) == 0 {
		return out, nil
	}
	key, err := batch.Key()
	if err != nil {
		return out, err
	}
	redo := survey.Redo{Store: env.Store(), Base: in.Destination.RedoBatches()}
	return out, redo.Failed(ctx, key, batch.Again, in.Destination.Run())
}
