package commits

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// Written are files with a batch's source rows, which no snapshot names yet. So rows
// can be checked while they are written, and what is to be said of them first be
// known in full: which of them failed, and what they are made of.
type Written struct {
	files []iceberg.DataFile
	shape string
	since time.Time
}

// Write writes a batch's source rows to files, for [Batch.Written]. It reads all of
// them, but writes nothing where they are there already, as [Batch.Inputs] tells. Of
// the batch's shear rows it looks at the statuses alone.
func Write(ctx context.Context, c *tables.Catalog, b Batch) (*Written, error) {
	ctx = c.With(ctx)
	shear, err := b.shear()
	if err != nil {
		return nil, err
	}
	r := b.replaceSources(c, shear)
	t, err := c.Ensure(ctx, r.layout, r.guard)
	if err != nil {
		return nil, err
	}
	if b.Inputs != "" {
		hash, _, err := r.digest()
		if err != nil {
			return nil, err
		}
		if _, same := present(t, &b, hash); same {
			for _, err := range r.records {
				if err != nil {
					return nil, fmt.Errorf("read rows for %s: %w", r.layout.Name(), err)
				}
			}
			return nil, nil
		}
	}
	if err := r.guard(ctx, t); err != nil {
		return nil, err
	}
	if _, err := r.write(ctx, t); err != nil {
		return nil, fmt.Errorf("write rows of table %s: %w", r.layout.Name(), err)
	}
	return &Written{r.written, r.shape, r.since}, nil
}

// Discard removes files that turned out not to be needed. None of them may have been
// given to a commit, whatever became of that.
func (w *Written) Discard(ctx context.Context, c *tables.Catalog) error {
	if w == nil || len(w.files) == 0 {
		return nil
	}
	ctx = c.With(ctx)
	t, exists, err := c.Load(ctx, c.SourcesTable(), nil)
	if err != nil || !exists {
		return err
	}
	fs, err := t.FS(ctx)
	if err != nil {
		return err
	}
	if fs, can := fs.(iceio.WriteFileIO); can {
		for _, f := range w.files {
			_ = fs.Remove(f.FilePath()) // else upkeep takes it
		}
	}
	return nil
}
