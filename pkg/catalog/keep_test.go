package catalog_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

// without is a batch in which some sub-tiles ended with another status: no
// measurements, no sources.
func without(b catalog.Batch, status string, which ...int) catalog.Batch {
	b.Shear = slices.Clone(b.Shear)
	for _, i := range which {
		s := b.Shear[i]
		b.Shear[i] = results.Shear{TileID: s.TileID, Row: s.Row, Col: s.Col, RA: s.RA, Dec: s.Dec, Status: status}
	}
	chunks := b.Sources
	b.Sources = func(yield func(arrow.RecordBatch, error) bool) {
		n := -1
		for c, err := range chunks {
			if n++; !slices.Contains(which, n) && !yield(c, err) {
				return
			}
		}
	}
	return b
}

// state is what the tables say of one sub-tile.
func state(t *testing.T, c *catalog.Catalog, row, col int32) (status, run string, sources int) {
	t.Helper()
	for r, err := range c.Rows(t.Context(), catalog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Row == row && r.Col == col {
			status, run = r.Status, r.RunID
		}
	}
	for r, err := range c.Sources(t.Context(), catalog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Row == row && r.Col == col {
			sources++
		}
	}
	return status, run, sources
}

func TestFailureKeepsWhatWasMeasured(t *testing.T) {
	c := open(t, filepath.Join(t.TempDir(), "w"))
	good := batch("A", config, 7, 3, 0.25)
	commit(t, c, good)
	first := commit(t, c, without(batch("B", config, 7, 3, 0.25), survey.StatusFailed, 0, 1, 2, 3)) // all of them
	if first.Kept != 4 || first.ShearRows != 0 {
		t.Errorf("%+v", first)
	}
	if status, run, sources := state(t, c, 0, 0); status != survey.StatusOK || run != "A" || sources != 3 {
		t.Errorf("after a run that failed: %s of %s, %d sources", status, run, sources)
	}
	again := commit(t, c, without(batch("B", config, 7, 3, 0.25), survey.StatusFailed, 0, 1, 2, 3))
	if !again.Unchanged {
		t.Errorf("the same failure again: %+v", again)
	}
	// What is measured to be empty is no failure: it replaces, sources too.
	commit(t, c, without(batch("C", config, 7, 3, 0.25), survey.StatusNoSources, 0))
	if status, run, sources := state(t, c, 0, 0); status != survey.StatusNoSources || run != "C" || sources != 0 {
		t.Errorf("after no_sources: %s of %s, %d sources", status, run, sources)
	}
}

// TestFailureMeetsAnotherRun: the other run measures and commits while the one
// that failed is under way.
func TestFailureMeetsAnotherRun(t *testing.T) {
	c := open(t, filepath.Join(t.TempDir(), "w"))
	b := without(batch("A", config, 7, 3, 0.25), survey.StatusFailed, 0)
	chunks, met := b.Sources, false
	b.Sources = func(yield func(arrow.RecordBatch, error) bool) {
		if !met {
			met = true
			commit(t, c, batch("B", config, 7, 3, 0.5))
		}
		chunks(yield)
	}
	if s := commit(t, c, b); s.Kept != 1 {
		t.Errorf("%+v", s)
	}
	if status, run, sources := state(t, c, 0, 0); status != survey.StatusOK || run != "B" || sources != 3 {
		t.Errorf("%s of %s, %d sources", status, run, sources)
	}
	if status, run, sources := state(t, c, 0, 1); status != survey.StatusOK || run != "A" || sources != 3 {
		t.Errorf("%s of %s, %d sources", status, run, sources)
	}
}
