package prepare

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// exposuresAtOnce bounds the exposures of a batch whose headers are read together.
const exposuresAtOnce = 4

// Batch reads the headers of one batch of exposures from source and writes
// their quadrants, in the order of the plan, to uri. It returns their number.
func Batch(ctx context.Context, source objstore.Reader, exposures []euclid.Exposure, dest objstore.Writer, uri string) (int, error) {
	read := make([][]euclid.Quadrant, len(exposures))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(exposuresAtOnce)
	for i, e := range exposures {
		g.Go(func() (err error) {
			if read[i], err = euclid.ReadQuadrants(gctx, source, e); err != nil {
				return fmt.Errorf("read footprints of %s: %w", e.ExposureID, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	return writeQuadrants(ctx, dest, uri, func(w *quadrants.Writer) (n int, err error) {
		for _, qs := range read {
			if err := w.Append(qs); err != nil {
				return n, err
			}
			n += len(qs)
		}
		return n, nil
	})
}

// Merged is what became of the batches.
type Merged struct {
	Quadrants int      // in the index
	Missing   []string // DET files of batches that could not be read
}

// Merge joins batches into the quadrant index at uri. A batch that could not
// be read is an empty string; its files are missing, and more of them than the
// limit allows are an error that names them.
func Merge(ctx context.Context, store objstore.Store, plan *survey.Plan, batches []string, limit config.Limit, uri string) (*Merged, error) {
	if len(batches) != plan.Batches() {
		return nil, fault.New(fault.Bug, "BatchCount", "%d batches were read, the plan has %d", len(batches), plan.Batches())
	}
	m := &Merged{}
	for i, batch := range batches {
		if batch != "" {
			continue
		}
		exposures, err := plan.Batch(i)
		if err != nil {
			return nil, err
		}
		for _, e := range exposures {
			m.Missing = append(m.Missing, e.DET.URI)
		}
	}
	allowed, err := limit.Of(len(plan.Exposures))
	if err != nil {
		return nil, fault.Input("ConfigInvalid", "data.max_missing: %w", err)
	}
	if len(m.Missing) > allowed {
		return nil, fault.Data("FilesMissing", "%d of %d DET files could not be read, %d may be missing: %s",
			len(m.Missing), len(plan.Exposures), allowed, some(m.Missing)).
			Fix("see the read-footprints elements that failed; mend or remove the files, or raise data.max_missing")
	}
	m.Quadrants, err = writeQuadrants(ctx, store, uri, func(w *quadrants.Writer) (n int, err error) {
		for _, batch := range batches {
			if batch == "" {
				continue
			}
			if err := scanQuadrants(ctx, store, batch, func(qs []euclid.Quadrant) error {
				n += len(qs)
				return w.Append(qs)
			}); err != nil {
				return n, err
			}
		}
		return n, nil
	})
	return m, err
}

// writeQuadrants makes one Parquet object of what fill appends.
func writeQuadrants(ctx context.Context, dest objstore.Writer, uri string, fill func(*quadrants.Writer) (int, error)) (int, error) {
	up, err := dest.Create(ctx, uri)
	if err != nil {
		return 0, err
	}
	defer up.Abort()
	w, err := quadrants.NewWriter(up)
	if err != nil {
		return 0, err
	}
	n, err := fill(w)
	if err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	_, err = up.Commit()
	return n, err
}

// scanQuadrants visits the quadrants of a Parquet object, group by group.
func scanQuadrants(ctx context.Context, r objstore.Reader, uri string, visit func([]euclid.Quadrant) error) error {
	info, err := r.Stat(ctx, uri)
	if err != nil {
		return err
	}
	var at io.ReaderAt = objstore.ReaderAt(ctx, r, info)
	if err := quadrants.Scan(at, info.Size, visit); err != nil {
		return fmt.Errorf("read quadrants of %s: %w", uri, err)
	}
	return nil
}

// some shows a few of many names.
func some(names []string) string {
	const shown = 5
	text := ""
	for i, name := range names {
		if i == shown {
			return fmt.Sprintf("%s and %d more", text, len(names)-shown)
		}
		if i > 0 {
			text += ", "
		}
		text += name
	}
	return text
}
