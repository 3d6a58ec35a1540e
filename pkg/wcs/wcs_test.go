package wcs_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/wcs"
)

var _ wcs.Keywords = (*fits.Header)(nil)

// keywords is a header: a string or a float64 for each keyword.
type keywords map[string]any

func (k keywords) Has(key string) bool { return k[key] != nil }

func (k keywords) Text(key string) (string, error) {
	if s, ok := k[key].(string); ok {
		return s, nil
	}
	return "", fault.Data("FITSKeyword", "keyword is missing").At("%s", key)
}

func (k keywords) Float(key string) (float64, error) {
	if f, ok := k[key].(float64); ok {
		return f, nil
	}
	return 0, fault.Data("FITSKeyword", "keyword is missing").At("%s", key)
}

// with returns a copy in which one keyword is another, or, with nil, missing.
func (k keywords) with(key string, v any) keywords {
	c := keywords{key: v}
	for other, value := range k {
		if other != key {
			c[other] = value
		}
	}
	return c
}

func (k keywords) without(keys ...string) keywords {
	for _, key := range keys {
		k = k.with(key, nil)
	}
	return k
}

type golden struct {
	Name     string
	Header   keywords
	NX, NY   int
	Points   [][4]float64 // x, y, RA, Dec
	Jacobian [2][2]float64
}

func goldens(t testing.TB) []golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []golden }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

func mustNew(t testing.TB, k wcs.Keywords) *wcs.WCS {
	t.Helper()
	w, err := wcs.New(k)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// apart is the angle between two directions, degrees, good for small ones.
func apart(a, b sky.Coord) float64 {
	const radian = 180 / math.Pi
	dd := math.Sin((a.Dec - b.Dec) / 2 / radian)
	da := math.Sin((a.RA - b.RA) / 2 / radian)
	return 2 * math.Asin(math.Sqrt(dd*dd+math.Cos(a.Dec/radian)*math.Cos(b.Dec/radian)*da*da)) * radian
}

func TestGolden(t *testing.T) {
	worstSky, worstPixel := 0.0, 0.0
	for _, g := range goldens(t) {
		t.Run(g.Name, func(t *testing.T) {
			w := mustNew(t, g.Header)
			for _, p := range g.Points {
				want := sky.Coord{RA: p[2], Dec: p[3]}
				got := w.ToSky(p[0], p[1])
				d := apart(got, want)
				if worstSky = max(worstSky, d); d > 1e-10 {
					t.Errorf("ToSky(%v, %v) = %v, wcslib says %v: %.3g deg apart", p[0], p[1], got, want, d)
				}
				if got.RA < 0 || got.RA >= 360 || math.Abs(got.Dec) > 90 {
					t.Errorf("ToSky(%v, %v) = %v is out of range", p[0], p[1], got)
				}
				x, y, err := w.ToPixel(want)
				if err != nil {
					t.Fatal(err)
				}
				d = math.Hypot(x-p[0], y-p[1])
				if worstPixel = max(worstPixel, d); d > 1e-6 {
					t.Errorf("ToPixel(%v) = %v, %v, want %v, %v: %.3g px apart", want, x, y, p[0], p[1], d)
				}
			}
			last := g.Points[len(g.Points)-1]
			got := w.Jacobian(last[0], last[1])
			for i := range got {
				for j := range got[i] {
					if scale := math.Abs(g.Jacobian[0][0]) + math.Abs(g.Jacobian[0][1]); math.Abs(got[i][j]-g.Jacobian[i][j]) > 1e-5*scale {
						t.Errorf("Jacobian[%d][%d] = %v, differences of wcslib's directions say %v", i, j, got[i][j], g.Jacobian[i][j])
					}
				}
			}
		})
	}
	t.Logf("furthest from wcslib: %.2g deg, %.2g px", worstSky, worstPixel)
}

func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, g := range goldens(t) {
		w := mustNew(t, g.Header)
		for range 200 {
			// Sources just off the image are asked for too.
			x := (rng.Float64()*1.2 - 0.1) * float64(g.NX)
			y := (rng.Float64()*1.2 - 0.1) * float64(g.NY)
			c := w.ToSky(x, y)
			gotX, gotY, err := w.ToPixel(c)
			if err != nil {
				t.Fatalf("%s: ToPixel(%v): %v", g.Name, c, err)
			}
			if math.Hypot(gotX-x, gotY-y) > 1e-6 {
				t.Fatalf("%s: (%v, %v) came back as (%v, %v)", g.Name, x, y, gotX, gotY)
			}
		}
	}
}

func TestJacobianIsTheDerivative(t *testing.T) {
	// ToPixel's derivative is the inverse of ToSky's: check through differences
	// of pixels, at a corner far from the reference point.
	for _, g := range goldens(t) {
		w := mustNew(t, g.Header)
		x, y := float64(g.NX)-0.25, float64(g.NY)-0.75
		j := w.Jacobian(x, y)
		c := w.ToSky(x, y)
		if math.Abs(c.Dec) > 89.9 {
			continue // steps in RA and Dec are no tangent plane there; the golden values are
		}
		const step = 0.02 // arcsec
		cosDec := math.Cos(c.Dec * math.Pi / 180)
		for axis, d := range []sky.Coord{{RA: step / 3600 / cosDec}, {Dec: step / 3600}} {
			x1, y1, err1 := w.ToPixel(sky.Coord{RA: c.RA + d.RA, Dec: c.Dec + d.Dec})
			x0, y0, err0 := w.ToPixel(sky.Coord{RA: c.RA - d.RA, Dec: c.Dec - d.Dec})
			if err0 != nil || err1 != nil {
				t.Fatal(err0, err1)
			}
			dx, dy := (x1-x0)/(2*step), (y1-y0)/(2*step)
			for row := range 2 {
				want := 0.0
				if row == axis {
					want = 1
				}
				if got := j[row][0]*dx + j[row][1]*dy; math.Abs(got-want) > 1e-4 {
					t.Errorf("%s: Jacobian times inverse [%d][%d] = %v", g.Name, row, axis, got)
				}
			}
		}
	}
}

func TestOutline(t *testing.T) {
	for _, g := range goldens(t) {
		w := mustNew(t, g.Header)
		const perEdge = 5
		outline := w.Outline(g.NX, g.NY, perEdge)
		if len(outline) != 4*perEdge {
			t.Fatalf("%d points", len(outline))
		}
		// The golden points 0, 3, 2, 4 are the corners in order.
		for edge, point := range []int{0, 3, 2, 4} {
			p := g.Points[point]
			if d := apart(outline[edge*perEdge], sky.Coord{RA: p[2], Dec: p[3]}); d > 1e-10 {
				t.Errorf("%s: corner %d is %v, wcslib says %v", g.Name, edge, outline[edge*perEdge], p[2:])
			}
		}
		for i, c := range outline {
			x, y, err := w.ToPixel(c)
			if err != nil {
				t.Fatal(err)
			}
			off := min(math.Abs(x-0.5), math.Abs(y-0.5), math.Abs(x-float64(g.NX)-0.5), math.Abs(y-float64(g.NY)-0.5))
			if off > 1e-6 {
				t.Errorf("%s: point %d at pixel (%v, %v) is not on the edge", g.Name, i, x, y)
			}
		}
	}
	w := mustNew(t, goldens(t)[0].Header)
	if n := len(w.Outline(10, 10, 0)); n != 4 {
		t.Errorf("perEdge 0 gives %d points, want the corners", n)
	}
}

// vis is a header as VIS quadrants have it.
var vis = keywords{
	"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "CUNIT1": "deg", "CUNIT2": "deg",
	"CRVAL1": 57.9, "CRVAL2": -51.5, "CRPIX1": 1024.5, "CRPIX2": 1033.5,
	"CD1_1": -2.7e-5, "CD1_2": 1e-6, "CD2_1": 1e-6, "CD2_2": 2.7e-5,
	"PV1_1": 1.0, "PV1_4": 0.001, "PV2_1": 1.0, "PV2_7": 0.01, "RADESYS": "ICRS",
}

func TestRefused(t *testing.T) {
	tan := vis.with("CTYPE1", "RA---TAN").with("CTYPE2", "DEC--TAN").without("PV1_1", "PV1_4", "PV2_1", "PV2_7")
	noCD := tan.without("CD1_1", "CD1_2", "CD2_1", "CD2_2")
	delta := noCD.with("CDELT1", -1e-4).with("CDELT2", 1e-4)
	for _, c := range []struct {
		name string
		k    keywords
		code string
		key  string
	}{
		{"no CTYPE1", vis.without("CTYPE1"), "FITSKeyword", "CTYPE1"},
		{"no CTYPE2", vis.without("CTYPE2"), "FITSKeyword", "CTYPE2"},
		{"no CRVAL1", vis.without("CRVAL1"), "FITSKeyword", "CRVAL1"},
		{"no CRVAL2", vis.without("CRVAL2"), "FITSKeyword", "CRVAL2"},
		{"no CRPIX1", vis.without("CRPIX1"), "FITSKeyword", "CRPIX1"},
		{"NaN", vis.with("CRVAL1", math.NaN()), wcs.CodeInvalid, "CRVAL1"},
		{"infinite CD", vis.with("CD1_2", math.Inf(1)), wcs.CodeInvalid, "CD1_2"},
		{"infinite PV", vis.with("PV1_4", math.Inf(1)), wcs.CodeInvalid, "PV1_4"},
		{"beyond a pole", vis.with("CRVAL2", 90.001), wcs.CodeInvalid, "CRVAL2"},
		{"SIP", vis.with("CTYPE1", "RA---TAN-SIP").with("CTYPE2", "DEC--TAN-SIP"), wcs.CodeUnsupported, "CTYPE1"},
		{"SIP terms", tan.with("A_ORDER", 3.0), wcs.CodeUnsupported, "A_ORDER"},
		{"galactic", vis.with("CTYPE1", "GLON-TAN").with("CTYPE2", "GLAT-TAN"), wcs.CodeUnsupported, "CTYPE1"},
		{"empty CTYPE", vis.with("CTYPE1", ""), wcs.CodeUnsupported, "CTYPE1"},
		{"swapped axes", vis.with("CTYPE1", "DEC--TPV").with("CTYPE2", "RA---TPV"), wcs.CodeUnsupported, "CTYPE1"},
		{"unlike axes", vis.with("CTYPE2", "DEC--TAN"), wcs.CodeUnsupported, "CTYPE2"},
		{"arcsec", vis.with("CUNIT2", "arcsec"), wcs.CodeUnsupported, "CUNIT2"},
		{"three axes", vis.with("WCSAXES", 3.0), wcs.CodeUnsupported, "WCSAXES"},
		{"FK4", vis.with("RADESYS", "FK4"), wcs.CodeUnsupported, "RADESYS"},
		{"B1950", vis.without("RADESYS").with("EQUINOX", 1950.0), wcs.CodeUnsupported, "EQUINOX"},
		{"zero CD", vis.without("CD1_1", "CD1_2", "CD2_1").with("CD2_2", 0.0), wcs.CodeInvalid, "CD2_2"},
		{"singular CD", vis.with("CD1_2", -2.7e-5).with("CD2_1", 2.7e-5), wcs.CodeInvalid, "CD1_1"},
		{"no linear terms", noCD, wcs.CodeInvalid, "CD1_1"},
		{"zero CDELT", delta.with("CDELT2", 0.0), wcs.CodeInvalid, "CDELT1"},
		{"one CDELT", delta.without("CDELT2"), "FITSKeyword", "CDELT2"},
		{"CROTA", delta.with("CROTA2", 3.0), wcs.CodeUnsupported, "CROTA2"},
		{"CD and PC", tan.with("PC1_1", 1.0), wcs.CodeInvalid, "PC1_1"},
		{"PV with TAN", tan.with("PV1_1", 1.0), wcs.CodeUnsupported, "PV1_1"},
		{"PV beyond 39", vis.with("PV2_40", 0.1), wcs.CodeInvalid, "PV2_40"},
		{"flat distortion", vis.with("PV1_1", 0.0), wcs.CodeInvalid, "PV1_1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := wcs.New(c.k)
			if err == nil {
				t.Fatal("accepted")
			}
			if fault.KindOf(err) != fault.BadData || fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.key) {
				t.Errorf("%v (kind %v, code %s), want code %s and %s named", err, fault.KindOf(err), fault.CodeOf(err), c.code, c.key)
			}
		})
	}
	for _, k := range []keywords{vis, tan, delta, vis.without("CUNIT1", "CUNIT2", "RADESYS"), vis.with("RADESYS", "FK5").with("EQUINOX", 2000.0)} {
		if _, err := wcs.New(k); err != nil {
			t.Error(err)
		}
	}
}

func TestNoInverse(t *testing.T) {
	w := mustNew(t, vis)
	folded := mustNew(t, vis.with("PV1_7", -0.3).with("PV2_7", -0.3))
	for _, c := range []struct {
		w  *wcs.WCS
		at sky.Coord
	}{
		{w, sky.Coord{RA: 57.9 + 180, Dec: 51.5}},
		{w, sky.Coord{RA: 57.9, Dec: 38.6}}, // 90.1 degrees away
		{w, sky.Coord{RA: math.NaN(), Dec: 0}},
		{w, sky.Coord{RA: 0, Dec: math.Inf(1)}},
		{folded, sky.Coord{RA: 57.9, Dec: -47}},
		{folded, sky.Coord{RA: 57.9, Dec: 20}},
	} {
		x, y, err := c.w.ToPixel(c.at)
		if fault.CodeOf(err) != wcs.CodeNoInverse || fault.KindOf(err) != fault.BadData {
			t.Errorf("ToPixel(%v) = %v, %v, %v", c.at, x, y, err)
		}
	}
}

func TestRAWraps(t *testing.T) {
	w := mustNew(t, vis.with("CRVAL1", 0.0).with("CRVAL2", 0.0).without("PV1_4", "PV2_7"))
	for _, x := range []float64{1, 1024.5, 1024.5 + 1e-14, 1024.5 - 1e-12, 2048} {
		c := w.ToSky(x, 1033.5)
		if !(c.RA >= 0 && c.RA < 360) {
			t.Errorf("x = %v: RA %v", x, c.RA)
		}
		for _, turn := range []float64{-360, 0, 360} {
			got, _, err := w.ToPixel(sky.Coord{RA: c.RA + turn, Dec: c.Dec})
			if err != nil || math.Abs(got-x) > 1e-6 {
				t.Errorf("ToPixel at RA %v%+v: x = %v, %v, want %v", c.RA, turn, got, err, x)
			}
		}
	}
	if ref := mustNew(t, vis.with("CRVAL1", -0.25)).Reference(); ref.RA != 359.75 {
		t.Errorf("reference %v", ref)
	}
}

func TestNoAllocation(t *testing.T) {
	w := mustNew(t, vis.with("PV1_11", 0.01))
	c := w.ToSky(100, 200)
	if n := testing.AllocsPerRun(100, func() {
		w.ToSky(100, 200)
		w.ToPixel(c)
		w.Jacobian(100, 200)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzNew(f *testing.F) {
	f.Add("RA---TPV", "DEC--TPV", 10.0, 20.0, -2e-5, 1e-6, 1e-6, 2e-5, 1.0, 0.1, 0.01)
	f.Add("RA---TAN", "DEC--TAN", 0.0, 90.0, -2e-5, 0.0, 0.0, 2e-5, 1.0, 0.0, 0.0)
	f.Fuzz(func(t *testing.T, c1, c2 string, ra, dec, a, b, c, d, p1, p4, p11 float64) {
		k := keywords{"CTYPE1": c1, "CTYPE2": c2, "CRVAL1": ra, "CRVAL2": dec, "CRPIX1": 5.0, "CRPIX2": 6.0,
			"CD1_1": a, "CD1_2": b, "CD2_1": c, "CD2_2": d}
		if c1 == "RA---TPV" {
			k["PV1_1"], k["PV1_4"], k["PV2_11"] = p1, p4, p11
		}
		w, err := wcs.New(k)
		if err != nil {
			if fault.KindOf(err) != fault.BadData {
				t.Fatal(err)
			}
			return
		}
		s := w.ToSky(1, 1)
		if s.RA < 0 || s.RA >= 360 {
			t.Fatalf("RA %v", s.RA)
		}
		w.ToPixel(s)
		w.Jacobian(1, 1)
	})
}

func BenchmarkToSky(b *testing.B) {
	w := mustNew(b, goldens(b)[0].Header)
	for b.Loop() {
		w.ToSky(100, 200)
	}
}

func BenchmarkToPixel(b *testing.B) {
	w := mustNew(b, goldens(b)[0].Header)
	c := w.ToSky(100, 200)
	for b.Loop() {
		w.ToPixel(c)
	}
}

func BenchmarkNew(b *testing.B) {
	k := goldens(b)[0].Header
	for b.Loop() {
		wcs.New(k)
	}
}

func Example() {
	h := fits.NewImage(-32, 2048, 2066).
		SetText("CTYPE1", "RA---TAN", "").SetText("CTYPE2", "DEC--TAN", "").
		SetFloat("CRVAL1", 57.9990741, "").SetFloat("CRVAL2", -51.5, "").
		SetFloat("CRPIX1", 1024.5, "").SetFloat("CRPIX2", 1033.5, "").
		SetFloat("CD1_1", -0.1/3600, "").SetFloat("CD2_2", 0.1/3600, "")
	w, err := wcs.New(h)
	if err != nil {
		fmt.Println(err)
		return
	}
	c := w.ToSky(1024.5, 1033.5+36000)
	fmt.Printf("%.4f %.4f\n", c.RA, c.Dec)
	x, y, _ := w.ToPixel(c)
	fmt.Printf("%.3f %.3f\n", x, y)
	// Output:
	// 57.9991 -50.5001
	// 1024.500 37033.500
}
