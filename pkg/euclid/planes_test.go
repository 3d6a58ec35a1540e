package euclid_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// inThree sorts DET's HDUs by plane; bare leaves the plane off their names.
func inThree(hdus []hdu, bare bool) map[string][]hdu {
	planes := map[string][]hdu{}
	for _, h := range hdus {
		name, _ := h.header.Text("EXTNAME")
		plane := strings.ToLower(name[len("3-4.F."):])
		if bare {
			h.header.SetText("EXTNAME", name[:len("3-4.F")], "")
		}
		planes[plane] = append(planes[plane], h)
	}
	return planes
}

// splitExposure puts the exposure with its DET in three files.
func splitExposure(t *testing.T, m objstore.Writer, planes map[string][]hdu, primary func(part string) *fits.Header) euclid.Exposure {
	t.Helper()
	e := euclid.Exposure{ExposureID: euclid.ExposureID{Obs: "002681", Dither: "00", Number: "1"}}
	for part, to := range map[string]*euclid.File{"sci": &e.DET, "rms": &e.RMS, "flg": &e.FLG} {
		*to = put(t, m, "mem://vis/det_"+part+".fits", file(t, primary(part), planes[part]...))
	}
	return e
}

// scienceOnly gives the file of SCI alone.
type scienceOnly struct {
	objstore.Store
	e euclid.Exposure
}

func (s scienceOnly) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	if uri != s.e.DET.URI {
		return nil, fmt.Errorf("%s was read", uri)
	}
	return s.Store.Get(ctx, uri, etag, r)
}

func nominal(string) *fits.Header { return visPrimary(1) }

// Quadrants of a split DET are those of the combined one: each segment holds its HDU.
func TestSplitQuadrants(t *testing.T) {
	for _, bare := range []bool{false, true} {
		for _, names := range [][]string{{"3-4.F", "1-1.E", "6-6.H"}, allNames()} {
			t.Run(fmt.Sprintf("bare=%v/%d", bare, len(names)), func(t *testing.T) {
				m := objstore.NewMemory()
				whole, err := euclid.ReadQuadrants(t.Context(), m, exposure(t, m, det(names...), named(names...), nil, named(names...)))
				if err != nil {
					t.Fatal(err)
				}
				planes := inThree(det(names...), bare)
				slices.Reverse(planes["rms"]) // any order will do
				e := splitExposure(t, m, planes, nominal)
				qs, err := euclid.ReadQuadrants(t.Context(), m, e)
				if err != nil {
					t.Fatal(err)
				}
				outlines, err := euclid.ReadOutlines(t.Context(), scienceOnly{m, e}, e)
				if err != nil || len(qs) != len(whole) || len(outlines) != len(whole) {
					t.Fatalf("%d quadrants, %d outlines, %d of the combined file: %v", len(qs), len(outlines), len(whole), err)
				}
				for i, q := range qs {
					if diff := cmp.Diff(whole[i].Outline, q.Outline); diff != "" || q.Name != whole[i].Name || q.ExpTime != whole[i].ExpTime {
						t.Errorf("%s: %s", q.Name, diff)
					}
					if diff := cmp.Diff(q.Outline, outlines[i].Outline); diff != "" || outlines[i].Name != q.Name || outlines[i].SCI != q.SCI {
						t.Errorf("outline of %s: %s", q.Name, diff)
					}
					for _, s := range []struct {
						file euclid.File
						seg  euclid.Segment
						name string
					}{{e.DET, q.SCI, "SCI"}, {e.RMS, q.RMS, "RMS"}, {e.FLG, q.FLG, "FLG"}} {
						all, err := objstore.ReadFile(t.Context(), m, s.file.URI)
						if err != nil {
							t.Fatal(err)
						}
						want := q.Name
						if !bare {
							want += "." + s.name
						}
						h, err := fits.ParseHDU(all[s.seg.Offset:s.seg.Offset+s.seg.Length], 1, s.seg.Offset)
						if err != nil || h.Name != want || h.Length() != s.seg.Length {
							t.Errorf("%s of %s is %v, %v", s.name, q.Name, h, err)
						}
					}
				}
			})
		}
	}
}

// TestSplitFaults: what is wrong with one of the three is told of that one.
func TestSplitFaults(t *testing.T) {
	names := []string{"3-4.E", "3-4.F", "3-4.G"}
	big := func(name string, bitpix int) hdu {
		return hdu{header: fits.NewImage(bitpix, nx, ny+40).SetText("EXTNAME", name, "")}
	}
	for what, c := range map[string]struct {
		change  func(p map[string][]hdu)
		primary func(part string) *fits.Header
		code    string
		words   []string
	}{
		"rms lacks a quadrant":       {change: func(p map[string][]hdu) { p["rms"] = p["rms"][:2] }, code: "MissingHDU", words: []string{"det_rms", "no HDU 3-4.G.RMS"}},
		"sci lacks a quadrant":       {change: func(p map[string][]hdu) { p["sci"] = p["sci"][1:] }, code: "MissingHDU", words: []string{"det_rms", "no HDU 3-4.E.SCI goes with it"}},
		"rms and sci are swapped":    {change: func(p map[string][]hdu) { p["rms"], p["sci"] = p["sci"], p["rms"] }, code: "PlaneContradiction", words: []string{"det_sci", "HDU 1", "it is RMS", "says SCI"}},
		"flg is rms":                 {change: func(p map[string][]hdu) { p["flg"] = slices.Clone(p["rms"]) }, code: "PlaneContradiction", words: []string{"det_flg", "it is RMS", "says FLG"}},
		"flg is bare rms":            {change: func(p map[string][]hdu) { p["flg"] = named(names...) }, code: "PlaneContradiction", words: []string{"det_flg", "BITPIX is -32", "says FLG"}},
		"rms is the combined file":   {change: func(p map[string][]hdu) { p["rms"] = det(names...) }, code: "PlaneContradiction", words: []string{"det_rms", "it is SCI"}},
		"a size of rms":              {change: func(p map[string][]hdu) { p["rms"][1] = big("3-4.F.RMS", -32) }, code: "PlaneSize", words: []string{"det_rms", "3-4.F.RMS", "det_sci"}},
		"a quadrant twice":           {change: func(p map[string][]hdu) { p["flg"] = append(p["flg"], p["flg"][0]) }, code: "DuplicateHDU", words: []string{"det_flg"}},
		"a quadrant bare and not":    {change: func(p map[string][]hdu) { p["rms"] = append(p["rms"], named("3-4.F")...) }, code: "DuplicateHDU", words: []string{"det_rms"}},
		"no quadrant in rms":         {change: func(p map[string][]hdu) { p["rms"] = nil }, code: "MissingHDU", words: []string{"det_rms", "3-4.E.RMS"}},
		"no quadrant in sci":         {change: func(p map[string][]hdu) { p["sci"] = nil }, code: "MissingHDU", words: []string{"SCI"}},
		"compressed flg":             {change: func(p map[string][]hdu) { p["flg"][0] = hdu{header: compressed("3-4.E.FLG")} }, code: "NotAnImage", words: []string{"det_flg", "uncompress"}},
		"rms of another observation": {primary: func(part string) *fits.Header { return of(part == "rms", "OBS_ID", "002682") }, code: "ExposureContradiction", words: []string{"det_rms", "OBS_ID"}},
		"flg of another dither":      {primary: func(part string) *fits.Header { return of(part == "flg", "DITHOBS", "01") }, code: "ExposureContradiction", words: []string{"det_flg", "DITHOBS"}},
		"sci of another number":      {primary: func(part string) *fits.Header { return of(part == "sci", "EXPNUM", "2") }, code: "ExposureNumber", words: []string{"det_sci", "EXPNUM"}},
	} {
		t.Run(what, func(t *testing.T) {
			m := objstore.NewMemory()
			planes := inThree(det(names...), false)
			if c.change != nil {
				c.change(planes)
			}
			if c.primary == nil {
				c.primary = nominal
			}
			_, err := euclid.ReadQuadrants(t.Context(), m, splitExposure(t, m, planes, c.primary))
			wantFault(t, err, fault.BadData, c.code, c.words...)
		})
	}
	m := objstore.NewMemory()
	e := splitExposure(t, m, inThree(det(names...), false), nominal)
	e.FLG = euclid.File{}
	_, err := euclid.ReadQuadrants(t.Context(), m, e)
	wantFault(t, err, fault.BadInput, "ExposureIncomplete", "det_sci")
}

func of(wrong bool, key, value string) *fits.Header {
	h := fits.NewPrimary()
	if wrong {
		h.SetText(key, value, "")
	}
	return h
}

// A quadrant without pixels in one plane is left out, as it is of a combined file.
func TestSplitEmptyQuadrant(t *testing.T) {
	m := objstore.NewMemory()
	planes := inThree(det("3-4.E", "3-4.F"), false)
	planes["rms"][1] = hdu{header: fits.NewImage(-32).SetText("EXTNAME", "3-4.F.RMS", "")}
	h, err := euclid.ReadHeaders(t.Context(), m, splitExposure(t, m, planes, nominal))
	if err != nil || len(h.Quadrants) != 1 || !slices.Equal(h.Empty, []string{"3-4.F.RMS"}) {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestSplitRequests: all six files of a whole focal plane take at most 170
// requests and 2 MB.
func TestSplitRequests(t *testing.T) {
	m := objstore.NewMemory()
	names := allNames()
	pad := func(hdus []hdu) []hdu { // headers as long as VIS's, and data of some size
		for i, h := range hdus {
			bitpix, _ := h.header.Int("BITPIX")
			name, _ := h.header.Text("EXTNAME")
			long := fits.NewImage(int(bitpix), 64, 512).SetText("EXTNAME", name, "")
			for _, key := range []string{"CTYPE1", "CTYPE2"} {
				if v, err := h.header.Text(key); err == nil {
					long.SetText(key, v, "")
				}
			}
			for _, key := range []string{"CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "EXPTIME"} {
				if v, err := h.header.Float(key); err == nil {
					long.SetFloat(key, v, "")
				}
			}
			for k := range 80 {
				long.SetInt(fmt.Sprintf("KEY%d", k), int64(k), "")
			}
			hdus[i].header = long
		}
		return hdus
	}
	planes := inThree(det(names...), false)
	for _, p := range planes {
		pad(p)
	}
	primary := func(string) *fits.Header {
		h := visPrimary(1)
		for k := range 180 {
			h.SetInt(fmt.Sprintf("KEY%d", k), int64(k), "")
		}
		return h
	}
	e := splitExposure(t, m, planes, primary)
	for product, to := range map[string]*euclid.File{"bkg": &e.BKG, "wgt": &e.WGT, "psf": &e.PSF} {
		*to = put(t, m, "mem://vis/"+product+".fits", file(t, primary(""), pad(named(names...))...))
	}
	before := m.Usage()
	qs, err := euclid.ReadQuadrants(t.Context(), m, e)
	if err != nil || len(qs) != len(names) {
		t.Fatalf("%d quadrants, %v", len(qs), err)
	}
	used := m.Usage().Sub(before)
	t.Logf("%d requests, %d bytes", used.Requests, used.BytesRead)
	if used.Requests > 170 || used.BytesRead > 2<<20 {
		t.Errorf("%d requests, %d bytes", used.Requests, used.BytesRead)
	}
	for _, q := range qs {
		if q.RMS.Length == 0 || q.FLG.Length == 0 || q.BKG.Length == 0 || q.WGT.Length == 0 || q.PSF.Length == 0 {
			t.Errorf("%+v", q)
		}
	}
	before = m.Usage()
	if _, err := euclid.ReadOutlines(t.Context(), m, e); err != nil || m.Usage().Sub(before).Requests > 150 {
		t.Errorf("outlines: %v, %+v", err, m.Usage().Sub(before))
	}
}
