package wcs_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/wcs"
)

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

type vector [3]float64

func unit(c sky.Coord) vector {
	sinRA, cosRA := math.Sincos(c.RA * math.Pi / 180)
	sinDec, cosDec := math.Sincos(c.Dec * math.Pi / 180)
	return vector{cosDec * cosRA, cosDec * sinRA, sinDec}
}

func dot(a, b vector) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

// offCircle is the angle of c from the great circle through a and b, arcsec.
func offCircle(a, b, c sky.Coord) float64 {
	p, q := unit(a), unit(b)
	n := vector{p[1]*q[2] - p[2]*q[1], p[2]*q[0] - p[0]*q[2], p[0]*q[1] - p[1]*q[0]}
	return math.Abs(math.Asin(dot(n, unit(c))/math.Sqrt(dot(n, n)))) * 180 / math.Pi * 3600
}

// deviation measures an outline by dense sampling: every 1/50 of each chord, the
// true edge's distance from its great circle; the largest, arcsec. It checks that
// the points are on the edges, in order.
func deviation(t *testing.T, w *wcs.WCS, nx, ny int, outline []sky.Coord) (largest float64) {
	t.Helper()
	along := func(c sky.Coord) float64 { // of the whole outline, in edges
		x, y, err := w.ToPixel(c)
		if err != nil {
			t.Fatal(err)
		}
		s, u := (x-0.5)/float64(nx), (y-0.5)/float64(ny)
		const close = 1e-7
		switch {
		case math.Abs(u) < close && s < 1-close:
			return s
		case math.Abs(s-1) < close && u < 1-close:
			return 1 + u
		case math.Abs(u-1) < close && s > close:
			return 3 - s
		case math.Abs(s) < close:
			return 4 - u
		}
		t.Fatalf("pixel (%v, %v) is on no edge", x, y)
		return 0
	}
	at := func(s float64) sky.Coord {
		e, r := math.Modf(s)
		x, y := float64(nx), float64(ny)
		p := [...][2]float64{{r * x, 0}, {x, r * y}, {x - r*x, y}, {0, y - r*y}}[int(e)%4]
		return w.ToSky(0.5+p[0], 0.5+p[1])
	}
	for i, c := range outline {
		next := outline[(i+1)%len(outline)]
		from, to := along(c), along(next)
		if i == len(outline)-1 {
			to = 4
		}
		if math.Floor(to-1e-9) != math.Floor(from+1e-9) || to <= from {
			t.Fatalf("points %d and %d are at %v and %v edges", i, i+1, from, to)
		}
		for k := 1; k < 50; k++ {
			largest = max(largest, offCircle(c, next, at(from+(to-from)*float64(k)/50)))
		}
	}
	return largest
}

func TestOutlineTo(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var headers []keywords
	for _, g := range goldens(t) {
		if g.NX == 2048 {
			headers = append(headers, g.Header)
		}
	}
	for range 30 {
		headers = append(headers, random(rng, 1))
	}
	points := map[float64]int{}
	for i, k := range headers {
		w := mustNew(t, k)
		for _, tolerance := range []float64{1, 0.1, 0.003} {
			outline := w.OutlineTo(2048, 2066, tolerance)
			points[tolerance] += len(outline)
			if got := deviation(t, w, 2048, 2066, outline); got > tolerance {
				t.Errorf("header %d: %d points are off by %v arcsec, tolerance %v", i, len(outline), got, tolerance)
			}
			// Half as many points, evenly spaced, wouldn't do: they are no luxury.
			if n := len(outline) / 8; len(outline) >= 16 {
				if got := deviation(t, w, 2048, 2066, w.Outline(2048, 2066, n)); got < tolerance {
					t.Errorf("header %d: %d points are too many for %v arcsec, %d do", i, len(outline), tolerance, 4*n)
				}
			}
		}
	}
	t.Logf("points for each tolerance, of %d outlines: %v", len(headers), points)
	if c := mustNew(t, vis.without("PV1_4", "PV2_7")); len(c.OutlineTo(100, 100, 1e-3)) != 4 {
		t.Error("an undistorted image needs more than its corners")
	}
	for _, tolerance := range []float64{0, -1, 1e-30} {
		if n := len(mustNew(t, vis).OutlineTo(50, 60, tolerance)); n > 220 || n < 4 {
			t.Errorf("tolerance %v: %d points round 220 pixels", tolerance, n)
		}
	}
}
