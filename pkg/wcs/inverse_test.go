package wcs_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/wcs"
)

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
		{w, sky.Coord{RA: 57.9, Dec: 90.5}},
		{folded, sky.Coord{RA: 57.9, Dec: -47}},
		{folded, sky.Coord{RA: 57.9, Dec: 20}},
	} {
		x, y, err := c.w.ToPixel(c.at)
		if fault.CodeOf(err) != wcs.CodeNoInverse || fault.KindOf(err) != fault.BadData {
			t.Errorf("ToPixel(%v) = %v, %v, %v", c.at, x, y, err)
		}
	}
}

// random returns a header anywhere on the sky. A size of 1 has distortions of a
// few parts in a thousand at 1000 pixels, each degree as large as the others.
func random(rng *rand.Rand, size float64) keywords {
	const field, scale = 1000, 1e-4 // pixels, degrees a pixel
	decs := []float64{-90, -89.9999, -48, 0, 66, 89.99, 90, math.Asin(2*rng.Float64()-1) * 180 / math.Pi}
	k := vis.without("PV1_1", "PV1_4", "PV2_1", "PV2_7").
		with("CRVAL1", []float64{0, 1e-6, 359.99999, 360 * rng.Float64()}[rng.IntN(4)]).
		with("CRVAL2", decs[rng.IntN(len(decs))]).
		with("LONPOLE", []float64{180, 0, 360 * rng.Float64()}[rng.IntN(3)])
	sin, cos := math.Sincos(2 * math.Pi * rng.Float64())
	parity := float64(2*rng.IntN(2) - 1)
	k["CD1_1"], k["CD1_2"], k["CD2_1"], k["CD2_2"] = parity*scale*cos, -scale*sin, parity*scale*sin, scale*cos
	term := func(degree int, field float64) float64 {
		return 3e-3 * size * rng.NormFloat64() * math.Pow(field, float64(1-degree))
	}
	order := 2 + rng.IntN(6)
	if rng.IntN(2) == 0 {
		k["CTYPE1"], k["CTYPE2"], k["A_ORDER"], k["B_ORDER"] = "RA---TAN-SIP", "DEC--TAN-SIP", float64(order), float64(order)
		for i := range order + 1 {
			for j := max(0, 2-i); i+j <= order; j++ {
				k[fmt.Sprintf("A_%d_%d", i, j)] = term(i+j, field)
				k[fmt.Sprintf("B_%d_%d", i, j)] = term(i+j, field)
			}
		}
		return k
	}
	for axis := 1; axis <= 2; axis++ {
		m := 4
		for degree := 2; degree <= order; degree++ {
			for range degree + 1 + degree%2 { // odd degrees have r^degree too
				k[fmt.Sprintf("PV%d_%d", axis, m)] = term(degree, field*scale)
				m++
			}
		}
		k[fmt.Sprintf("PV%d_3", axis)] = term(1, 1) / 10
	}
	return k
}

func TestRoundTripAnywhere(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	worst := 0.0
	for range 400 {
		k := random(rng, 1)
		w := mustNew(t, k)
		for range 50 {
			x, y := 2048*rng.Float64(), 2066*rng.Float64()
			c := w.ToSky(x, y)
			gotX, gotY, err := w.ToPixel(c)
			if err != nil {
				t.Fatalf("%v: (%v, %v): %v", k, x, y, err)
			}
			if worst = max(worst, math.Hypot(gotX-x, gotY-y)); worst > 1e-6 {
				t.Fatalf("%v: (%v, %v) came back as (%v, %v)", k, x, y, gotX, gotY)
			}
		}
	}
	t.Logf("furthest from where it was: %.2g px", worst)
}

// crawl is a slow oracle for ToPixel: from the reference pixel towards c along
// the great circle, in thousands of steps, by nothing but ToSky and Jacobian. It
// returns the least determinant on the way, as a share of the first, and 0 where
// it met a fold.
func crawl(w *wcs.WCS, x, y float64, c sky.Coord, steps int) (endX, endY, least float64) {
	const leap = 10 // pixels: only at a fold is a step so long
	first, least := 0.0, 1.0
	for i := range steps + 4 { // the last few are whole steps of Newton's method
		j := w.Jacobian(x, y)
		o, ok := sky.NewTangent(w.ToSky(x, y)).Project(c)
		d := j[0][0]*j[1][1] - j[0][1]*j[1][0]
		if i == 0 {
			first = d
		}
		share := 3600 / math.Max(1, float64(steps-i))
		dx, dy := share*(j[1][1]*o.Xi-j[0][1]*o.Eta)/d, share*(j[0][0]*o.Eta-j[1][0]*o.Xi)/d
		if least = min(least, d/first); !ok || !(least > 0) || math.Hypot(dx, dy) > leap {
			return x, y, 0
		}
		x, y = x+dx, y+dy
	}
	return x, y, least
}

// TestFolds looks for directions far beyond the part of the image in which strong
// distortions have an inverse: the answer is the one that the oracle crawls to
// without meeting a fold, or none. Few are refused without need.
func TestFolds(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	found, refused, needless, otherSheet := 0, 0, 0, 0
	for i := range 150 {
		k := random(rng, 20)
		w := mustNew(t, k)
		x0, y0 := k["CRPIX1"].(float64), k["CRPIX2"].(float64)
		for range 6 {
			p := wcs.Pixel{X: x0 + 1500*rng.NormFloat64(), Y: y0 + 1500*rng.NormFloat64()}
			c := w.ToSky(p.X, p.Y)
			if apart(c, w.Reference()) > 3 {
				continue // where the oracle's steps are too long
			}
			x, y, err := w.ToPixel(c)
			if err != nil && fault.CodeOf(err) != wcs.CodeNoInverse {
				t.Fatal(err)
			}
			wantX, wantY, least := crawl(w, x0, y0, c, 3000)
			if err == nil && math.Hypot(x-wantX, y-wantY) > 1e-3 { // was that in too long steps?
				wantX, wantY, least = crawl(w, x0, y0, c, 60_000)
			}
			switch {
			case err != nil && least > 0.1:
				needless++
				continue
			case err != nil:
				refused++
				continue
			}
			if least == 0 || math.Hypot(x-wantX, y-wantY) > 1e-3 {
				t.Errorf("case %d: ToPixel(%v) = (%v, %v), want (%v, %v), least determinant %v", i, c, x, y, wantX, wantY, least)
			}
			if d := apart(w.ToSky(x, y), c); d > 1e-10 {
				t.Errorf("case %d: (%v, %v) shows a direction %v deg from the one asked for", i, x, y, d)
			}
			found++
			if math.Hypot(x-p.X, y-p.Y) > 1 {
				otherSheet++ // the pixel that c was made from is behind a fold
			}
		}
	}
	t.Logf("%d found, of which %d were made from a pixel of another sheet; %d refused, %d more without need", found, otherSheet, refused, needless)
	if found < 100 || refused < 50 || otherSheet < 50 {
		t.Error("the distortions don't try all the cases")
	}
	if needless > found/100 {
		t.Error("too many are refused without need")
	}
}
