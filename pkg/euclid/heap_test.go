package euclid_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/fitstest"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// arrays are what columns of variable length have of a source: SPECTRUM as the
// bytes of its floats, and NOTE.
func arrays(id int64) (spectrum []byte, note string) {
	for i := range id % 5 {
		spectrum = fits.AppendFloat32(spectrum, []float32{float32(id) + float32(i)/10})
	}
	if id%3 > 0 {
		note = fmt.Sprintf("note of %d", id)
	}
	return spectrum, note
}

// heapCatalog has sources with ids from first on; its heap is in the order of
// the rows turned, behind a gap, and the two columns share it.
func heapCatalog(t *testing.T, first, n int64, order ...string) []byte {
	t.Helper()
	formats := map[string]string{"OBJECT_ID": "K", "RIGHT_ASCENSION": "D", "DECLINATION": "D",
		"SPECTRUM": fmt.Sprintf("1PE(%d)", min(first+n-1, 4)), "NOTE": "1QA"}
	var cols []fits.Column
	for _, name := range order {
		cols = append(cols, fits.Column{Name: name, Format: formats[name]})
	}
	h := fits.NewTable(cols, n)
	size := rowSize(cols)
	var heap []byte
	rows := make([]byte, int(n)*size)
	for i := range n {
		id := first + n - 1 - i
		row := rows[int(n-1-i)*size:][:size]
		spectrum, note := arrays(id)
		for k := range cols {
			switch c := &cols[k]; c.Name {
			case "OBJECT_ID":
				c.PutInt(row, id)
			case "RIGHT_ASCENSION":
				c.PutFloat(row, 58+float64(id)/1000)
			case "DECLINATION":
				c.PutFloat(row, -51)
			case "SPECTRUM":
				c.PutDescriptor(row, int64(len(spectrum)/4), int64(len(heap)))
				heap = append(heap, spectrum...)
			case "NOTE":
				c.PutDescriptor(row, int64(len(note)), int64(len(heap)))
				heap = append(heap, note...)
			}
		}
	}
	const gap = 100
	h.SetInt("PCOUNT", int64(gap+len(heap)), "bytes of heap and gap").SetInt("THEAP", int64(len(rows)+gap), "")
	return file(t, fits.NewPrimary(), hdu{h, slices.Concat(rows, bytes.Repeat([]byte("gap!"), gap/4), heap)})
}

// Arrays of variable length come along with their rows, from catalogues of
// different layouts, and in a subset of any size.
func TestSubsetWithHeap(t *testing.T) {
	m := objstore.NewMemory()
	for name, n := range map[string]int64{"small": 20, "spilled": 60000} {
		t.Run(name, func(t *testing.T) {
			a := open(t, m, put(t, m, "mem://cat/a.fits", heapCatalog(t, 1, 3, "OBJECT_ID", "SPECTRUM", "RIGHT_ASCENSION", "DECLINATION", "NOTE")))
			b := open(t, m, put(t, m, "mem://cat/b.fits", heapCatalog(t, 1000, n, "NOTE", "DECLINATION", "RIGHT_ASCENSION", "OBJECT_ID", "SPECTRUM")))
			s := euclid.NewSubset(a.Layout(), true)
			defer s.Close()
			var want []int64
			for _, c := range []*euclid.Catalog{a, b} {
				join, err := a.Layout().Join(c.Layout())
				if err != nil {
					t.Fatal(err)
				}
				before := m.Usage()
				err = c.Rows(t.Context(), func(r euclid.Row) error {
					if r.ID%4 == 3 {
						return nil
					}
					want = append(want, r.ID)
					return s.Add(join.Row(r))
				})
				if err != nil {
					t.Fatal(err)
				}
				if read := m.Usage().Sub(before).BytesRead; read > c.File().Size {
					t.Errorf("%d bytes were read of a file of %d", read, c.File().Size)
				}
			}
			path := filepath.Join(t.TempDir(), "catalog.fits")
			var out bytes.Buffer
			if err := errors.Join(s.Write(&out), os.WriteFile(path, out.Bytes(), 0o666)); err != nil {
				t.Fatal(err)
			}
			if text := strings.Join(cards(t, out.Bytes()), "\n"); !strings.Contains(text, "'1PE(4)") || strings.Contains(text, "THEAP") {
				t.Errorf("the header says\n%s", text)
			}
			back := open(t, m, put(t, m, "mem://cat/subset.fits", out.Bytes()))
			var spectrum, note *fits.Column
			for i, c := range back.Layout().Columns() {
				switch c.Name {
				case "spectrum":
					spectrum = &back.Layout().Columns()[i]
				case "note":
					note = &back.Layout().Columns()[i]
				}
			}
			i := 0
			err := back.Rows(t.Context(), func(r euclid.Row) error {
				array := func(c *fits.Column) []byte {
					count, offset := c.Descriptor(r.Bytes)
					b := make([]byte, c.ArraySize(count))
					if _, err := r.Heap.ReadAt(b, offset); err != nil && len(b) > 0 {
						t.Fatal(err)
					}
					return b
				}
				floats, text := arrays(want[i])
				if r.ID != want[i] || !bytes.Equal(array(spectrum), floats) || string(array(note)) != text {
					return fmt.Errorf("row %d is %d with %x and %q", i, r.ID, array(spectrum), array(note))
				}
				i++
				return nil
			})
			if err != nil || i != len(want) {
				t.Errorf("%d of %d rows, %v", i, len(want), err)
			}
			fitstest.Verify(t, path)
		})
	}
}

func TestHeapRefuses(t *testing.T) {
	m := objstore.NewMemory()
	order := []string{"OBJECT_ID", "RIGHT_ASCENSION", "DECLINATION", "SPECTRUM", "NOTE"}
	good := heapCatalog(t, 4, 1, order...)
	at := 2 * fits.Block
	for good[at] == ' ' {
		at += fits.Block
	}
	at += 24 // of SPECTRUM's descriptor in the only row
	for name, descriptor := range map[string]string{
		"too long": "\x00\x00\x10\x00\x00\x00\x00\x00", "too far": "\x00\x00\x00\x01\x00\x01\x00\x00",
		"negative count": "\xff\xff\xff\xff\x00\x00\x00\x00", "negative offset": "\x00\x00\x00\x01\xff\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			bad := slices.Clone(good)
			copy(bad[at:], descriptor)
			c := open(t, m, put(t, m, catURI, bad))
			s := euclid.NewSubset(c.Layout(), false)
			defer s.Close()
			wantFault(t, c.Rows(t.Context(), s.Add), fault.BadData, "CatalogHeap", "column SPECTRUM", catURI)
		})
	}
	a, b := open(t, m, put(t, m, catURI, good)), open(t, m, put(t, m, "mem://cat/b.fits", bytes.Replace(good, []byte("1PE(4)"), []byte("1PJ(4)"), 1)))
	_, err := a.Layout().Join(b.Layout())
	wantFault(t, err, fault.BadData, "CatalogMismatch", "SPECTRUM is 1PJ, not 1PE")
}

// BenchmarkCatalog goes over a catalogue of 200 MB with as many columns as Q1's
// and puts each row into one of 16 subsets.
func BenchmarkCatalog(b *testing.B) {
	m := objstore.NewMemory()
	cols := []fits.Column{{Name: "OBJECT_ID", Format: "K"}, {Name: "RIGHT_ASCENSION", Format: "D"}, {Name: "DECLINATION", Format: "D"}}
	for i := range 520 {
		cols = append(cols, fits.Column{Name: fmt.Sprintf("COLUMN_%03d", i), Format: "KDEIJ"[i%5 : i%5+1]})
	}
	size := int64(0)
	var err error
	if size, err = fits.Layout(cols); err != nil {
		b.Fatal(err)
	}
	n := 200e6 / size
	f := put(b, m, catURI, file(b, fits.NewPrimary(), hdu{fits.NewTable(cols, n), make([]byte, n*size)}))
	b.SetBytes(f.Size)
	for b.Loop() {
		c, err := euclid.OpenCatalog(b.Context(), m, f)
		if err != nil {
			b.Fatal(err)
		}
		var subsets [16]*euclid.Subset
		for i := range subsets {
			subsets[i] = euclid.NewSubset(c.Layout(), true)
		}
		i := 0
		if err := c.Rows(b.Context(), func(r euclid.Row) error { i++; return subsets[i%16].Add(r) }); err != nil {
			b.Fatal(err)
		}
		for _, s := range subsets {
			s.Close()
		}
	}
}
