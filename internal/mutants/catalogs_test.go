package mutants

import (
	"bytes"
	"math"
	"testing"

	"github.com/cosmostat/constellation/pkg/fits"
)

// TestCatalogs changes the files of MER.
func TestCatalogs(t *testing.T) {
	table := "EUC_MER__FINAL-CAT"
	run(t, join(
		// Which file counts.
		one("a newer release beside it", all(
			copyTo(westCatalog, "20241017T121504.196005Z_00.00", "20241201T121504.196005Z_01.00"),
			copyTo(eastCatalog, "_00.00.fits", "_01.00.fits"),
			copyTo(westMosaic, "_00.00.fits", "_01.00.fits"), copyTo(eastMosaic, "_00.00.fits", "_01.00.fits"),
		), right(`_00\.00\.fits`)),
		one("the release in another spelling", rename(westCatalog, "_00.00.fits", "_0.0.fits"), right()),
		one("a newer delivery of a catalogue", copyTo(westCatalog, "_20241017T", "_20251017T"), right("TILE102018211-.*_20241017T12")),
		one("a gzipped catalogue", zipped(westCatalog), right()),
		one("both catalogues gzipped", all(zipped(westCatalog), zipped(eastCatalog)), right()),
		one("a gzipped mosaic", zipped(westMosaic), right()),
		one("a catalogue in an upper-case suffix", rename(westCatalog, ".fits", ".FITS"), refused("102018211", `\.FITS`)),
		one("a catalogue by bzip2", rename(westCatalog, ".fits", ".fits.bz2"), refused("102018211", `bz2`)),
		one("half a download beside a catalogue", copyTo(westCatalog, ".fits", ".fits.part"), right(`\.part`)),
		one("no catalogue", remove(westCatalog), failing(4, "102018211 has no MER catalogue", "catalog_base_uri")),
		one("an empty catalogue", cut(westCatalog, 0), failing(8, westCatalog, "empty")),
		one("a page in the place of a catalogue", edit(westCatalog, func(*testing.T, []byte) []byte { return []byte("<html>") }), failing(8, westCatalog, "not a FITS file")),
		one("a catalogue cut short", cut(westCatalog, 0.9), failing(8, westCatalog, "HDU 1", "incomplete")),
		one("the other tile's catalogue", func(t *testing.T, k *kept) {
			put(t, k, k.Find("euclid", westCatalog), get(t, k, k.Find("euclid", eastCatalog)))
		}, refused("102018211", "102018212|none of")),
		one("the other tile's mosaic", func(t *testing.T, k *kept) {
			put(t, k, k.Find("euclid", westMosaic), get(t, k, k.Find("euclid", eastMosaic)))
		}, refused(westMosaic, "TILEID|102018212")),

		// Its columns.
		one("coordinates in radians", all(card(westCatalog, table, "TUNIT2", "TUNIT2  = 'rad     '"), card(westCatalog, table, "TUNIT3", "TUNIT3  = 'rad     '")), failing(8, westCatalog, "TUNIT2", "rad")),
		one("one coordinate in hours", card(westCatalog, table, "TUNIT2", "TUNIT2  = 'h       '"), failing(8, westCatalog, "TUNIT2")),
		one("degrees in another spelling", card(westCatalog, table, "TUNIT2", "TUNIT2  = 'degree  '"), right()),
		one("coordinates without a unit", card(westCatalog, table, "TUNIT2", ""), right()),
		one("NAXIS2 in free format", card(westCatalog, table, "NAXIS2", "NAXIS2  = 19 / the number of rows of this table"), right()),
		one("NAXIS2 far to the right", card(westCatalog, table, "NAXIS2", "NAXIS2  =                                  19 / rows"), right()),
		one("NAXIS2 with a sign", card(westCatalog, table, "NAXIS2", "NAXIS2  =                  +19"), right()),
		one("NAXIS2 is less", card(westCatalog, table, "NAXIS2", "NAXIS2  =                   12"), refused(westCatalog)),
		one("NAXIS2 is more", card(westCatalog, table, "NAXIS2", "NAXIS2  =               190000"), failing(8, westCatalog, "incomplete")),
		one("NAXIS2 twice, and they differ", card(westCatalog, table, "TUNIT2", "NAXIS2  =                   12"), failing(8, westCatalog, "NAXIS2")),
		one("PCOUNT in free format", card(westCatalog, table, "PCOUNT", "PCOUNT  = 0 / no heap in this table of the catalogue"), right()),
		one("a column without a name", card(westCatalog, table, "TTYPE20", ""), passing(38)),
		one("no OBJECT_ID", card(westCatalog, table, "TTYPE1", "TTYPE1  = 'NOT_AN_ID'"), failing(8, westCatalog, "OBJECT_ID")),
		one("OBJECT_ID twice", card(westCatalog, table, "TTYPE20", "TTYPE20 = 'OBJECT_ID'"), failing(8, westCatalog, "OBJECT_ID")),
		one("names of columns in lower case", card(westCatalog, table, "TTYPE1", "TTYPE1  = 'object_id'"), right()),
		one("OBJECT_ID of four bytes", card(westCatalog, table, "TFORM1", "TFORM1  = '1J'"), failing(8, westCatalog, "NAXIS1|OBJECT_ID")),
		one("OBJECT_ID with TSCAL", card(westCatalog, table, "TUNIT2", "TSCAL1  =                  2.0"), failing(8, westCatalog, "OBJECT_ID|TSCAL1")),
		one("a table that is no table", card(westCatalog, table, "XTENSION", "XTENSION= 'IMAGE   '"), failing(8, westCatalog)),
		one("a neighbour of another layout", card(eastCatalog, table, "TTYPE20", "TTYPE20 = 'ANOTHER'"), refused("ANOTHER", eastCatalog+"|"+westCatalog)),

		// Its rows.
		one("a row without a position", cell(westCatalog, "RIGHT_ASCENSION", 3, math.NaN()), rightSaying(nil, "without .*position|unplaced|no position")),
		one("a row beyond the pole", cell(westCatalog, "DECLINATION", 3, 95.0), rightSayingBad("DECLINATION|position|unplaced")),
		one("an object twice", func(t *testing.T, k *kept) {
			cell(westCatalog, "OBJECT_ID", 4, int64(0))(t, k) // as row 3, below
			edit(westCatalog, func(t *testing.T, data []byte) []byte {
				index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
				if err != nil {
					t.Fatal(err)
				}
				table, err := fits.ParseTable(index[1])
				if err != nil {
					t.Fatal(err)
				}
				at := index[1].DataOffset()
				copy(data[at+4*table.RowSize:at+5*table.RowSize], data[at+3*table.RowSize:at+4*table.RowSize])
				return data
			})(t, k)
		}, rightSaying(nil, "twice|duplicate")),
		one("no rows", edit(westCatalog, func(t *testing.T, data []byte) []byte {
			raw := header(t, data, table, "NAXIS2")
			copy(raw[cardAt(raw, "NAXIS2"):], "NAXIS2  =                    0")
			return data[:bytes.Index(data, raw)+len(raw)]
		}), refused("catalogue of tile 102018211 has no source at all")),
		one("sources of another part of the sky", func(t *testing.T, k *kept) {
			for row := range 19 {
				cell(westCatalog, "RIGHT_ASCENSION", row, 12.0)(t, k)
			}
		}, refused(westCatalog+"|102018211", "none of")),

		// Mosaics.
		one("a mosaic with CRVAL1 twice", insert(westMosaic, "", "CRVAL1  =           57.9990741"), refusedOrRight("CRVAL1")),
		one("a mosaic with another CRVAL1 too", insert(westMosaic, "", "CRVAL1  =                 57.5"), refused(westMosaic, "CRVAL1")),
		one("a mosaic of a blank keyword with a value", insert(westMosaic, "", "        = 'nothing'"), right()),
		one("a mosaic without CRVAL2", card(westMosaic, "", "CRVAL2", ""), refused(westMosaic, "CRVAL2")),
		one("a mosaic of another tile", card(westMosaic, "", "TILEID", "TILEID  =            102018212"), refused(westMosaic, "TILEID")),
		one("a mosaic with a block of zeros behind", add(westMosaic, make([]byte, 2880)), right()),
		one("a mosaic in an extension", edit(westMosaic, func(t *testing.T, data []byte) []byte {
			raw := header(t, data, "", "")
			ext := bytes.Clone(raw)
			copy(ext, []byte("XTENSION= 'IMAGE   '"+string(bytes.Repeat([]byte(" "), 60))))
			var out bytes.Buffer
			if err := fits.WriteHDU(&out, fits.NewPrimary(), nil, 0); err != nil {
				t.Fatal(err)
			}
			out.Write(withCounts(ext))
			out.Write(data[len(raw):])
			return out.Bytes()
		}), right()),
		one("no mosaic", remove(westMosaic), refused("102018211|west")),
	))
}

// withCounts gives a header that was a primary's PCOUNT and GCOUNT, in the place of
// cards that nobody reads.
func withCounts(header []byte) []byte {
	for _, c := range []struct{ from, to string }{{"ORIGIN", "PCOUNT  =                    0"}, {"TELESCOP", "GCOUNT  =                    1"}} {
		at := cardAt(header, c.from)
		copy(header[at:at+80], []byte(c.to + string(bytes.Repeat([]byte(" "), 80)))[:80])
	}
	return header
}

// rightSayingBad is right without the row, and counted.
func rightSayingBad(pattern string) want {
	return func(t *testing.T, e *ending) {
		t.Helper()
		if !e.ok() {
			refused(pattern)(t, e)
			return
		}
		rightSaying(nil, pattern)(t, e)
	}
}

// refusedOrRight is for what a reader may take or refuse by name.
func refusedOrRight(patterns ...string) want {
	return func(t *testing.T, e *ending) {
		t.Helper()
		if e.ok() {
			right()(t, e)
			return
		}
		refused(patterns...)(t, e)
	}
}
