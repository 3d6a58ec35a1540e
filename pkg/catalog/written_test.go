package catalog_test

import (
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/cosmostat/constellation/pkg/catalog"
)

// TestWritten: rows that were written before are committed without being read again,
// and what turns out not to be needed goes without a trace.
func TestWritten(t *testing.T) {
	c := open(t, filepath.Join(t.TempDir(), "warehouse"))
	reads := 0
	counted := func(b catalog.Batch) catalog.Batch {
		inner := b.Sources
		b.Sources = func(yield func(arrow.RecordBatch, error) bool) { reads++; inner(yield) }
		return b
	}
	b := counted(batch("run1", config, 7, 10, 0.25))
	b.Inputs, b.Tiles = "one", []int64{7}
	w, err := c.Write(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, contents(t, c, catalog.Filter{}), map[string]int{})
	b.Written = w
	if s := commit(t, c, b); s.SourceRows != 40 || s.Unchanged || reads != 1 {
		t.Errorf("%+v, read %d times", s, reads)
	}
	after := contents(t, c, catalog.Filter{})
	// Of what is there already nothing is written, though it is read.
	files := dataFiles(t, c)
	b.Written = nil
	if w, err := c.Write(t.Context(), b); w != nil || err != nil || reads != 2 || dataFiles(t, c) != files {
		t.Errorf("%v, %v, read %d times", w, err, reads)
	}
	if s, done, err := c.Done(t.Context(), b); !done || err != nil || s.SourceRows != 40 || s.ShearRows != 4 || !s.Unchanged {
		t.Errorf("%+v, %v, %v", s, done, err)
	}
	// Other inputs are written, and go again.
	b.Inputs = "two"
	if _, done, err := c.Done(t.Context(), b); done || err != nil {
		t.Errorf("other inputs are there: %v", err)
	}
	w, err = c.Write(t.Context(), b)
	if err != nil || dataFiles(t, c) == files {
		t.Fatal(err)
	}
	if err := w.Discard(t.Context(), c.Catalog); err != nil || dataFiles(t, c) != files {
		t.Errorf("%d files, %d before, %v", dataFiles(t, c), files, err)
	}
	// What can't be read leaves nothing.
	bad := errors.New("unreadable")
	b.Sources = fails(b.Sources, bad)
	if w, err := c.Write(t.Context(), b); w != nil || !errors.Is(err, bad) || dataFiles(t, c) != files {
		t.Errorf("%v, %v", w, err)
	}
	wants(t, contents(t, c, catalog.Filter{}), after)
}

func fails(records iter.Seq2[arrow.RecordBatch, error], err error) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for rec := range records {
			if !yield(rec, nil) {
				return
			}
		}
		yield(nil, err)
	}
}

// dataFiles counts the Parquet files of the catalogue's tables.
func dataFiles(t *testing.T, c *catalog.Catalog) (n int) {
	t.Helper()
	err := filepath.WalkDir(strings.TrimPrefix(c.Location(), "file://"), func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) == ".parquet" {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
