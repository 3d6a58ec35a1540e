// Package footprints holds the bodies of read_footprints and merge_footprints:
// from the FITS headers of batches of exposures to the survey's quadrant index.
package footprints

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/prepare"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Read reads the headers of one batch. Exposures that can't be used are left
// out, with the reason, and the batch is marked to be read again by the next run;
// where none can be, that is an error.
func Read(ctx context.Context, in pipeline.ReadFootprintsIn) (out pipeline.ReadFootprintsOut, err error) {
	env := task.From(ctx)
	source := env.Open(ctx, pipeline.Store(in.Source))
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
	out.Unreadable = pipeline.ByFile(read.Unreadable)
	if !read.Again() {
		return out, nil
	}
	key, err := batch.Key()
	if err != nil {
		return out, err
	}
	redo := survey.Redo{Store: env.Store(), Base: in.Destination.RedoBatches()}
	return out, redo.Failed(ctx, key, batch.Again, in.Destination.Run())
}
