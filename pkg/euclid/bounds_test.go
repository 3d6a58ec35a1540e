package euclid_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// TestSharedHeap: rows that share their arrays can't make a file of gigabytes out
// of one of some megabytes.
func TestSharedHeap(t *testing.T) {
	const n, heap = 1000, 1 << 20
	cols := []fits.Column{{Name: "OBJECT_ID", Format: "K"}, {Name: "RIGHT_ASCENSION", Format: "D"}, {Name: "DECLINATION", Format: "D"}, {Name: "NOTE", Format: "1QA"}}
	h := fits.NewTable(cols, n)
	size := rowSize(cols)
	rows := make([]byte, n*size)
	for i := range int64(n) {
		row := rows[int(i)*size:][:size]
		cols[0].PutInt(row, i)
		cols[1].PutFloat(row, 58)
		cols[2].PutFloat(row, -51)
		cols[3].PutDescriptor(row, heap, 0)
	}
	h.SetInt("PCOUNT", heap, "")
	m := objstore.NewMemory()
	c := open(t, m, put(t, m, catURI, file(t, fits.NewPrimary(), hdu{h, slices.Concat(rows, make([]byte, heap))})))
	s := euclid.NewSubset(c.Layout(), false)
	defer s.Close()
	wantFault(t, c.Rows(t.Context(), s.Add), fault.BadData, "CatalogHeap", "share", catURI)
	if s.Len() > 100 {
		t.Errorf("%d rows were taken before that", s.Len())
	}
}

// TestRowTooLarge: two rows are held at a time.
func TestRowTooLarge(t *testing.T) {
	cols := []fits.Column{{Name: "OBJECT_ID", Format: "K"}, {Name: "RIGHT_ASCENSION", Format: "D"}, {Name: "DECLINATION", Format: "D"}, {Name: "FILL", Format: fmt.Sprintf("%dA", 17<<20)}}
	h := fits.NewTable(cols, 1)
	m := objstore.NewMemory()
	_, err := euclid.OpenCatalog(t.Context(), m, put(t, m, catURI, file(t, fits.NewPrimary(), hdu{h, make([]byte, rowSize(cols))})))
	wantFault(t, err, fault.BadData, "CatalogColumns", "NAXIS1", "a row has", catURI)
}
