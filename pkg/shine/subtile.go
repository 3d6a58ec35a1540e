package shine

import (
	"context"
	"fmt"
	"os"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
)

// SubTile fetches a sub-tile directory where it isn't local, infers it and
// publishes the results beside it. Data that can't be used, and results that
// break the contract, are an outcome, failed with the reason: trying again
// would not help, and the other sub-tiles go on.
func SubTile(ctx context.Context, store objstore.Store, uri string, job Job) (results.Outcome, error) {
	scratch, err := os.MkdirTemp("", "subtile-")
	if err != nil {
		return results.Outcome{}, fault.Input(objstore.NotWritable, "make a scratch directory: %w", err).Fix("set TMPDIR to a directory with room for a sub-tile")
	}
	defer os.RemoveAll(scratch)
	if job.Dir, err = Fetch(ctx, store, uri, scratch); err != nil {
		return results.Outcome{}, fmt.Errorf("fetch %s: %w", uri, err)
	}
	job.URI = uri
	outcome, err := Run(ctx, job)
	switch {
	case err == nil:
		return outcome, Publish(ctx, store, job.Dir, uri)
	case fault.KindOf(err) == fault.BadData:
		return job.failed(err)
	}
	return outcome, err
}

// failed is the outcome of a sub-tile that can't be measured.
func (j Job) failed(reason error) (results.Outcome, error) {
	out := results.Outcome{Status: results.Failed, Reason: reason.Error(), Directory: j.URI}
	m, err := j.manifest()
	if err != nil {
		return out, reason // without a manifest nobody knows whose failure it is
	}
	out.TileID, out.Row, out.Col = m.TileID, m.Row, m.Col
	return out, nil
}
