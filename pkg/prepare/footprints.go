package prepare

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

const (
	// exposuresAtOnce bounds the exposures of a batch whose headers are read together.
	exposuresAtOnce = 4
	// batchesAtOnce bounds the batches that are read together, and batchWindow,
	// in bytes, what is held of each: 200,000 small objects are two requests each.
	batchesAtOnce = 16
	batchWindow   = 4 << 20
)

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
			for _, q := range read[i] { // here it is one batch that fails, in the merge it would be all
				if err := index.Check(q); err != nil {
					return fmt.Errorf("footprints of %s: %w", e.DET.URI, err)
				}
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
	index.Summary          // of the quadrant index
	Missing       []string // DET files of batches that could not be read
}

// Merge joins batches into the quadrant index whose root document is at uri,
// sorting in the directory for temporary files. A batch that could not be read
// is an empty string; its files are missing, and more of them than the limit
// allows are an error that names them.
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
	scratch, err := os.MkdirTemp("", "footprints-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	sum, err := index.Write(ctx, store, uri, scratch, index.Options{}, func(add func([]euclid.Quadrant) error) error {
		return readBatches(ctx, store, batches, add)
	})
	if err != nil {
		return nil, err
	}
	m.Summary = *sum
	return m, nil
}

// readBatches gives the quadrants of all batches that there are to add, by one
// call at a time. Batches come in any order.
func readBatches(ctx context.Context, r objstore.Reader, batches []string, add func([]euclid.Quadrant) error) error {
	var lock sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(batchesAtOnce)
	for _, batch := range batches {
		if batch == "" {
			continue
		}
		g.Go(func() error {
			return scanQuadrants(gctx, r, batch, func(qs []euclid.Quadrant) error {
				lock.Lock()
				defer lock.Unlock()
				return add(qs)
			})
		})
	}
	return g.Wait()
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

// scanQuadrants visits the quadrants of a Parquet object, group by group. A
// batch of a few exposures, which is the rule, is read by one request.
func scanQuadrants(ctx context.Context, r objstore.Reader, uri string, visit func([]euclid.Quadrant) error) error {
	info, err := r.Stat(ctx, uri)
	if err != nil {
		return err
	}
	at := objstore.Window(objstore.ReaderAt(ctx, r, info), info.Size, batchWindow)
	if info.Size <= batchWindow {
		data := make([]byte, info.Size)
		if _, err := objstore.ReaderAt(ctx, r, info).ReadAt(data, 0); err != nil && err != io.EOF {
			return err
		}
		at = bytes.NewReader(data)
	}
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
