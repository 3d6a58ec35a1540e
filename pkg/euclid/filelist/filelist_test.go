package filelist_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/filelist"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

const at = "mem://lists/euclid.csv"

const head = "product,part,obs_id,dither,exposure,tile_id,release,uri,size,etag\n"

// read reads a list of this text.
func read(t *testing.T, store *objstore.Memory, text string) (*filelist.List, error) {
	t.Helper()
	if _, err := objstore.WriteFile(t.Context(), store, at, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return filelist.Read(t.Context(), store, at)
}

// entries are a list's, a line each.
func entries(t *testing.T, l *filelist.List) (lines []string) {
	t.Helper()
	err := l.ListNamed(t.Context(), func(e euclid.Entry) error {
		n := e.Name
		lines = append(lines, fmt.Sprint(n.Maker, " ", n.Product, n.Part, " ", n.Exposure(), " ", n.Tile, " ", n.Release, " ", e.URI, " ", e.Size, " ", e.ETag))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestRead reads rows as people and programs write them.
func TestRead(t *testing.T) {
	store := objstore.NewMemory()
	for _, c := range []struct{ name, text, want string }{
		{"whole", head + "DET,,002681,00,1,,,mem://m/x.fits,12,abc\n", "VIS DET 002681_00_1 0  mem://m/x.fits 12 abc"},
		{"numbers without zeros", head + "DET,sci,2681,3,2,,,mem://m/x.fits,12,\"\"\"abc\"\"\"\n", "VIS DETsci 002681_03_2 0  mem://m/x.fits 12 abc"},
		{"a dither of three digits", head + "BKG,,67070,143,1,,,mem://m/x.fits,12,abc\n", "VIS BKG 067070_143_1 0  mem://m/x.fits 12 abc"},
		{"a PSF of an observation", head + "PSF,,2681,,,,,mem://m/x.fits.gz,12,abc\n", "VIS PSF 002681__ 0  mem://m/x.fits.gz 12 abc"},
		{"a tile", head + "FINAL-CAT,,,,,0102018211,0.0,mem://m/x.fits,12,abc\n", "MER FINAL-CAT __ 102018211 00.00 mem://m/x.fits 12 abc"},
		{"a release that the name has", head + "FINAL-CAT,,,,,102018211,,mem://m/EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_00.00.fits,12,abc\n", "MER FINAL-CAT __ 102018211 00.00 mem://m/EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_00.00.fits 12 abc"},
		{"columns in another order, of other letters, and others", "\ufeffURI, Exposure ,note,OBS_ID,dither,Product\nmem://m/x.fits,1,hello,2681,0,det\n", `VIS DET 002681_00_1 0  mem://m/x.fits 0 `},
		{"beside the list", "product,obs_id,dither,exposure,uri\n# a remark\nWGT,2681,0,1,a.fits\n", "VIS WGT 002681_00_1 0  mem://lists/a.fits 0 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := read(t, store, c.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := entries(t, l); !slices.Equal(got, []string{c.want}) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestRefused reads lists that say nothing that can be relied on.
func TestRefused(t *testing.T) {
	det := "DET,,2681,0,1,,,mem://m/x.fits,12,abc\n"
	q1 := "mem://m/EUC_VIS_SWL-DET-002681-00-1-0000000__20241017T042839.727728Z.fits"
	mer := "mem://m/EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_00.00.fits"
	for _, c := range []struct{ name, text, place, words string }{
		{"nothing", "", "", "empty"},
		{"no column uri", "product,obs_id\nDET,2\n", "line 1", "no column uri"},
		{"a column twice", "product,uri,URI\nDET,a,b\n", "line 1", "several columns are called uri"},
		{"a page", "<!DOCTYPE html>\n<html>\n", "line 1", "no column product"},
		{"too few fields", head + "DET,,2681\n", "line 2", "wrong number of fields"},
		{"a quote", head + "DET,,2681,0,1,,,\"mem://m/x.fits,12,abc\n", "line", "extraneous or missing"},
		{"two rows for one product", head + det + "DET,,002681,00,1,,,mem://m/y.fits,12,abc\n", "line 2 and line 3", `two rows for DET of 002681_00_1: "mem://m/x.fits" and "mem://m/y.fits"`},
		{"one file for two", head + det + "BKG,,002681,00,1,,,mem://m/x.fits,12,abc\n", "line 2 and line 3", "one file is DET of 002681_00_1 and BKG of 002681_00_1"},
		{"two rows for one tile", head + "FINAL-CAT,,,,,7,,a.fits,1,a\nfinal-cat,,,,,007,,b.fits,1,a\n", "line 2 and line 3", "two rows for FINAL-CAT of tile 7"},
		{"an observation with a point", head + "DET,,2681.0,0,1,,,x.fits,1,a\n", "line 2, column obs_id", `"2681.0", need`},
		{"no observation", head + "DET,,,0,1,,,x.fits,1,a\n", "line 2, column obs_id", `"", need`},
		{"no dither", head + "DET,,1,,1,,,x.fits,1,a\n", "line 2, column dither", `"", need`},
		{"another exposure", head + "DET,,1,0,3,,,x.fits,1,a\n", "line 2, column exposure", `"3", need 1 (nominal) or 2 (short)`},
		{"a part of a BKG", head + "BKG,sci,1,0,1,,,x.fits,1,a\n", "line 2, column part", `"sci", need`},
		{"a VIS product of a tile", head + "BKG,,1,0,1,5,,x.fits,1,a\n", "line 2, column tile_id", "need nothing"},
		{"a MER product of an observation", head + "FINAL-CAT,,1,0,1,5,,x.fits,1,a\n", "line 2, column obs_id", "need nothing"},
		{"a MER product without a tile", head + "FINAL-CAT,,,,,,,x.fits,1,a\n", "line 2, column tile_id", `"", need a tile`},
		{"a release of three", head + "FINAL-CAT,,,,,5,1.2.3,x.fits,1,a\n", "line 2, column release", `"1.2.3", need a release`},
		{"a negative size", head + "DET,,1,0,1,,,x.fits,-1,a\n", "line 2, column size", `"-1", need`},
		{"no file", head + "DET,,1,0,1,,,,1,a\n", "line 2, column uri", "need the file's place"},
		{"a directory", head + "DET,,1,0,1,,,mem://m/d/,1,a\n", "line 2, column uri", "names a directory"},
		{"a bucket", head + "DET,,1,0,1,,,mem://m,1,a\n", "line 2, column uri", "names a directory"},
		{"not UTF-8", head + "DET,,1,0,1,,,caf\xe9.fits,1,a\n", "line 2, column uri", "not UTF-8"},
		{"a name of another product", head + "BKG,,2681,0,1,,," + q1 + ",1,a\n", "line 2, column product", `the row says "BKG", the file's name "DET"`},
		{"a name of another dither", head + "DET,,2681,1,1,,," + q1 + ",1,a\n", "line 2, column dither", `the row says "01", the file's name "00"`},
		{"a name of another tile", head + "FINAL-CAT,,,,,102018212,," + mer + ",1,a\n", "line 2, column tile_id", `the row says "102018212", the file's name "102018211"`},
		{"a name of another release", head + "FINAL-CAT,,,,,102018211,01.00," + mer + ",1,a\n", "line 2, column release", `the row says "01.00", the file's name "00.00"`},
		{"a zipped name of another tile", head + "FINAL-CAT,,,,,102018212,," + mer + ".gz,1,a\n", "line 2, column tile_id", `the row says`},
		{"a line without an end", head + strings.Repeat(",", 20<<10), "line 2", "a line has more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(t, objstore.NewMemory(), c.text)
			var f *fault.Error
			if fault.CodeOf(err) != filelist.CodeInvalid || fault.KindOf(err) != fault.BadInput {
				t.Fatalf("got %v", err)
			}
			for _, words := range []string{at, c.place, c.words} {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q is not in %q", words, err)
				}
			}
			if f, _ = err.(*fault.Error); f != nil && f.Remedy == "" {
				t.Errorf("no remedy: %v", err)
			}
		})
	}
}

// TestOthers counts rows that nobody reads.
func TestOthers(t *testing.T) {
	l, err := read(t, objstore.NewMemory(), head+"FINAL-MORPH-CAT,,,,,7,,a.fits,,\nNIR,,,,,,,b.fits,,\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := entries(t, l); len(got) != 0 {
		t.Errorf("entries %v", got)
	}
	if want := []string{`rows of euclid.csv with another product, not read: 2 ("FINAL-MORPH-CAT", "NIR")`}; !slices.Equal(l.Notes, want) {
		t.Errorf("notes %q", l.Notes)
	}
}

// rows are of each kind, as an export has them.
var rows = []filelist.Row{
	{Product: "DET", Part: "sci", Obs: "067070", Dither: "143", Exposure: "1", URI: "s3://b/a, b.fits", Size: "12", ETag: "x-1"},
	{Product: "PSF", Obs: "067070", URI: "s3://b/psf.fits.gz", Size: "7", ETag: "y"},
	{Product: "FINAL-CAT", Tile: "102018211", Release: "00.00", URI: "s3://b/cat.fits", Size: "9007199254740993", ETag: "z"},
}

// TestFormats writes and reads both formats, twice with the same bytes.
func TestFormats(t *testing.T) {
	store := objstore.NewMemory()
	var want []string
	for name, write := range map[string]func(*bytes.Buffer) error{
		"csv": func(b *bytes.Buffer) error { return filelist.WriteCSV(b, rows) }, "parquet": func(b *bytes.Buffer) error { return filelist.WriteParquet(b, rows) },
	} {
		var one, two bytes.Buffer
		if err := write(&one); err != nil {
			t.Fatal(err)
		}
		if err := write(&two); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Errorf("%s: other bytes for the same rows, %v", name, err)
		}
		l, err := read(t, store, one.String())
		if err != nil {
			t.Fatal(err)
		}
		got := entries(t, l)
		if want == nil {
			want = got
		}
		if len(got) != len(rows) || !slices.Equal(got, want) {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
}

// TestPyArrow reads a Parquet list as pandas makes it: numbers where people have
// text, and doubles where a number may be missing.
func TestPyArrow(t *testing.T) {
	python := os.Getenv("CONSTELLATION_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: no list of pyarrow's was read; set CONSTELLATION_PYTHON to a Python that has pyarrow, or run the tests by `make test`")
	}
	file := filepath.Join(t.TempDir(), "list.parquet")
	out, err := exec.CommandContext(t.Context(), python, "-c", `
import sys, pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({
  "product": ["DET", "PSF", "FINAL-CAT"], "part": [None, None, ""], "obs_id": pa.array([2681, 2681, None], pa.int64()),
  "dither": pa.array([0, None, None], pa.int32()), "exposure": ["1", None, None], "tile_id": [float("nan"), float("nan"), 102018211.0],
  "uri": ["mem://m/a.fits", "mem://m/p.fits", "mem://m/c.fits"], "size": [1, 2, 3], "etag": ["a", "b", "c"]}), sys.argv[1])
`, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	l, err := read(t, objstore.NewMemory(), string(data))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"VIS DET 002681_00_1 0  mem://m/a.fits 1 a", "MER FINAL-CAT __ 102018211  mem://m/c.fits 3 c", "VIS PSF 002681__ 0  mem://m/p.fits 2 b",
	}
	if got := entries(t, l); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
