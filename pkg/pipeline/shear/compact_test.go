package shear_test

import (
	"testing"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/shear"
)

// TestCompact: files of several commits become one of each table, once; where there
// is nothing to look after, that is an error, and nothing is made.
func TestCompact(t *testing.T) {
	r, _, in := start(t)
	if _, err := shear.Compact(r.Stage("early"), pipeline.CompactCatalogIn{Catalog: r.Settings.Catalog}); fault.KindOf(err) != fault.BadInput {
		t.Errorf("without tables: %v", err)
	}
	assembled(t, r, in)
	c, err := catalog.Open(t.Context(), r.Settings.Catalog)
	check(t, err)
	defer c.Close()
	before, _ := rows(t, r)
	batch := catalog.Batch{RunID: "more", ConfigID: "another", Tiles: []int64{102018211}}
	for row, err := range c.Rows(t.Context(), catalog.Filter{Tiles: batch.Tiles}) {
		check(t, err)
		batch.Shear = append(batch.Shear, row.Shear)
	}
	_, err = c.Commit(t.Context(), batch)
	check(t, err)
	for i, want := range []pipeline.CompactCatalogOut{{Rewritten: 2, Written: 1, Rows: int64(len(before) + len(batch.Shear))}, {}} {
		out, err := shear.Compact(r.Stage("compact"), pipeline.CompactCatalogIn{Catalog: r.Settings.Catalog})
		if err != nil || out != want {
			t.Errorf("time %d: %+v, %v, want %+v", i+1, out, err, want)
		}
	}
	n := 0
	for _, err := range c.Rows(t.Context(), catalog.Filter{}) {
		check(t, err)
		n++
	}
	if n != len(before)+len(batch.Shear) {
		t.Errorf("%d rows, before %d and %d", n, len(before), len(batch.Shear))
	}
}
