package euclid_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/internal/testing/fitstest"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

const catURI = "mem://cat/cat.fits"

func open(t testing.TB, r objstore.Reader, f euclid.File) *euclid.Catalog {
	t.Helper()
	c, err := euclid.OpenCatalog(t.Context(), r, f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rows(t testing.TB, c *euclid.Catalog) []euclid.Row {
	t.Helper()
	var all []euclid.Row
	err := c.Rows(t.Context(), func(r euclid.Row) error {
		r.Bytes = bytes.Clone(r.Bytes)
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCatalogRows(t *testing.T) {
	m := objstore.NewMemory()
	nan := math.NaN()
	f := put(t, m, catURI, catalogFile(t, []source{
		{id: -579990741515000000, ra: 57.99, dec: -51.5, flux: 1},
		{id: nullID, ra: 58, dec: -51.5},
		{id: 2, ra: nan, dec: -51.5},
		{id: 3, ra: 58, dec: nan},
		{id: 4, ra: 58, dec: 95},
		{id: math.MaxInt64, ra: 0, dec: -90, flux: nan},
		{id: math.MinInt64, ra: 360, dec: 1},
	}, "declination", "Vis_Det", "FLUX_DETECTION_TOTAL", "Object_Id", "RIGHT_ASCENSION", "name"))
	c := open(t, m, f)
	got := rows(t, c)
	want := []euclid.Row{
		{ID: -579990741515000000, Pos: sky.Coord{RA: 57.99, Dec: -51.5}},
		{ID: math.MaxInt64, Pos: sky.Coord{Dec: -90}},
		{ID: math.MinInt64, Pos: sky.Coord{Dec: 1}},
	}
	data, err := objstore.ReadFile(t.Context(), m, catURI)
	if err != nil {
		t.Fatal(err)
	}
	index, err := fits.ReadIndex(bytes.NewReader(data), f.Size)
	if err != nil {
		t.Fatal(err)
	}
	size := c.Layout().RowSize()
	for i, at := range []int{0, 5, 6} { // byte for byte
		want[i].Bytes = data[int(index[1].DataOffset())+at*size:][:size]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got)\n%s", diff)
	}
	if c.Skipped() != 4 || c.Len() != 7 {
		t.Errorf("%d of %d skipped", c.Skipped(), c.Len())
	}
	if rows(t, c); c.Skipped() != 4 {
		t.Errorf("%d skipped the second time", c.Skipped())
	}
	stop := errors.New("enough")
	if err := c.Rows(t.Context(), func(euclid.Row) error { return stop }); err != stop {
		t.Errorf("visit's error came back as %v", err)
	}
}

// A catalogue of several windows, which the rows don't divide, comes in order
// and with one request a window.
func TestCatalogOfManyWindows(t *testing.T) {
	m := objstore.NewMemory()
	const n, size = 3001, 10007
	cols := []fits.Column{{Name: "PAD", Format: fmt.Sprintf("%dA", size-24)},
		{Name: "OBJECT_ID", Format: "K"}, {Name: "RIGHT_ASCENSION", Format: "D"}, {Name: "DECLINATION", Format: "D"}}
	h := fits.NewTable(cols, n)
	data := make([]byte, n*size)
	for i := range n {
		binary.BigEndian.PutUint64(data[i*size+size-24:], uint64(i))
		data[i*size] = byte(i)
	}
	c := open(t, m, put(t, m, catURI, file(t, fits.NewPrimary(), hdu{h, data})))
	before := m.Usage()
	next := int64(0)
	err := c.Rows(t.Context(), func(r euclid.Row) error {
		if r.ID != next || r.Bytes[0] != byte(next) || len(r.Bytes) != size {
			return fmt.Errorf("row %d has id %d", next, r.ID)
		}
		next++
		return nil
	})
	if err != nil || next != n {
		t.Errorf("%d rows, %v", next, err)
	}
	after := m.Usage()
	if requests, read := after.Requests-before.Requests, after.BytesRead-before.BytesRead; requests != 1 || read < n*size || read > n*size+fits.Block+8 {
		t.Errorf("%d requests, %d bytes for %d", requests, read, n*size)
	}
}

// Opening a catalogue as wide as Q1's takes one request.
func TestOpenCatalogIsOneRequest(t *testing.T) {
	m := objstore.NewMemory()
	order := []string{"OBJECT_ID", "RIGHT_ASCENSION", "DECLINATION"}
	for i := range 466 {
		order = append(order, fmt.Sprintf("COLUMN_%03d", i))
	}
	f := put(t, m, catURI, catalogFile(t, tileSources(sky.Coord{RA: 58, Dec: -51.5}, 1), order...))
	before := m.Usage().Requests
	c := open(t, m, f)
	if n := m.Usage().Requests - before; n != 1 || len(c.Layout().Columns()) != 469 {
		t.Errorf("%d requests for %d columns", n, len(c.Layout().Columns()))
	}
}

func TestOpenCatalogRefuses(t *testing.T) {
	good := catalogFile(t, tileSources(sky.Coord{RA: 58}, 1))
	table := func(cols ...fits.Column) []byte {
		return file(t, fits.NewPrimary(), hdu{fits.NewTable(cols, 0), []byte{}})
	}
	position := []fits.Column{{Name: "RIGHT_ASCENSION", Format: "D"}, {Name: "DECLINATION", Format: "D"}}
	for name, c := range map[string]struct {
		data  []byte
		code  string
		words []string
	}{
		"columns missing": {table(fits.Column{Name: "object_id", Format: "K"}), "CatalogColumns",
			[]string{"HDU 1", "RIGHT_ASCENSION, DECLINATION"}},
		"id is text": {table(append(position, fits.Column{Name: "OBJECT_ID", Format: "20A"})...), "CatalogColumns",
			[]string{"OBJECT_ID", "20A"}},
		"positions are arrays": {table(fits.Column{Name: "OBJECT_ID", Format: "K"}, position[1],
			fits.Column{Name: "RIGHT_ASCENSION", Format: "2D"}), "CatalogColumns", []string{"RIGHT_ASCENSION", "2D"}},
		"no table":  {file(t, fits.NewPrimary(), named("IMAGE")...), "CatalogColumns", []string{"no binary table"}},
		"truncated": {good[:len(good)-fits.Block], "", nil},
		"not FITS":  {[]byte("object_id,ra,dec\n1,2,3\n"), "", nil},
		"garbled":   {bytes.Replace(good, []byte("NAXIS2  ="), []byte("NAXIS2  X"), 1), "", []string{"NAXIS2"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := objstore.NewMemory()
			_, err := euclid.OpenCatalog(t.Context(), m, put(t, m, catURI, c.data))
			wantFault(t, err, fault.BadData, c.code, append(c.words, catURI)...)
		})
	}
	t.Run("throttled", func(t *testing.T) {
		m := objstore.NewMemory()
		c := open(t, m, put(t, m, catURI, good))
		_, err := euclid.OpenCatalog(t.Context(), failing{m, fault.Passing("Throttled", "slow down")}, c.File())
		wantFault(t, err, fault.Transient, "Throttled", catURI)
	})
	t.Run("replaced", func(t *testing.T) {
		m := objstore.NewMemory()
		c := open(t, m, put(t, m, catURI, good))
		put(t, m, catURI, catalogFile(t, tileSources(sky.Coord{RA: 59}, 1)))
		wantFault(t, c.Rows(t.Context(), func(euclid.Row) error { return nil }), fault.BadInput, "ObjectChanged", catURI)
	})
}

func TestJoin(t *testing.T) {
	m := objstore.NewMemory()
	sources := tileSources(sky.Coord{RA: 58, Dec: -51.5}, -100)
	own := open(t, m, put(t, m, catURI, catalogFile(t, sources)))
	other := open(t, m, put(t, m, "mem://cat/other.fits", catalogFile(t, sources,
		"name", "declination", "right_ascension", "flux_detection_total", "vis_det", "object_id")))
	same := open(t, m, put(t, m, "mem://cat/same.fits", catalogFile(t, sources[:2])))
	want := rows(t, own)

	j, err := own.Layout().Join(other.Layout())
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows(t, other) {
		if diff := cmp.Diff(want[i], j.Row(r)); diff != "" {
			t.Errorf("row %d (-want +got)\n%s", i, diff)
		}
	}
	if j, err = own.Layout().Join(same.Layout()); err != nil {
		t.Fatal(err)
	}
	if r := rows(t, same)[0]; &j.Row(r).Bytes[0] != &r.Bytes[0] {
		t.Error("a row of the same layout was copied")
	}

	null := int64(-1)
	for name, c := range map[string]struct {
		change func(cols []fits.Column) []fits.Column
		words  string
	}{
		"missing": {func(cols []fits.Column) []fits.Column { return cols[:5] }, "VIS_DET is missing"},
		"extra": {func(cols []fits.Column) []fits.Column { return append(cols, fits.Column{Name: "NEW", Format: "E"}) },
			"NEW is one too many"},
		"type":  {func(cols []fits.Column) []fits.Column { cols[3].Format = "D"; return cols }, "FLUX_DETECTION_TOTAL is 1D, not 1E"},
		"null":  {func(cols []fits.Column) []fits.Column { cols[0].Null = &null; return cols }, "OBJECT_ID is 1K with TNULL -1, not 1K with TNULL -999"},
		"scale": {func(cols []fits.Column) []fits.Column { cols[5].Zero = 32768; return cols }, "VIS_DET is 1I with TSCAL 1, TZERO 32768"},
	} {
		t.Run(name, func(t *testing.T) {
			cols := c.change(slices.Clone(own.Layout().Columns()))
			odd := open(t, m, put(t, m, "mem://cat/odd.fits", file(t, fits.NewPrimary(), hdu{fits.NewTable(cols, 0), []byte{}})))
			_, err := own.Layout().Join(odd.Layout())
			wantFault(t, err, fault.BadData, "CatalogMismatch", c.words, "odd.fits", catURI)
		})
	}
}

func TestSubset(t *testing.T) {
	m := objstore.NewMemory()
	sources := tileSources(sky.Coord{RA: 58, Dec: -51.5}, -100)
	original := catalogFile(t, sources)
	c := open(t, m, put(t, m, catURI, original))
	all := rows(t, c)
	for _, lower := range []bool{false, true} {
		s := euclid.NewSubset(c.Layout(), lower)
		defer s.Close()
		chosen := []euclid.Row{all[7], all[3], all[24]}
		for _, r := range chosen {
			if err := s.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		var b, again bytes.Buffer
		if err := errors.Join(s.Write(&b), s.Write(&again)); err != nil {
			t.Fatal(err)
		}
		if s.Len() != 3 || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Error("the second writing differs")
		}
		back := open(t, m, put(t, m, "mem://cat/subset.fits", b.Bytes()))
		if diff := cmp.Diff(chosen, rows(t, back)); diff != "" {
			t.Errorf("rows (-want +got)\n%s", diff)
		}
		// Headers: the primary as it was, of the table only what must change.
		if !bytes.Equal(b.Bytes()[:fits.Block], original[:fits.Block]) {
			t.Error("the primary header changed")
		}
		var want []string
		for _, card := range cards(t, original) {
			switch {
			case strings.HasPrefix(card, "NAXIS2"):
				card = strings.Replace(card, "  25", "   3", 1)
			case strings.HasPrefix(card, "DATASUM"), strings.HasPrefix(card, "CHECKSUM"):
				continue
			case strings.HasPrefix(card, "TTYPE") && lower:
				card = "TTYPE" + strings.ToLower(card[5:])
			}
			want = append(want, card)
		}
		if diff := cmp.Diff(want, cards(t, b.Bytes())); diff != "" {
			t.Errorf("cards (-want +got)\n%s", diff)
		}
	}
	none := euclid.NewSubset(c.Layout(), true)
	if err := none.Add(euclid.Row{Bytes: []byte("short")}); fault.KindOf(err) != fault.Bug {
		t.Errorf("a row of another size: %v", err)
	}
}

// cards are the cards of the first extension's header, whose primary header takes one block.
func cards(t *testing.T, data []byte) []string {
	t.Helper()
	h, err := fits.ParseHeader(data[fits.Block:])
	if err != nil {
		t.Fatal(err)
	}
	raw := strings.TrimRight(string(h.Encode()), " ")
	var all []string
	for ; len(raw) > 80; raw = raw[80:] {
		all = append(all, raw[:80])
	}
	return all
}

// A subset that is larger than what is held in memory is the same.
func TestSubsetSpills(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	m := objstore.NewMemory()
	cols := []fits.Column{{Name: "PAD", Format: "100000A"}, {Name: "OBJECT_ID", Format: "K"},
		{Name: "RIGHT_ASCENSION", Format: "D"}, {Name: "DECLINATION", Format: "D"}}
	h := fits.NewTable(cols, 1)
	c := open(t, m, put(t, m, catURI, file(t, fits.NewPrimary(), hdu{h, make([]byte, 100024)})))
	s := euclid.NewSubset(c.Layout(), false)
	row := make([]byte, 100024)
	var want []byte
	for i := range 100 {
		for k := range row {
			row[k] = byte(i + k)
		}
		want = append(want, row...)
		if err := s.Add(euclid.Row{Bytes: row}); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := errors.Join(s.Write(&b), s.Close()); err != nil {
		t.Fatal(err)
	}
	index, err := fits.ReadIndex(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes()[index[1].DataOffset():][:len(want)], want) {
		t.Error("rows changed on their way over the disk")
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("%s is left behind", left[0].Name())
	}
}

// Independent readers find no fault with subsets, empty ones included.
func TestSubsetVerified(t *testing.T) {
	m := objstore.NewMemory()
	c := open(t, m, put(t, m, catURI, catalogFile(t, tileSources(sky.Coord{RA: 58, Dec: -51.5}, -100))))
	var paths []string
	for i, chosen := range [][]euclid.Row{rows(t, c), rows(t, c)[3:9], nil} {
		s := euclid.NewSubset(c.Layout(), i != 0)
		defer s.Close()
		for _, r := range chosen {
			if err := s.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(t.TempDir(), "catalog.fits")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Write(f), f.Close()); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	fitstest.Verify(t, paths...)
}
