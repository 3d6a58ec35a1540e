package euclid_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

// TestExposureIsItsNames: DET, BKG and WGT whose primary headers are of another
// exposure than their names are refused, with both values; what says nothing is
// no contradiction.
func TestExposureIsItsNames(t *testing.T) {
	number := func(key string, n int64) func(*fits.Header) { return func(h *fits.Header) { h.SetInt(key, n, "") } }
	text := func(key, s string) func(*fits.Header) { return func(h *fits.Header) { h.SetText(key, s, "") } }
	for name, c := range map[string]struct {
		product string
		say     func(h *fits.Header)
		code    string
		says    []string
	}{
		"agrees":                  {"DET", number("OBS_ID", 2681), "", nil},
		"agrees as a string":      {"DET", text("OBS_ID", "002681"), "", nil},
		"says nothing":            {"DET", func(*fits.Header) {}, "", nil},
		"says a blank":            {"BKG", text("OBS_ID", " "), "", nil},
		"DET's observation":       {"DET", number("OBS_ID", 2682), "ExposureContradiction", []string{"OBS_ID is 2682", "observation 002681", "HDU 0"}},
		"DET's as a string":       {"DET", text("OBS_ID", "002682"), "ExposureContradiction", []string{"OBS_ID is 2682", "002681"}},
		"DET's is no number":      {"DET", text("OBS_ID", "flat"), "ExposureContradiction", []string{`"flat"`}},
		"DET's dither":            {"DET", number("DITHOBS", 1), "ExposureContradiction", []string{"DITHOBS is 1", "dither 00"}},
		"DET's exposure":          {"DET", number("EXPNUM", 2), "ExposureNumber", []string{"EXPNUM is 2", "exposure 1"}},
		"BKG's observation":       {"BKG", number("OBS_ID", 2682), "ExposureContradiction", []string{"BKG", "OBS_ID is 2682"}},
		"BKG's dither":            {"BKG", number("DITHOBS", 3), "ExposureContradiction", []string{"BKG", "DITHOBS is 3"}},
		"WGT's exposure":          {"WGT", number("EXPNUM", 2), "ExposureNumber", []string{"WGT", "EXPNUM is 2"}},
		"a PSF is of no exposure": {"PSF", number("OBS_ID", 2682), "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := objstore.NewMemory()
			primary := func(product string) *fits.Header {
				h := fits.NewPrimary()
				if product == c.product {
					c.say(h)
				}
				return h
			}
			e := euclid.Exposure{ExposureID: euclid.ExposureID{Obs: "002681", Dither: "00", Number: "1"}}
			e.DET = put(t, m, "mem://v/DET.fits", file(t, primary("DET"), det("1-1.E", "1-1.F")...))
			e.BKG = put(t, m, "mem://v/BKG.fits", file(t, primary("BKG"), named("1-1.E", "1-1.F")...))
			e.WGT = put(t, m, "mem://v/WGT.fits", file(t, primary("WGT"), named("1-1.E", "1-1.F")...))
			e.PSF = put(t, m, "mem://v/PSF.fits", file(t, primary("PSF"), named("1-1.E", "1-1.F")...))
			qs, err := euclid.ReadQuadrants(t.Context(), m, e)
			if c.code == "" {
				if err != nil || len(qs) != 2 {
					t.Errorf("%d quadrants, %v", len(qs), err)
				}
				return
			}
			wantFault(t, err, fault.BadData, c.code, c.says...)
		})
	}
}

// TestSameFaultSameHDU: of several faults it is the same one that is told, each time.
func TestSameFaultSameHDU(t *testing.T) {
	hdus := det("1-1.E", "1-1.F", "1-1.G", "1-1.H")
	for i := range hdus {
		if i%3 == 0 {
			hdus[i].header.SetFloat("EXPTIME", 90, "")
		}
	}
	m := objstore.NewMemory()
	e := euclid.Exposure{ExposureID: euclid.ExposureID{Obs: "002681", Dither: "00", Number: "1"}}
	e.DET = put(t, m, "mem://v/DET.fits", file(t, fits.NewPrimary(), hdus...))
	e.BKG = put(t, m, "mem://v/BKG.fits", []byte("neither"))
	e.PSF = put(t, m, "mem://v/PSF.fits", []byte("nor"))
	for range 20 {
		_, err := euclid.ReadQuadrants(t.Context(), m, e)
		wantFault(t, err, fault.BadData, "ExposureTime", "1-1.E.SCI")
	}
}

// TestTileIsItsNames: a mosaic or catalogue that says it is another tile's is refused.
func TestTileIsItsNames(t *testing.T) {
	const id, other = 102018211, 102018212
	uri := catBase + merName(euclid.FinalCatalog, id, stamp, "00.00")
	with := func(primary *fits.Header, tiles ...int64) []byte {
		cols := []fits.Column{{Name: "OBJECT_ID", Format: "K"}, {Name: "RIGHT_ASCENSION", Format: "D"}, {Name: "DECLINATION", Format: "D"}, {Name: "TILE_INDEX", Format: "J"}}
		h := fits.NewTable(cols, int64(len(tiles)))
		var data []byte
		for i, tile := range tiles {
			row := make([]byte, rowSize(cols))
			cols[0].PutInt(row, int64(i))
			cols[3].PutInt(row, tile)
			data = append(data, row...)
		}
		return file(t, primary, hdu{h, data})
	}
	for name, c := range map[string]struct {
		file []byte
		says []string
	}{
		"agrees":    {with(fits.NewPrimary().SetInt("TILEID", id, ""), id, id), nil},
		"header":    {with(fits.NewPrimary().SetInt("TILEID", other, ""), id), []string{"TILEID is 102018212", "tile 102018211"}},
		"as string": {with(fits.NewPrimary().SetText("TILE_ID", "102018212", ""), id), []string{"TILE_ID", "tile 102018211"}},
		"a row":     {with(fits.NewPrimary(), id, other), []string{"TILE_INDEX of row 2 is 102018212", "tile 102018211"}},
	} {
		m := objstore.NewMemory()
		f := put(t, m, uri, c.file)
		cat, err := euclid.OpenCatalog(t.Context(), m, f)
		if err == nil {
			err = cat.Rows(t.Context(), func(euclid.Row) error { return nil })
		}
		if len(c.says) == 0 {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		wantFault(t, err, fault.BadData, "TileContradiction", append(c.says, objstore.Base(uri))...)
	}
	m := survey(t)
	mosaic := fits.NewPrimaryImage(-32, 16, 20).SetInt("TILEID", other, "")
	put(t, m, merBase+"102000002/VIS/"+merName(euclid.VISMosaic, 102000002, "20260101T000000.000000", "00.00"), file(t, mosaic))
	opts := tileOptions(settings.FromMosaic)
	opts.IDs = []int64{102000002}
	_, _, err := euclid.IndexTiles(t.Context(), m, opts)
	wantFault(t, err, fault.BadData, "TileContradiction", "TILEID is 102018212", "tile 102000002")
}

// TestForms: what is there in another form than .fits is read, or named where it would be missed.
func TestForms(t *testing.T) {
	list := func(t *testing.T, names ...string) (*euclid.Observations, error) {
		m := objstore.NewMemory()
		for i, n := range names {
			names[i] = "2681/" + n
		}
		fill(t, m, visBase, append(names,
			"2681/"+visName("DET", "002681", 1, 1, stamp), "2681/"+visName("BKG", "002681", 1, 1, stamp))...)
		return euclid.IndexExposures(t.Context(), m, visBase, settings.Nominal)
	}
	name := func(product string) string { return visName(product, "002681", 0, 1, stamp) }
	newer := visName("DET", "002681", 0, 1, "20260101T000000.0")
	for _, c := range []struct {
		files   []string
		lacking string // of what is incomplete of exposure 00, the first
		left    int    // leftovers
		there   bool   // the exposure is
	}{
		{[]string{name("DET") + ".gz", name("BKG")}, "DET: " + `"` + name("DET") + `.gz" is compressed: gunzip it`, 0, false},
		{[]string{name("DET") + ".fz"}, "funpack it", 0, false},
		{[]string{name("DET") + ".bz2", name("BKG")}, "bunzip2 it", 0, false},
		{[]string{name("DET") + ".part", name("BKG")}, "no whole file", 1, false},
		{[]string{strings.Replace(name("DET"), ".fits", ".FITS", 1), name("BKG")}, "rename it", 1, false},
		{[]string{name("DET") + "~", name("DET"), name("BKG")}, "PSF", 1, true},
		{[]string{name("BKG")}, "DET", 0, false},
		{[]string{name("DET"), name("BKG") + ".gz"}, "BKG: ", 0, true},
		{[]string{name("DET"), name("DET") + ".gz", name("BKG")}, "PSF", 0, true},       // the same delivery twice
		{[]string{name("DET"), newer + ".gz", name("BKG")}, "gunzip it", 0, false},      // the newer one counts
		{[]string{newer, name("DET") + ".gz", name("BKG")}, "PSF", 0, true},             // the older one doesn't
		{[]string{name("DET"), name("BKG"), "." + name("BKG") + ".x1"}, "PSF", 1, true}, // as rsync leaves it
	} {
		o, err := list(t, c.files...)
		if err != nil {
			t.Fatalf("%v: %v", c.files, err)
		}
		there, lacking := false, ""
		for _, e := range o.Exposures {
			there = there || e.Dither == "00"
		}
		for _, m := range o.Incomplete {
			if m.Exposure.Dither == "00" && m.Product != euclid.WGT && lacking == "" {
				lacking = m.String()
			}
		}
		if there != c.there || !strings.Contains(lacking, c.lacking) || o.Leftover != c.left || len(o.LeftoverExamples) != c.left {
			t.Errorf("%v: there %v, %q, %d leftovers %v", c.files, there, lacking, o.Leftover, o.LeftoverExamples)
		}
	}
}

// TestReleases: of a tile's files those of one release count.
func TestReleases(t *testing.T) {
	const a, b = 102000001, 102000002
	lay := func(t *testing.T, names ...string) objstore.Store {
		m := survey(t)
		fill(t, m, "mem://rel", names...)
		return m
	}
	cat := func(tile int64, time, release string) string {
		n := merName(euclid.FinalCatalog, tile, time, release)
		if release == "" {
			n = strings.Replace(n, "_.fits", ".fits", 1)
		}
		return n
	}
	t1, t2 := "20241018T214045.289017", "20251018T214045.289017"
	for name, c := range map[string]struct {
		files   []string
		want    settings.Release
		held    string // empty: nobody holds
		release string
		of      map[int64]string // the catalogue of each tile, "" for none
		lacks   string
		newer   string // of the first tile
		err     string
	}{
		"the newest":             {[]string{cat(a, t1, "00.00"), cat(a, t1, "01.00")}, "newest", "", "01.00", map[int64]string{a: cat(a, t1, "01.00")}, "", "", ""},
		"as numbers":             {[]string{cat(a, t1, "9.00"), cat(a, t1, "10.00")}, "newest", "", "10.00", map[int64]string{a: cat(a, t1, "10.00")}, "", "", ""},
		"whatever the time":      {[]string{cat(a, t2, "00.00"), cat(a, t1, "01.00")}, "newest", "", "01.00", map[int64]string{a: cat(a, t1, "01.00")}, "", "", ""},
		"the newest delivery":    {[]string{cat(a, t1, "01.00"), cat(a, t2, "01.00")}, "newest", "", "01.00", map[int64]string{a: cat(a, t2, "01.00")}, "", "", ""},
		"an older one elsewhere": {[]string{cat(a, t1, "01.00"), cat(b, t1, "00.00")}, "newest", "", "01.00", map[int64]string{a: cat(a, t1, "01.00"), b: cat(b, t1, "00.00")}, "", "", ""},
		"held to":                {[]string{cat(a, t1, "00.00"), cat(a, t2, "01.00")}, "newest", "00.00", "00.00", map[int64]string{a: cat(a, t1, "00.00")}, "", "01.00", ""},
		"one that is asked for":  {[]string{cat(a, t1, "00.00"), cat(a, t2, "01.00")}, "00.00", "", "00.00", map[int64]string{a: cat(a, t1, "00.00")}, "", "01.00", ""},
		"that alone":             {[]string{cat(a, t1, "00.00"), cat(b, t2, "01.00")}, "01.00", "", "01.00", map[int64]string{a: "", b: cat(b, t2, "01.00")}, "release 01.00 counts (data.release), and its catalogue is there as 00.00", "", ""},
		"none without a number":  {[]string{cat(a, t2, ""), cat(a, t1, "00.00")}, "newest", "", "00.00", map[int64]string{a: cat(a, t1, "00.00")}, "", "", ""},
		"no numbers at all":      {[]string{cat(a, t1, "")}, "newest", "", "", map[int64]string{a: cat(a, t1, "")}, "", "", ""},
		"gzipped":                {[]string{cat(a, t1, "00.00") + ".gz"}, "newest", "", "00.00", map[int64]string{a: cat(a, t1, "00.00") + ".gz"}, "", "", ""},
		"compressed otherwise":   {[]string{cat(a, t1, "00.00") + ".fz"}, "newest", "", "00.00", map[int64]string{a: ""}, "funpack it", "", ""},
		"one that isn't there":   {[]string{cat(a, t1, "00.00")}, "02.00", "", "", nil, "", "", "UnknownRelease"},
	} {
		t.Run(name, func(t *testing.T) {
			m := lay(t, c.files...)
			opts := tileOptions(settings.FromMosaic)
			opts.CatalogBase, opts.Release = "mem://rel", c.want
			if c.held != "" {
				opts.Hold = func(string) (string, error) { return c.held, nil }
			}
			tiles, listed, err := euclid.IndexTiles(t.Context(), m, opts)
			if c.err != "" {
				wantFault(t, err, fault.BadInput, c.err, "00.00")
				return
			}
			if err != nil || listed.Release != c.release {
				t.Fatalf("%+v, %v", listed, err)
			}
			for _, tile := range tiles {
				got := ""
				if len(tile.Catalogs) > 0 {
					got = objstore.Base(tile.Catalogs[0].URI)
				}
				if got != c.of[tile.ID] || len(tile.Catalogs) > 1 || tile.ID == a && (tile.Newer != c.newer || !strings.Contains(tile.Lacks, c.lacks) || (tile.Lacks != "") != (c.lacks != "")) {
					t.Errorf("%+v, want %s", tile, c.of[tile.ID])
				}
			}
		})
	}
}

// TestGzipped: catalogues, mosaics and PSFs are read as what they hold, and what holds too much is refused.
func TestGzipped(t *testing.T) {
	m := objstore.NewMemory()
	all := tileSources(sky.Coord{RA: 58, Dec: -51}, 1)
	raw := catalogFile(t, all)
	read := func(f euclid.File) (n int, err error) {
		c, err := euclid.OpenCatalog(t.Context(), m, f)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		return n, c.Rows(t.Context(), func(euclid.Row) error { n++; return nil })
	}
	for name, data := range map[string][]byte{"zipped.fits.gz": zipped(t, raw), "plain.fits.gz": raw, "zipped.fits": zipped(t, raw), "plain": raw, "zipped": zipped(t, raw),
		"two members": append(zipped(t, raw[:3000]), zipped(t, raw[3000:])...), "padded": append(zipped(t, raw), make([]byte, 5000)...)} {
		if n, err := read(put(t, m, "mem://g/"+name, data)); err != nil || n != len(all) {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
	}
	for name, c := range map[string]struct {
		data []byte
		code string
	}{
		"cut short":         {zipped(t, raw)[:200], "GzipInvalid"},
		"with words behind": {append(zipped(t, raw), "words"...), "GzipInvalid"},
		"a page":            {[]byte("<html>"), "GzipInvalid"},
		"damaged":           {flipped(zipped(t, raw)), "GzipInvalid"},
		"empty":             {zipped(t, nil), ""},
		"a bomb":            {zipped(t, make([]byte, 65<<20)), "GzipTooLarge"},
	} {
		_, err := read(put(t, m, "mem://g/"+name+".fits.gz", c.data))
		wantFault(t, err, fault.BadData, c.code, name)
	}
	e := euclid.Exposure{ExposureID: euclid.ExposureID{Obs: "002681", Dither: "00", Number: "1"}}
	e.DET = put(t, m, "mem://v/DET.fits", file(t, fits.NewPrimary(), det("1-1.E", "1-1.F")...))
	psf := file(t, fits.NewPrimary(), named("1-1.E", "1-1.F")...)
	e.PSF = put(t, m, "mem://v/PSF.fits", psf)
	want, err := euclid.ReadQuadrants(t.Context(), m, e)
	if err != nil {
		t.Fatal(err)
	}
	e.PSF = put(t, m, "mem://v/PSF.fits.gz", zipped(t, psf))
	got, err := euclid.ReadQuadrants(t.Context(), m, e)
	if err != nil || len(got) != 2 || got[1].PSF != want[1].PSF || got[1].PSF.Length == 0 {
		t.Errorf("%+v, want %+v, %v", got, want, err)
	}
	unpacked, es, err := euclid.Unpack(t.Context(), m, []euclid.Exposure{e, e})
	if err != nil {
		t.Fatal(err)
	}
	defer unpacked.Close()
	if es[0].PSF.Size != int64(len(psf)) || unpacked.Stored(es[0].PSF) != e.PSF {
		t.Errorf("%+v", es[0].PSF)
	}
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// flipped has one bit of the checksum wrong.
func flipped(data []byte) []byte {
	data[len(data)-6] ^= 1
	return data
}
