package euclid_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/fitstest"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

// withCard puts another card in the place of the one that begins with a keyword.
func withCard(t testing.TB, raw []byte, key, card string) []byte {
	t.Helper()
	at := bytes.LastIndex(raw, []byte(fmt.Sprintf("%-8s= ", key)))
	if at < 0 || at%80 != 0 {
		t.Fatalf("no card %s", key)
	}
	raw = bytes.Clone(raw)
	copy(raw[at:], fmt.Sprintf("%-80s", card))
	return raw
}

// However NAXIS2 and PCOUNT are written, the subset's are cards that astropy
// reads, and their comments stay.
func TestSubsetOfOtherForms(t *testing.T) {
	var paths []string
	for i, c := range []struct{ naxis2, pcount, comment string }{
		{"NAXIS2  =                   25 / rows", "PCOUNT  =                    0 / heap", "rows"},
		{"NAXIS2  = 25", "PCOUNT  = 0", ""},
		{"NAXIS2  = 25 / rows", "PCOUNT  = 0 / heap", "rows"},
		{"NAXIS2  =   25 / the number of rows in the table, which begins here", "PCOUNT  = 0/", "the number of rows in the table, which begins"},
		{"NAXIS2  =                                             25 / far right", "PCOUNT  =                                      0", "far right"},
		{"NAXIS2  = 0000000000000000000000000025 / zeros", "PCOUNT  = 0000000000000000000000000000 / zeros", "zeros"},
		{"NAXIS2  =                   25/ no blank / and a slash", "PCOUNT  =                    0/", "no blank / and a slash"},
		{"NAXIS2  = +25/it's so", "PCOUNT  =                   +0 / 'quoted'", "it's so"},
		{"NAXIS2  =          25                   / beyond column 30", "PCOUNT  =         0                     / likewise", "beyond column 30"},
		{"NAXIS2  = 25                                                                  /", "PCOUNT  = 0", ""},
		{"NAXIS2  =                   25 / a comment of as many letters as a card has roo", "PCOUNT  = 0 / a comment of as many letters as a card has room for xx", "a comment of as many letters as a card has roo"},
	} {
		raw := catalogFile(t, tileSources(sky.Coord{RA: 58, Dec: -51.5}, 1))
		raw = withCard(t, withCard(t, raw, "NAXIS2", c.naxis2), "PCOUNT", c.pcount)
		m := objstore.NewMemory()
		cat := open(t, m, put(t, m, catURI, raw))
		s := euclid.NewSubset(cat.Layout(), true)
		defer s.Close()
		for _, r := range rows(t, cat)[3:7] {
			if err := s.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		var b bytes.Buffer
		if err := s.Write(&b); err != nil {
			t.Fatal(err)
		}
		if back := open(t, m, put(t, m, "mem://cat/back.fits", b.Bytes())); back.Len() != 4 || !strings.Contains(cards(t, b.Bytes())[4], c.comment) {
			t.Errorf("%s: %d rows, %q", c.naxis2, back.Len(), cards(t, b.Bytes())[4])
		}
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.fits", i))
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	if python := os.Getenv(fitstest.PythonEnv); python != "" {
		const script = "import sys\nfrom astropy.io import fits\nprint(*[len(fits.getdata(p, 1)) + fits.getheader(p, 1)['PCOUNT'] for p in sys.argv[1:]])"
		out, err := exec.Command(python, append([]string{"-c", script}, paths...)...).CombinedOutput()
		if want := strings.TrimSpace(strings.Repeat("4 ", len(paths))); err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("astropy: %v, %s", err, out)
		}
	}
	fitstest.Verify(t, paths...)
}

// columnsFile is a catalogue without rows.
func columnsFile(t *testing.T, cols []fits.Column, change func(h *fits.Header)) []byte {
	h := fits.NewTable(cols, 0)
	if change != nil {
		change(h)
	}
	return file(t, fits.NewPrimary(), hdu{h, []byte{}})
}

// Positions are degrees, or the column says what they are and is refused.
func TestUnitsOfPositions(t *testing.T) {
	for unit, ok := range map[string]bool{
		"": true, "deg": true, "Deg": true, "DEG": true, "degree": true, "degrees": true, " deg": true,
		"rad": false, "radian": false, "arcsec": false, "arcmin": false, "mas": false, "hourangle": false, "h": false, "hr": false, "deg2": false, "uJy": false, "1e-3 deg": false,
	} {
		for i, name := range []string{"RIGHT_ASCENSION", "DECLINATION"} {
			m := objstore.NewMemory()
			cols := []fits.Column{{Name: "OBJECT_ID", Format: "K", Unit: "whatever"}, {Name: "RIGHT_ASCENSION", Format: "D"}, {Name: "DECLINATION", Format: "D"}}
			cols[i+1].Unit = unit
			_, err := euclid.OpenCatalog(t.Context(), m, put(t, m, catURI, columnsFile(t, cols, nil)))
			if ok && err != nil {
				t.Errorf("%s in %q: %v", name, unit, err)
			} else if !ok {
				wantFault(t, err, fault.BadData, "CatalogColumns", catURI, fmt.Sprintf("HDU 1, TUNIT%d", i+2), name, fmt.Sprintf("%q", unit), "convert")
			}
			cols = []fits.Column{{Name: "TILE_ID", Format: "K"}, {Name: "RA", Format: "D"}, {Name: "DEC", Format: "D"}}
			cols[i+1].Unit = unit
			row := make([]byte, 24)
			if _, err := fits.Layout(cols); err != nil {
				t.Fatal(err)
			}
			cols[0].PutInt(row, 5)
			table := put(t, m, "mem://tables/tiles.fits", file(t, fits.NewPrimary(), hdu{fits.NewTable(cols, 1), row}))
			_, _, err = euclid.IndexTiles(t.Context(), m, euclid.TileOptions{Source: settings.FromTable, TileTable: table.URI, CatalogBase: "mem://cat"})
			if ok && err != nil {
				t.Errorf("tile table, %s in %q: %v", name, unit, err)
			} else if !ok {
				wantFault(t, err, fault.BadInput, "TileTable", table.URI, fmt.Sprintf("HDU 1, TUNIT%d", i+2), fmt.Sprintf("%q", unit), "convert")
			}
		}
	}
}

// Columns that are only copied need no name, and may share one.
func TestNamelessColumns(t *testing.T) {
	usual := func() []fits.Column {
		return []fits.Column{{Name: "OBJECT_ID", Format: "K"}, {Name: "RIGHT_ASCENSION", Format: "D"}, {Name: "DECLINATION", Format: "D"},
			{Name: "FLUX", Format: "E"}, {Name: "X1", Format: "I"}, {Name: "X2", Format: "I"}}
	}
	// nameless leaves TTYPE out of some columns.
	nameless := func(columns ...int) func(h []byte) []byte {
		return func(raw []byte) []byte {
			for _, n := range columns {
				raw = withCard(t, raw, fmt.Sprintf("TTYPE%d", n), "COMMENT no name")
			}
			return raw
		}
	}
	layout := func(m *objstore.Memory, name string, cols []fits.Column, change func([]byte) []byte) (*euclid.Layout, error) {
		raw := columnsFile(t, cols, nil)
		if change != nil {
			raw = change(raw)
		}
		c, err := euclid.OpenCatalog(t.Context(), m, put(t, m, "mem://cat/"+name, raw))
		if err != nil {
			return nil, err
		}
		return c.Layout(), nil
	}
	named := func(i int, name string) func() []fits.Column {
		return func() []fits.Column { cols := usual(); cols[i].Name = name; return cols }
	}
	swapped := func() []fits.Column { cols := usual(); cols[3], cols[4] = cols[4], cols[3]; return cols }
	wider := func() []fits.Column { cols := usual(); cols[4].Format = "J"; return cols }
	for name, c := range map[string]struct {
		a, b             func() []fits.Column
		changeA, changeB func([]byte) []byte
		says             string
	}{
		"one without a name":                  {a: usual, b: usual, changeA: nameless(5), changeB: nameless(5)},
		"two without a name":                  {a: usual, b: usual, changeA: nameless(5, 6), changeB: nameless(5, 6)},
		"a name twice":                        {a: named(5, "X1"), b: named(5, "X1")},
		"a name in two cases":                 {a: named(5, "x1"), b: named(5, "x1")},
		"named in one":                        {a: usual, b: usual, changeA: nameless(5)},
		"named in the other":                  {a: usual, b: usual, changeB: nameless(5)},
		"named in one, of another type":       {a: usual, b: wider, changeA: nameless(5), says: "column 5 (without a name, TTYPE5) is 1J, not 1I"},
		"named in the other, of another type": {a: usual, b: wider, changeB: nameless(5), says: "X1 is 1J, not 1I"},
		"one more without a name":             {a: usual, b: func() []fits.Column { return append(usual(), fits.Column{Name: "X3", Format: "I"}) }, changeB: nameless(7), says: "column 7 (without a name, TTYPE7) is one too many"},
		"nameless at another place":           {a: usual, b: swapped, changeA: nameless(5), changeB: nameless(4), says: "column 5 (without a name, TTYPE5) is missing"},
		"nameless and of another type": {a: usual, b: wider, changeA: nameless(5), changeB: nameless(5),
			says: "column 5 (without a name, TTYPE5) is 1J, not 1I"},
		"twice in one":       {a: named(5, "X1"), b: usual, says: "column 5 (X1, which stands twice) is missing"},
		"twice in the other": {a: usual, b: named(5, "X1"), says: "column 6 (X1, which stands twice) is one too many"},
	} {
		m := objstore.NewMemory()
		a, err1 := layout(m, "a.fits", c.a(), c.changeA)
		b, err2 := layout(m, "b.fits", c.b(), c.changeB)
		if err := errors.Join(err1, err2); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := a.Join(a); err != nil {
			t.Errorf("%s: with itself: %v", name, err)
		}
		_, err := a.Join(b)
		if c.says == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		} else if c.says != "" {
			wantFault(t, err, fault.BadData, "CatalogMismatch", c.says, "mem://cat/b.fits")
		}
	}
	for i, name := range []string{"OBJECT_ID", "right_ascension", "DECLINATION"} {
		cols := usual()
		cols[3] = cols[i]
		cols[3].Name = name
		_, err := layout(objstore.NewMemory(), "twice.fits", cols, nil)
		wantFault(t, err, fault.BadData, "CatalogColumns", strings.ToUpper(name), "several")
	}
}

// A table that has more rows than its header says is refused, however the file ends.
func TestRowsBehindTheLast(t *testing.T) {
	sources := tileSources(sky.Coord{RA: 58, Dec: -51.5}, 1)
	for range 3 {
		sources = append(sources, sources...) // 200 rows, more than a block
	}
	whole := catalogFile(t, sources)
	said := func(rows int) []byte {
		return withCard(t, whole, "NAXIS2", fmt.Sprintf("NAXIS2  = %20d", rows))
	}
	image := file(t, fits.NewPrimary(), hdu{header: empty("MORE")})[fits.Block:]
	for name, c := range map[string]struct {
		raw  []byte
		rows int // read, -1: refused
	}{
		"as it is":             {whole, 200},
		"less":                 {said(100), -1},
		"one less":             {said(199), -1},
		"none":                 {said(0), -1},
		"another HDU":          {append(bytes.Clone(whole), image...), 200},
		"less and another HDU": {append(said(100), image...), -1},
		"zeros":                {append(bytes.Clone(whole), make([]byte, 5*fits.Block)...), 200},
		"unfilled":             {bytes.TrimRight(whole, "\x00"), 200},
		"an empty table":       {catalogFile(t, nil), 0},
	} {
		m := objstore.NewMemory()
		cat := open(t, m, put(t, m, catURI, c.raw))
		n := 0
		before := m.Usage().Requests
		err := cat.Rows(t.Context(), func(euclid.Row) error { n++; return nil })
		if c.rows < 0 {
			wantFault(t, err, fault.BadData, "CatalogRows", catURI, "HDU 1", "NAXIS2")
		} else if err != nil || n != c.rows {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
		if used := m.Usage().Requests - before; used > 1 {
			t.Errorf("%s: %d requests", name, used)
		}
	}
}

// A subset's columns have names of their own, whatever those of the catalogue
// have: astropy reads no table where they don't.
func TestSubsetNamesColumns(t *testing.T) {
	var paths []string
	for _, lower := range []bool{true, false} {
		cols := []fits.Column{{Name: "OBJECT_ID", Format: "K"}, {Name: "RIGHT_ASCENSION", Format: "D"}, {Name: "DECLINATION", Format: "D"},
			{Name: "TWICE", Format: "E"}, {Name: "X1", Format: "I"}, {Name: "twice", Format: "I"}, {Name: "TWICE", Format: "I"}}
		m := objstore.NewMemory()
		c := open(t, m, put(t, m, catURI, withCard(t, columnsFile(t, cols, nil), "TTYPE5", "COMMENT no name")))
		s := euclid.NewSubset(c.Layout(), lower)
		defer s.Close()
		var b bytes.Buffer
		if err := s.Write(&b); err != nil {
			t.Fatal(err)
		}
		back := open(t, m, put(t, m, "mem://cat/back.fits", b.Bytes()))
		want := []string{"OBJECT_ID", "RIGHT_ASCENSION", "DECLINATION", "TWICE", "COLUMN_5", "twice_6", "TWICE_7"}
		for i, col := range back.Layout().Columns() {
			if lower {
				want[i] = strings.ToLower(want[i])
			}
			if col.Name != want[i] {
				t.Errorf("column %d is called %s, want %s", i+1, col.Name, want[i])
			}
		}
		path := filepath.Join(t.TempDir(), "named.fits")
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	fitstest.Verify(t, paths...)
}
