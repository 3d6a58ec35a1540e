package wcs_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/wcs"
)

var _ wcs.Keywords = (*fits.Header)(nil)

// keywords is a header: a string or a float64 for each keyword.
type keywords map[string]any

func (k keywords) Keys() []string { return slices.Sorted(maps.Keys(k)) }

func (k keywords) Has(key string) bool { return k[key] != nil }

func (k keywords) Text(key string) (string, error) {
	if s, ok := k[key].(string); ok {
		return s, nil
	}
	return "", fault.Data("FITSKeyword", "keyword is missing").At("%s", key)
}

func (k keywords) Number(key string) (float64, error) {
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
