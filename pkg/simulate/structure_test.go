package simulate

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/fitstest"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/wcs"
)

// The names of a tiny survey's files, as the facts about Q1 spell them: time
// stamps and tags aside, nothing may be missing and nothing added.
func TestNames(t *testing.T) {
	dir := written(t, preset(t, "tiny"))
	const ts = `\d{8}T\d{6}\.\d{6}Z`
	var want []string
	for _, e := range []string{"2681/SWL-DET-002681-00-1", "2681/SWL-DET-002681-00-1", // delivered twice
		"2681/SWL-BKG-002681-00-1", "2681/SWL-WGT-002681-00-1",
		"2681/SWL-DET-002681-00-2", "2681/SWL-BKG-002681-00-2", "2681/SWL-WGT-002681-00-2",
		"2682/SWL-DET-002682-00-1", "2682/SWL-BKG-002682-00-1", // WGT is missing
		"2681/SWL-STK-002681-00-0", "2682/SWL-STK-002682-00-0",
		"2681/GRD-PSF-000-000000", "2682/GRD-PSF-000-000000"} {
		obs, name, _ := strings.Cut(e, "/")
		want = append(want, `VIS/`+obs+`/EUC_VIS_`+name+`-0000000__`+ts+`\.fits`)
	}
	for _, tile := range []string{"102018211", "102018212"} {
		tail := `_TILE` + tile + `-[0-9A-F]{6}_` + ts + `_00\.00\.fits`
		want = append(want, `MER/`+tile+`/VIS/EUC_MER_BGSUB-MOSAIC-VIS`+tail)
		for _, kind := range []string{"CAT", "CUTOUTS-CAT", "MORPH-CAT"} {
			want = append(want, `catalogs/MER_FINAL_CATALOG/`+tile+`/EUC_MER_FINAL-`+kind+tail)
		}
	}
	want = append(want, `truth/survey\.json`, `truth/truth\.csv`)

	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		i := slices.IndexFunc(want, func(p string) bool { return regexp.MustCompile("^" + p + "$").MatchString(rel) })
		if i < 0 {
			t.Errorf("unexpected file %s", rel)
			return nil
		}
		want = slices.Delete(want, i, i+1)
		return nil
	})
	for _, w := range want {
		t.Errorf("no file %s", w)
	}
}

func TestDET(t *testing.T) {
	s := preset(t, "tiny")
	dir := written(t, s)
	raw, hdus, _ := index(t, one(t, dir, "VIS/2681/*DET-002681-00-2-*"))
	if len(hdus) != 1+3*4*4 {
		t.Fatalf("%d HDUs, want 49", len(hdus))
	}
	primary := hdus[0].Header
	if hdus[0].HeaderSize != 17280 || hdus[0].DataSize != 0 {
		t.Errorf("primary HDU: header of %d bytes, data of %d", hdus[0].HeaderSize, hdus[0].DataSize)
	}
	for _, key := range []string{"OBS_ID", "DITHOBS", "EXPNUM", "PTGID", "EXPTIME", "DATE-OBS", "MJD-OBS", "RA", "DEC", "PA", "MAGZEROP", "N_CCD", "SOFTVERS"} {
		if !primary.Has(key) {
			t.Errorf("primary header: no %s", key)
		}
	}
	if n, _ := primary.Int("EXPNUM"); n != 2 {
		t.Errorf("EXPNUM = %d of a short exposure", n)
	}
	if v, _ := primary.Float("EXPTIME"); v > 100 {
		t.Errorf("EXPTIME = %g of a short exposure", v)
	}
	quoted := regexp.MustCompile(`^MAGZEROP= '\d\d\.\d{5}'`)
	var names []string
	for i, h := range hdus[1:] {
		names = append(names, h.Name)
		k := h.Header
		if h.HeaderSize != 8640 || h.DataSize != 128*130*4 {
			t.Errorf("%s: header of %d bytes, data of %d", h, h.HeaderSize, h.DataSize)
		}
		if bitpix, _ := k.Int("BITPIX"); bitpix != []int64{-32, -32, 32}[i%3] {
			t.Errorf("%s: BITPIX = %d", h, bitpix)
		}
		header := raw[h.Offset : h.Offset+h.HeaderSize]
		if at := bytes.Index(header, []byte("MAGZEROP")); at < 0 || !quoted.Match(header[at:]) {
			t.Errorf("%s: MAGZEROP is not a quoted number", h)
		}
		for _, key := range []string{"BZERO", "BSCALE", "PV1_0", "PV1_3", "PV2_0", "PV2_3", "PV1_11"} {
			if k.Has(key) {
				t.Errorf("%s has %s", h, key)
			}
		}
		for _, key := range []string{"DETID", "CCDID", "GAIN", "RDNOISE", "EXPTIME", "SATLEVEL", "SATURATE", "FLXSCALE", "CUNIT1",
			"PV1_1", "PV1_2", "PV1_4", "PV1_10", "PV2_1", "PV2_2", "PV2_4", "PV2_10"} {
			if !k.Has(key) {
				t.Errorf("%s: no %s", h, key)
			}
		}
		checkSolution(t, h, s)
	}
	want := []string{"1-1.E.SCI", "1-1.E.RMS", "1-1.E.FLG", "1-1.F.SCI"}
	if !slices.Equal(names[:4], want) || names[47] != "2-2.H.FLG" {
		t.Errorf("order of extensions: %q ... %q", names[:4], names[47])
	}
}

// checkSolution holds a quadrant's WCS to what real ones look like.
func checkSolution(t *testing.T, h *fits.HDU, s Survey) {
	t.Helper()
	get := func(key string) float64 {
		v, err := h.Header.Float(key)
		if err != nil {
			t.Error(err)
		}
		return v
	}
	det := get("CD1_1")*get("CD2_2") - get("CD1_2")*get("CD2_1")
	if scale := math.Sqrt(math.Abs(det)) * 3600; det >= 0 || math.Abs(scale-0.1) > 0.001 {
		t.Errorf("%s: determinant %g, %g arcsec a pixel", h, det, scale)
	}
	if x, y := get("CRPIX1"), get("CRPIX2"); x < 1 || x > float64(s.Width) || y < 1 || y > float64(s.Height) {
		t.Errorf("%s: reference pixel (%g, %g) is outside", h, x, y)
	}
	var row, col int
	fmt.Sscanf(h.Name, "%d-%d", &row, &col)
	if rotated := get("CD1_1") > 0; rotated != (col == 2) {
		t.Errorf("%s: rotated is %v", h, rotated)
	}
	for _, key := range []string{"CTYPE1", "CTYPE2"} {
		if text, _ := h.Header.Text(key); text != map[string]string{"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV"}[key] {
			t.Errorf("%s: %s = %q", h, key, text)
		}
	}
	if _, err := wcs.New(h.Header); err != nil {
		t.Errorf("%s: %v", h, err)
	}
}

func TestOtherProducts(t *testing.T) {
	dir := written(t, preset(t, "tiny"))
	_, hdus, byName := index(t, one(t, dir, "VIS/2681/*BKG-002681-00-1-*"))
	if len(hdus) != 17 || byName["1-2.F"] == nil {
		t.Fatalf("BKG: %d HDUs", len(hdus))
	}
	for _, h := range hdus[1:] {
		if !h.Header.Has("BKG_MED") || !h.Header.Has("BKG_MAD") {
			t.Errorf("BKG %s: no BKG_MED or BKG_MAD", h)
		}
	}
	raw, hdus, byName := index(t, one(t, dir, "VIS/2681/*WGT-002681-00-1-*"))
	if len(hdus) != 17 || byName["1-2.F"] == nil {
		t.Fatalf("WGT: %d HDUs", len(hdus))
	}
	zeros := 0
	for _, w := range floats(raw, byName["1-2.F"]) {
		if w == 0 {
			zeros++
		} else if w < 0.9 || w > 1.1 {
			t.Fatalf("weight %g", w)
		}
	}
	if zeros == 0 {
		t.Error("WGT: no invalid pixel")
	}
	first, err := os.ReadFile(one(t, dir, "VIS/2681/*PSF*"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(one(t, dir, "VIS/2682/*PSF*"))
	if err != nil || !bytes.Equal(first, second) {
		t.Error("the PSF is not the same in both observations", err)
	}
	_, hdus, _ = index(t, one(t, dir, "MER/102018211/VIS/*MOSAIC*"))
	if len(hdus) != 1 || hdus[0].HeaderSize != 5760 || hdus[0].DataSize != 600*600*4 {
		t.Errorf("mosaic: %d HDUs, header of %d bytes, data of %d", len(hdus), hdus[0].HeaderSize, hdus[0].DataSize)
	}
	w, err := wcs.New(hdus[0].Header)
	if err != nil {
		t.Fatal(err)
	}
	if c := w.ToSky(300.5, 300.5); math.Abs(c.RA-57.9990741) > 1e-9 || math.Abs(c.Dec+51.5) > 1e-9 {
		t.Errorf("mosaic's centre is %v", c)
	}
}

// A full-size DET file has the very size of a real one, and takes next to no room.
func TestFullSize(t *testing.T) {
	s := preset(t, "tile")
	e := s.exposures()[0]
	dir := t.TempDir()
	for product, want := range map[string]struct {
		size int64
		hdus int
	}{
		"DET": {7_315_678_080, 433},
		"BKG": {17280 + 144*16_934_400, 145},
		"WGT": {17280 + 144*16_934_400, 145},
	} {
		f := s.visFile(e, product, "", epoch, softwareNow, nil)
		size, err := f.write(t.Context(), holes, dir, 2)
		if err != nil {
			t.Fatal(err)
		}
		r, err := os.Open(filepath.Join(dir, f.path))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		info, err := r.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if size != want.size || info.Size() != want.size {
			t.Errorf("%s: %d bytes, file of %d, want %d", product, size, info.Size(), want.size)
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Blocks*512 > 40<<20 {
			t.Errorf("%s takes %d bytes of disk", product, st.Blocks*512)
		}
		hdus, err := fits.ReadIndex(r, info.Size())
		if err != nil {
			t.Fatal(err)
		}
		if len(hdus) != want.hdus {
			t.Errorf("%s: %d HDUs, want %d", product, len(hdus), want.hdus)
		}
		for i, h := range hdus[1:] {
			if h.Offset != 17280+int64(i)*16_934_400 || h.HeaderSize != 8640 || h.DataSize != 16_924_672 {
				t.Fatalf("%s %s at %d: header of %d bytes, data of %d", product, h, h.Offset, h.HeaderSize, h.DataSize)
			}
		}
	}
}

func TestShuffle(t *testing.T) {
	s := preset(t, "tiny")
	plain := written(t, s)
	s.Shuffle = true
	mixed := written(t, s)
	const pattern = "VIS/2682/*DET-002682-00-1-*"
	a, _, inOrder := index(t, one(t, plain, pattern))
	b, hdus, byName := index(t, one(t, mixed, pattern))
	if slices.IsSortedFunc(hdus[1:], func(x, y *fits.HDU) int { return strings.Compare(x.Name, y.Name) }) || hdus[1].Name == "1-1.E.SCI" && hdus[2].Name == "1-1.E.RMS" {
		t.Error("extensions are still in order")
	}
	if len(byName) != len(inOrder) {
		t.Fatalf("%d extensions, want %d", len(byName), len(inOrder))
	}
	for name, h := range byName {
		o := inOrder[name]
		if !bytes.Equal(b[h.Offset:h.End()], a[o.Offset:o.End()]) {
			t.Errorf("%s is not the same as in order", name)
		}
	}
}

func TestIndependentReaders(t *testing.T) {
	dir := written(t, preset(t, "tiny"))
	var paths []string
	for _, pattern := range []string{"VIS/*/*.fits", "MER/*/VIS/*.fits", "catalogs/*/*/*.fits"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		paths = append(paths, found...)
	}
	fitstest.Verify(t, paths...)
}
