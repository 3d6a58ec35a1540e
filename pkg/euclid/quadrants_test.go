package euclid_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/wcs"
)

// exposure puts the files of a nominal exposure; nil: there is no such file.
func exposure(t *testing.T, m objstore.Writer, det, bkg, wgt, psf []hdu) euclid.Exposure {
	t.Helper()
	e := euclid.Exposure{ExposureID: euclid.ExposureID{Obs: "002681", Dither: "00", Number: "1"}}
	for _, f := range []struct {
		to   *euclid.File
		name string
		hdus []hdu
	}{{&e.DET, "det", det}, {&e.BKG, "bkg", bkg}, {&e.WGT, "wgt", wgt}, {&e.PSF, "psf", psf}} {
		if f.hdus != nil {
			*f.to = put(t, m, "mem://vis/"+f.name+".fits", file(t, visPrimary(1), f.hdus...))
		}
	}
	return e
}

func TestReadQuadrants(t *testing.T) {
	m := objstore.NewMemory()
	hdus := det("3-4.F", "1-1.E", "6-6.H")
	slices.Reverse(hdus) // any order will do
	e := exposure(t, m, hdus, named("1-1.E", "3-4.F", "6-6.H"),
		named("3-4.F.SCI", "3-4.F", "1-1.E.WGT", "6-6.H.SCI"), named("6-6.H", "3-4.F"))
	qs, err := euclid.ReadQuadrants(t.Context(), m, e)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, q := range qs {
		names = append(names, q.Name)
		if q.Exposure != e.ExposureID || q.ExpTime != 560.52 {
			t.Errorf("%s: %v, %v s", q.Name, q.Exposure, q.ExpTime)
		}
		// Each segment holds, byte for byte, an HDU of the right name.
		for _, s := range []struct {
			file euclid.File
			seg  euclid.Segment
			want []string
		}{
			{e.DET, q.SCI, []string{q.Name + ".SCI"}}, {e.DET, q.RMS, []string{q.Name + ".RMS"}}, {e.DET, q.FLG, []string{q.Name + ".FLG"}},
			{e.BKG, q.BKG, []string{q.Name}}, {e.PSF, q.PSF, []string{q.Name}},
			{e.WGT, q.WGT, []string{map[string]string{"3-4.F": "3-4.F", "1-1.E": "1-1.E.WGT", "6-6.H": "6-6.H.SCI"}[q.Name]}},
		} {
			if q.Name == "1-1.E" && s.file == e.PSF {
				if s.seg != (euclid.Segment{}) {
					t.Errorf("%s has a PSF at %v", q.Name, s.seg)
				}
				continue
			}
			all, err := objstore.ReadFile(t.Context(), m, s.file.URI)
			if err != nil {
				t.Fatal(err)
			}
			alone := append(slices.Clone(all[:fits.Block]), all[s.seg.Offset:s.seg.Offset+s.seg.Length]...)
			index, err := fits.ReadIndex(bytes.NewReader(alone), int64(len(alone)))
			if err != nil || len(index) != 2 || index[1].Name != s.want[0] {
				t.Errorf("%s in %s at %+v: %v, %v", s.want, s.file.URI, s.seg, index, err)
			}
		}
	}
	if diff := cmp.Diff([]string{"1-1.E", "3-4.F", "6-6.H"}, names); diff != "" {
		t.Errorf("names (-want +got)\n%s", diff)
	}
	w, err := wcs.New(image("", -32, sky.Coord{RA: 57.5, Dec: -51}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.OutlineTo(nx, ny, 0.01), qs[1].Outline); diff != "" {
		t.Errorf("outline of the first quadrant in the file (-want +got)\n%s", diff)
	}
}

// compressed is an image as fpack leaves it.
func compressed(name string) *fits.Header {
	return fits.NewTable([]fits.Column{{Name: "COMPRESSED_DATA", Format: "1PB(100)"}}, 0).
		SetText("EXTNAME", name, "").SetBool("ZIMAGE", true, "").SetInt("ZNAXIS", 2, "")
}

// allNames are those of a whole focal plane.
func allNames() (names []string) {
	for row := range 6 {
		for col := range 6 {
			for _, letter := range "EFGH" {
				names = append(names, fmt.Sprintf("%d-%d.%c", row+1, col+1, letter))
			}
		}
	}
	return names
}

// Whatever the order of BKG, WGT and PSF, segments hold what their names say;
// where it is DET's, few headers are read for that.
func TestSegmentsOfWholePlane(t *testing.T) {
	names := allNames()
	suffixed := func(suffix string) (all []string) {
		for _, n := range names {
			all = append(all, n+suffix)
		}
		return all
	}
	turned := slices.Clone(names)
	slices.Reverse(turned)
	ends := slices.Clone(names) // first and last changed places: the first isn't as expected
	ends[0], ends[143] = ends[143], ends[0]
	last := slices.Clone(names)
	last[142], last[143] = last[143], last[142]
	for name, c := range map[string]struct {
		wgt []string
		few bool
	}{
		"in order": {names, true}, "with a suffix": {suffixed(".WGT"), true}, "turned": {turned, false}, "ends": {ends, false},
		"last": {last, false}, "one missing": {names[:143], false}, "foreign": {append(slices.Clone(names[1:]), "1-1.X"), false},
	} {
		t.Run(name, func(t *testing.T) {
			m := objstore.NewMemory()
			e := exposure(t, m, det(names...), named(names...), named(c.wgt...), nil)
			before := m.Usage().Requests
			qs, err := euclid.ReadQuadrants(t.Context(), m, e)
			if err != nil || len(qs) != len(names) {
				t.Fatal(len(qs), err)
			}
			for _, q := range qs {
				for _, s := range []struct {
					file euclid.File
					seg  euclid.Segment
				}{{e.BKG, q.BKG}, {e.WGT, q.WGT}} {
					all, err := objstore.ReadFile(t.Context(), m, s.file.URI)
					if err != nil {
						t.Fatal(err)
					}
					if s.seg.Length == 0 {
						if strings.Contains(string(all), "'"+q.Name) {
							t.Errorf("%s is in %s and was not found", q.Name, s.file.URI)
						}
						continue
					}
					h, err := fits.ParseHDU(all[s.seg.Offset:s.seg.Offset+s.seg.Length], 1, s.seg.Offset)
					if err != nil || !strings.HasPrefix(h.Name, q.Name) || h.Length() != s.seg.Length {
						t.Errorf("%s is said to be at %+v of %s, where there is %+v, %v", q.Name, s.seg, s.file.URI, h, err)
					}
				}
			}
			// ReadFile of the check is two for each quadrant.
			if n := m.Usage().Requests - before - 2*144; c.few != (n <= 433+20) {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestReadQuadrantsOfDETOnly(t *testing.T) {
	m := objstore.NewMemory()
	qs, err := euclid.ReadQuadrants(t.Context(), m, exposure(t, m, det("3-4.F"), nil, nil, nil))
	if err != nil || len(qs) != 1 || qs[0].BKG.Length+qs[0].WGT.Length+qs[0].PSF.Length != 0 {
		t.Errorf("%+v, %v", qs, err)
	}
}

func TestReadQuadrantsRefuses(t *testing.T) {
	without := func(name string) []hdu {
		return slices.DeleteFunc(det("3-4.F"), func(h hdu) bool { n, _ := h.header.Text("EXTNAME"); return n == name })
	}
	changed := func(change func(sci *fits.Header)) []hdu {
		hdus := det("3-4.F")
		change(hdus[0].header)
		return hdus
	}
	for name, c := range map[string]struct {
		det, bkg []hdu
		code     string
		words    []string
	}{
		"no RMS": {det: without("3-4.F.RMS"), code: "MissingHDU", words: []string{"3-4.F.RMS"}},
		"no FLG": {det: without("3-4.F.FLG"), code: "MissingHDU", words: []string{"3-4.F.FLG"}},
		"no SCI": {det: without("3-4.F.SCI"), code: "MissingHDU", words: []string{"no HDU 3-4.F.SCI"}},
		"names of DET in BKG": {det: det("3-4.F"), bkg: named("3-4.F.SCI"), code: "MissingHDU",
			words: []string{"bkg.fits", "like 3-4.F"}},
		"tile-compressed DET": {det: append(without("3-4.F.RMS"), hdu{header: compressed("3-4.F.RMS")}), code: "NotAnImage", words: []string{"3-4.F.RMS", "BINTABLE", "funpack"}},
		"tile-compressed BKG": {det: det("3-4.F"), bkg: []hdu{{header: compressed("3-4.F")}}, code: "NotAnImage", words: []string{"bkg.fits", "3-4.F", "BINTABLE"}},
		"twice":               {det: append(det("3-4.F"), named("3-4.F.RMS")...), code: "DuplicateHDU", words: []string{"HDU 4", "3-4.F.RMS"}},
		"zero CD":             {det: changed(func(h *fits.Header) { h.SetFloat("CD1_1", 0, "") }), words: []string{"3-4.F.SCI", "CD"}},
		"unknown projection": {det: changed(func(h *fits.Header) { h.SetText("CTYPE1", "RA---XYZ", "") }),
			words: []string{"HDU 1 (3-4.F.SCI), CTYPE1", "RA---XYZ"}},
		"CRVAL is a word": {det: changed(func(h *fits.Header) { h.SetText("CRVAL1", "east", "") }), words: []string{"3-4.F.SCI", "CRVAL1"}},
		"short": {det: changed(func(h *fits.Header) { h.SetFloat("EXPTIME", 89.52, "") }), code: "ExposureTime",
			words: []string{"89.52", "nominal", "3-4.F.SCI"}},
		"no time": {det: changed(func(h *fits.Header) { h.SetText("EXPTIME", "long", "") }), words: []string{"3-4.F.SCI", "EXPTIME"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := objstore.NewMemory()
			_, err := euclid.ReadQuadrants(t.Context(), m, exposure(t, m, c.det, c.bkg, nil, nil))
			wantFault(t, err, fault.BadData, c.code, append(c.words, "mem://vis/")...)
		})
	}
	t.Run("EXPNUM", func(t *testing.T) {
		m := objstore.NewMemory()
		e := exposure(t, m, det("3-4.F"), nil, nil, nil)
		e.DET = put(t, m, e.DET.URI, file(t, visPrimary(2), det("3-4.F")...))
		_, err := euclid.ReadQuadrants(t.Context(), m, e)
		wantFault(t, err, fault.BadData, "ExposureNumber", "EXPNUM is 2", e.DET.URI)
	})
	t.Run("gzip", func(t *testing.T) {
		m := objstore.NewMemory()
		e := exposure(t, m, det("3-4.F"), named("3-4.F"), nil, nil)
		e.BKG = put(t, m, e.BKG.URI, []byte("\x1f\x8b\x08\x00"+strings.Repeat("z", 9000)))
		_, err := euclid.ReadQuadrants(t.Context(), m, e)
		wantFault(t, err, fault.BadData, fits.CodeCompressed, e.BKG.URI, "gzip", "decompress")
	})
	t.Run("truncated", func(t *testing.T) {
		m := objstore.NewMemory()
		whole := file(t, visPrimary(1), det("3-4.F")...)
		e := euclid.Exposure{DET: put(t, m, "mem://vis/det.fits", whole[:len(whole)-fits.Block])}
		_, err := euclid.ReadQuadrants(t.Context(), m, e)
		wantFault(t, err, fault.BadData, "", "mem://vis/det.fits", "3-4.F.FLG")
	})
	t.Run("replaced", func(t *testing.T) {
		m := objstore.NewMemory()
		e := exposure(t, m, det("3-4.F"), nil, nil, nil)
		put(t, m, e.DET.URI, file(t, visPrimary(1), det("3-4.G")...))
		_, err := euclid.ReadQuadrants(t.Context(), m, e)
		wantFault(t, err, fault.BadInput, "ObjectChanged", e.DET.URI)
	})
	t.Run("throttled", func(t *testing.T) {
		m := objstore.NewMemory()
		e := exposure(t, m, det("3-4.F"), nil, nil, nil)
		_, err := euclid.ReadQuadrants(t.Context(), failing{m, fault.Passing("Throttled", "slow down")}, e)
		wantFault(t, err, fault.Transient, "Throttled", e.DET.URI)
	})
}

func TestOverlapping(t *testing.T) {
	square := func(name string, ra, dec float64) euclid.Quadrant {
		plane := sky.NewTangent(sky.Coord{RA: ra, Dec: dec})
		q := euclid.Quadrant{Name: name}
		for _, o := range []sky.Offset{{Xi: -0.03, Eta: -0.03}, {Xi: 0.03, Eta: -0.03}, {Xi: 0.03, Eta: 0.03}, {Xi: -0.03, Eta: 0.03}} {
			q.Outline = append(q.Outline, plane.Deproject(o))
		}
		return q
	}
	qs := []euclid.Quadrant{square("across", 359.95, 10), square("far", 359.5, 10), square("at", 0.1, 10), square("north", 0, 10.13)}
	var names []string
	for _, q := range euclid.Overlapping(qs, sky.Coord{RA: 0, Dec: 10}, 0.09) {
		names = append(names, q.Name)
	}
	if diff := cmp.Diff([]string{"across", "at", "north"}, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// At a pole all RA are close.
	if n := len(euclid.Overlapping([]euclid.Quadrant{square("a", 0, 89.98), square("b", 180, 89.98)}, sky.Coord{RA: 90, Dec: 90}, 0.01)); n != 2 {
		t.Errorf("%d of 2 at the pole", n)
	}
}
