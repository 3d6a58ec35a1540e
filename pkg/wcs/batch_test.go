package wcs_test

import (
	"math"
	"testing"

	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/wcs"
)

func TestBatch(t *testing.T) {
	for _, g := range goldens(t) {
		w := mustNew(t, g.Header)
		var pixels []wcs.Pixel
		for _, p := range g.Points {
			pixels = append(pixels, wcs.Pixel{X: p[0], Y: p[1]})
		}
		directions := w.ToSkyBatch(nil, pixels)
		for i, c := range directions {
			if c != w.ToSky(pixels[i].X, pixels[i].Y) {
				t.Fatalf("%s: point %d is %v", g.Name, i, c)
			}
		}
		directions = append(directions, sky.Coord{RA: w.Reference().RA, Dec: 91}, sky.Coord{RA: w.Reference().RA + 180, Dec: -w.Reference().Dec})
		back, missed := w.ToPixelBatch(make([]wcs.Pixel, 1, 8), directions)
		if missed != 2 || len(back) != 1+len(directions) {
			t.Fatalf("%s: %d missed, %d back", g.Name, missed, len(back))
		}
		for i, p := range back[1:] {
			switch {
			case i >= len(pixels):
				if !math.IsNaN(p.X) || !math.IsNaN(p.Y) {
					t.Errorf("%s: %v is shown by %v", g.Name, directions[i], p)
				}
			case math.Hypot(p.X-pixels[i].X, p.Y-pixels[i].Y) > 1e-6:
				t.Errorf("%s: %v came back as %v", g.Name, pixels[i], p)
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	w := mustNew(t, vis.with("PV1_11", 0.01))
	c := w.ToSky(100, 200)
	pixels := []wcs.Pixel{{X: 1, Y: 1}, {X: 2048, Y: 2066}}
	directions := []sky.Coord{c, {RA: c.RA, Dec: 89}, {Dec: math.NaN()}}
	toSky, toPixel := make([]sky.Coord, 0, 2), make([]wcs.Pixel, 0, 3)
	if n := testing.AllocsPerRun(100, func() {
		w.ToSky(100, 200)
		w.ToPixel(c)
		w.Jacobian(100, 200)
		w.ToSkyBatch(toSky, pixels)
		w.ToPixelBatch(toPixel, directions)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// field returns one golden case of each kind, and a thousand pixels of it.
func field(b *testing.B, visit func(b *testing.B, w *wcs.WCS, g golden, pixels []wcs.Pixel)) {
	for _, name := range []string{"mosaic (57.9990741, -51.5)", "vis (57.9990741, -51.5)", "all terms (57.9990741, -51.5)", "sip 4 at (0.01, -12.3)"} {
		for _, g := range goldens(b) {
			if g.Name != name {
				continue
			}
			pixels := make([]wcs.Pixel, 1000)
			for i := range pixels {
				pixels[i] = wcs.Pixel{X: float64(i * 37 % g.NX), Y: float64(i * 91 % g.NY)}
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				visit(b, mustNew(b, g.Header), g, pixels)
			})
		}
	}
}

func perPoint(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/point")
}

func BenchmarkToSkyBatch(b *testing.B) {
	field(b, func(b *testing.B, w *wcs.WCS, _ golden, pixels []wcs.Pixel) {
		dst := make([]sky.Coord, 0, len(pixels))
		for b.Loop() {
			w.ToSkyBatch(dst, pixels)
		}
		perPoint(b, len(pixels))
	})
}

func BenchmarkToPixelBatch(b *testing.B) {
	field(b, func(b *testing.B, w *wcs.WCS, _ golden, pixels []wcs.Pixel) {
		directions := w.ToSkyBatch(nil, pixels)
		dst := make([]wcs.Pixel, 0, len(pixels))
		for b.Loop() {
			if _, missed := w.ToPixelBatch(dst, directions); missed != 0 {
				b.Fatal(missed)
			}
		}
		perPoint(b, len(pixels))
	})
}

func BenchmarkNew(b *testing.B) {
	field(b, func(b *testing.B, _ *wcs.WCS, g golden, _ []wcs.Pixel) {
		for b.Loop() {
			wcs.New(g.Header)
		}
	})
}

func BenchmarkOutlineTo(b *testing.B) {
	field(b, func(b *testing.B, w *wcs.WCS, g golden, _ []wcs.Pixel) {
		for b.Loop() {
			w.OutlineTo(g.NX, g.NY, 0.01)
		}
	})
}
