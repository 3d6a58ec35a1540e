package mutants

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fits"
)

// inQuotes puts the value of a number's card into quotes.
func inQuotes(file, hdu, key string) change {
	return edit(file, func(t *testing.T, data []byte) []byte {
		raw := header(t, data, hdu, key)
		at := cardAt(raw, key)
		copy(raw[at:at+80], padded(string(raw[at:at+10])+"'"+strings.TrimSpace(string(raw[at+10:at+30]))+"'"))
		return data
	})
}

// swapped changes the places of two HDUs.
func swapped(file string, a, b int) change {
	return edit(file, func(t *testing.T, data []byte) []byte {
		index, err := fits.ReadIndex(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		index[a], index[b] = index[b], index[a]
		var out []byte
		for _, h := range index {
			out = append(out, data[h.Offset:h.End()]...)
		}
		return out
	})
}

// repacked gives a file in gzip, whose name says so, other bytes.
func repacked(file string, how func(data []byte) []byte) change {
	return all(zipped(file), edit(file, func(_ *testing.T, data []byte) []byte { return how(data) }))
}

// TestReadOtherwise changes what wcslib, and so SHINE, reads otherwise than what
// looks for its keywords one by one.
func TestReadOtherwise(t *testing.T) {
	const sci = "1-1.F.SCI"
	run(t, join(
		atFault("CRVAL1 in quotes", inQuotes(detFile, sci, "CRVAL1"), sci, "CRVAL1", "in quotes"),
		atFault("a term of distortion in quotes", inQuotes(detFile, sci, "PV1_1"), sci, "PV1_1", "in quotes"),
		atFault("a term with a zero in front", insert(detFile, sci, "PV1_01  = 1.5"), sci, "PV1_01", "PV1_1"),
		atFault("a term whose axis has a zero in front", insert(detFile, sci, "PV01_1  = 1.5"), sci, "PV01_1", "PV1_1"),
		atFault("CD in its old form, too", insert(detFile, sci, "CD001001= 1E-3"), sci, "CD001001"),
		atFault("CD with a zero in front, too", insert(detFile, sci, "CD1_01  = 1E-3"), sci, "CD1_01"),
		atFault("the value of a third axis", insert(detFile, sci, "CRVAL3  = 3.0"), sci, "CRVAL3", "axis 3"),
		atFault("terms of a third axis", insert(detFile, sci, "PV3_1   = 3.0"), sci, "PV3_1", "axis 3"),
		atFault("parameters of a table of distortion", insert(detFile, sci, "DP1     = 'NAXES: 2'"), sci, "DP1"),
		atFault("a file that says it is none", card(detFile, "", "SIMPLE", "SIMPLE  =                    F"), "DET", "HDU 0", "SIMPLE is F"),
		atFault("an image of three axes", all(insert(detFile, sci, "NAXIS3  =                    1"), card(detFile, sci, "NAXIS", "NAXIS   =                    3")), sci, "NAXIS is 3"),
		one("a mosaic with CRVAL1 in quotes", inQuotes(westMosaic, "", "CRVAL1"), refused(westMosaic, "CRVAL1", "in quotes", "tile_table")),
		one("a scale of a column in quotes", card(westCatalog, "EUC_MER__FINAL-CAT", "TUNIT2", "TSCAL2  = '1.0'"), refused(westCatalog, "TSCAL2", "in quotes")),
		one("a reference value with a zero in front", insert(detFile, sci, "CRVAL01 = 3.0"), right()),
		one("terms of AIPS", insert(detFile, sci, "PROJP1  = 1.5"), right()),
		one("another system's third axis", insert(detFile, sci, "CRVAL3A = 1.5"), right()),
		one("LONPOLE elsewhere", insert(detFile, sci, "LONPOLE = 90.0"), right()),
	))
}

// TestQuadrants takes quadrants from files, and changes their order.
func TestQuadrants(t *testing.T) {
	const sci, rms = "1-1.F.SCI", "1-1.F.RMS"
	run(t, join(
		atFault("an SCI without a name", card(detFile, sci, "EXTNAME", ""), "HDU 4", "EXTNAME"),
		atFault("an SCI in lower case", card(detFile, sci, "EXTNAME", "EXTNAME = '1-1.f.sci'"), "HDU 4", `1-1\.f\.sci`),
		atFault("an SCI with a blank in front", card(detFile, sci, "EXTNAME", "EXTNAME = ' 1-1.F.SCI'"), "HDU 4", "EXTNAME"),
		atFault("an SCI of a CCD that isn't there", card(detFile, sci, "EXTNAME", "EXTNAME = '7-1.F.SCI'"), "HDU 4", `7-1\.F\.SCI`),
		atFault("an SCI by another word", card(detFile, sci, "EXTNAME", "EXTNAME = '1-1.F.SCIENCE'"), "HDU 5", `no HDU 1-1\.F\.SCI`),
		atFault("an RMS without a name", card(detFile, rms, "EXTNAME", ""), "HDU 5", "EXTNAME"),
		one("a quadrant that a PSF lacks", card(psfFile, "1-2.E", "EXTNAME", "EXTNAME = '1-2.e'"), rightWithout(t, "002682_00_1 1-2.E", "left out: 1", psfFile, `1-2\.E`)),
		one("a quadrant that a BKG lacks, seen at once", card(bkgFile, "1-2.E", "EXTNAME", "EXTNAME = '1-2.e'"), rightWithout(t, "002682_00_1 1-2.E", "left out: 1", bkgFile, `1-2\.E`)),
		one("RMS and FLG in another order", swapped(detFile, 23, 24), right()),
		one("the RMS of two quadrants in another order", swapped(detFile, 23, 26), right()),
		one("the SCI of two quadrants in another order", swapped(detFile, 22, 25), right()),
		one("a BKG in another order", swapped(bkgFile, 13, 14), right()),
		one("a PSF in another order", swapped(psfFile, 4, 8), right()),
	))
}

// TestSaid changes what is said of what is wrong.
func TestSaid(t *testing.T) {
	run(t, join(
		atFault("half a download of a PSF", rename(psfFile, ".fits", ".fits.part"), "PSF", `\.part`, "whole"),
		atFault("a PSF in an upper-case suffix", rename(psfFile, ".fits", ".FITS"), "PSF", `\.FITS`, "rename"),
		atFault("a newer copy of a DET without a PSF beside it", all(copyTo(detFile, "VIS/2682/", "VIS/9999/")), "PSF", "VIS/9999/"),
		[]mutant{{name: "OBS_ID twice", change: insert(detFile, "", "OBS_ID  = 2681"), want: refused("DET", "OBS_ID", `says "2682", card .* says "2681"`, "says it wrongly")}},
		one("a catalogue whose name says gzip", rename(westCatalog, ".fits", ".fits.gz"), right()),
		one("a zipped catalogue whose name doesn't say so", all(zipped(westCatalog), rename(westCatalog, ".fits.gz", ".fits")), right()),
		one("a PSF whose name says gzip", rename(psfFile, ".fits", ".fits.gz"), right()),
		one("a mosaic whose name says gzip", rename(westMosaic, ".fits", ".fits.gz"), right()),
		one("a gzipped catalogue cut short", repacked(westCatalog, func(d []byte) []byte { return d[:len(d)-9] }), refused(westCatalog, "can't be unpacked", "archive")),
		one("a gzipped catalogue with a wrong sum", repacked(westCatalog, func(d []byte) []byte { d[len(d)-5] ^= 1; return d }), refused(westCatalog, "can't be unpacked")),
		one("a row too large", edit(westCatalog, func(t *testing.T, _ []byte) []byte { return oneRow(t, 20<<20) }), refused(westCatalog, "NAXIS1", "a row has")),
		one("a row too large, gzipped", repacked(westCatalog, func([]byte) []byte { return packed(oneRow(t, 50<<20)) }), refused(westCatalog, "NAXIS1", "a row has")),
	))
}

// TestTileTables gives tables of tiles in CSV.
func TestTileTables(t *testing.T) {
	table := func(name, text string, patterns ...string) mutant {
		return mutant{name: name, change: place("tiles.csv", []byte(text)), config: "tiling: {source: tile_table, tile_table: mem://euclid/q1/tiles.csv}",
			want: refused(append([]string{"tiles.csv"}, patterns...)...)}
	}
	const second = "102018212,58.02417390983718,-51.49999732155834\n"
	run(t, []mutant{
		{name: "as the mosaics have it", change: place("tiles.csv", []byte("dec,tile_id,ra\n-51.5,102018211,57.9990741\n-51.49999732155834,102018212,58.02417390983718\n")),
			config: "tiling: {source: tile_table, tile_table: mem://euclid/q1/tiles.csv}", want: right()},
		table("two columns of one name", "tile_id,ra,dec,RA\n102018211,57.9990741,-51.5,12\n", "several columns are called ra", "leave one"),
		table("sexagesimal", "tile_id,ra,dec\n102018211,03:51:59.8,-51:30:00\n", "line 2, column 11", `ra is "03:51:59.8"`, "decimal degrees"),
		table("hexadecimal", "tile_id,ra,dec\n"+second+"102018211,0x1p5,-51.5\n", "line 3, column 11", "0x1p5", "decimal degrees"),
		table("a tile's name", "tile_id,ra,dec\nTILE102018211,57.9990741,-51.5\n", "line 2, column 1", "an integer"),
		table("a line of two fields", "tile_id,ra,dec\n102018211,57.9990741\n", "line 2", "as many fields"),
		table("a tile twice", "tile_id,ra,dec\n"+second+second, "102018212 stands twice", "leave one row"),
		table("nothing", "", "empty", "tile_id, ra and dec"),
		table("another separator", "tile_id;ra;dec\n102018211;57.9990741;-51.5\n", "no column tile_id"),
	})
}

// oneRow is a catalogue of one row of so many bytes.
func oneRow(t *testing.T, size int64) []byte {
	cols := []fits.Column{{Name: "OBJECT_ID", Format: "1K"}, {Name: "RIGHT_ASCENSION", Format: "1D"}, {Name: "DECLINATION", Format: "1D"}}
	for left := size; left > 0; left -= 1 << 20 {
		cols = append(cols, fits.Column{Name: "FILL" + strings.Repeat("L", len(cols)), Format: "1048576A"})
	}
	h := fits.NewTable(cols, 1)
	size, err := fits.Layout(cols)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := fits.WriteHDU(&out, fits.NewPrimary(), nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := fits.WriteHDU(&out, h, bytes.NewReader(make([]byte, size)), size); err != nil {
		t.Fatal(err)
	}
	return slices.Clip(out.Bytes())
}

// packed is data in gzip.
func packed(data []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(data)
	w.Close()
	return z.Bytes()
}
