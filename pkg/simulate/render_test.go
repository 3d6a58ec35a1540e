package simulate

import (
	"math"
	"testing"

	"github.com/cosmostat/constellation/pkg/wcs"
)

// The disc's Gaussians add up to the exponential: in surface brightness from
// a tenth of its half-light radius outwards, and in what a radius holds.
func TestDisc(t *testing.T) {
	light := func(r float64) (density, within float64) {
		for _, g := range disc() {
			density += g.flux * math.Exp(-r*r/(2*g.variance)) / (2 * math.Pi * g.variance)
			within += g.flux * (1 - math.Exp(-r*r/(2*g.variance)))
		}
		return density, within
	}
	for r := 0.1; r < 5; r += 0.1 {
		k := halfLight * r
		exact := halfLight * halfLight * math.Exp(-k) / (2 * math.Pi)
		density, within := light(r)
		if d := math.Abs(density - exact); d > 0.01*exact+1e-4 {
			t.Errorf("at %.1f: %.5f, exactly %.5f", r, density, exact)
		}
		if exact := 1 - (1+k)*math.Exp(-k); math.Abs(within-exact) > 2e-3 {
			t.Errorf("within %.1f: %.4f, exactly %.4f", r, within, exact)
		}
	}
}

// moments of a canvas: flux, centroid, and second moments about it.
func moments(c *canvas) (flux, x, y, xx, xy, yy float64) {
	each := func(f func(v, px, py float64)) {
		for i, v := range c.pixels {
			f(float64(v), float64(c.x0+i%c.width), float64(c.y0+i/c.width))
		}
	}
	each(func(v, px, py float64) { flux, x, y = flux+v, x+v*px, y+v*py })
	x, y = x/flux, y/flux
	each(func(v, px, py float64) {
		xx, xy, yy = xx+v*(px-x)*(px-x)/flux, xy+v*(px-x)*(py-y)/flux, yy+v*(py-y)*(py-y)/flux
	})
	return
}

// The recurrence along rows gives what exponentials give.
func TestGaussian(t *testing.T) {
	for _, g := range []gaussian{
		{flux: 100, xx: 0.6, xy: 0.1, yy: 0.5}, {flux: 1, xx: 400, xy: -250, yy: 300}, {flux: 1, xx: 81, yy: 81},
	} {
		c := newCanvas(-5, 3, 60, 50)
		c.add(g, 12.3, 25.8, math.Inf(1))
		det := g.xx*g.yy - g.xy*g.xy
		for i, v := range c.pixels {
			dx, dy := float64(c.x0+i%c.width)-12.3, float64(c.y0+i/c.width)-25.8
			want := g.flux / (2 * math.Pi * math.Sqrt(det)) * math.Exp(-(g.yy*dx*dx-2*g.xy*dx*dy+g.xx*dy*dy)/(2*det))
			if math.Abs(float64(v)-want) > 1e-6*want+1e-30 {
				t.Fatalf("%v at (%g, %g): %g, want %g", g, dx, dy, v, want)
			}
		}
	}
}

// A galaxy on a quadrant has the flux that its magnitude says, stands where
// the WCS puts it, and is the ellipse that shear theory says: computed here
// from axes and angles, on rotated and unrotated CCDs, under all distortions.
func TestGalaxyOnSky(t *testing.T) {
	s := preset(t, "tiny")
	s.Width, s.Height = 400, 404
	e := s.exposures()[0]
	for _, q := range s.quadrants() {
		v := sight{s, e, q, nil}
		w, err := wcs.New(v.header("DET", ".SCI"))
		if err != nil {
			t.Fatal(err)
		}
		src := &source{kind: galaxy, sky: w.ToSky(203.3, 180.6), flux: 100, hlr: 0.5,
			e: [2]float64{0.3, -0.2}, g: [2]float64{0.04, 0.03}}
		v.sources = []*source{src}
		c, err := v.scene(make([]int32, s.Width*s.Height))
		if err != nil {
			t.Fatal(err)
		}
		flux, x, y, xx, xy, yy := moments(c)

		zero, err := v.header("DET", ".SCI").Float("MAGZEROP")
		if err != nil {
			t.Fatal(err)
		}
		magnitude := -2.5*math.Log10(flux) + zero + 2.5*math.Log10(e.time)
		if math.Abs(magnitude-src.magnitude()) > 1e-3 {
			t.Errorf("%s: magnitude %.4f, want %.4f", q, magnitude, src.magnitude())
		}
		if math.Hypot(x-203.3, y-180.6) > 2e-3 {
			t.Errorf("%s: at (%.4f, %.4f)", q, x, y)
		}

		// Without the PSF, and from pixels to u (west) and v (north).
		for _, p := range psf(s.field(q, 203.3, 180.6)) {
			xx, xy, yy = xx-p.flux*p.xx, xy-p.flux*p.xy, yy-p.flux*p.yy
		}
		j := w.Jacobian(203.3, 180.6)
		a, b, c1, d := -j[0][0], -j[0][1], j[1][0], j[1][1]
		uu := a*a*xx + 2*a*b*xy + b*b*yy
		uv := a*c1*xx + (a*d+b*c1)*xy + b*d*yy
		vv := c1*c1*xx + 2*c1*d*xy + d*d*yy
		// The composition of complex reduced shears: (e+g) / (1 + g* e).
		es, gs := complex(src.e[0], src.e[1]), complex(src.g[0], src.g[1])
		want := (es + gs) / (1 + complex(src.g[0], -src.g[1])*es)
		root := 2 * math.Sqrt(uu*vv-uv*uv)
		got1, got2 := (uu-vv)/(uu+vv+root), 2*uv/(uu+vv+root)
		if math.Hypot(got1-real(want), got2-imag(want)) > 2e-3 {
			t.Errorf("%s: shape (%.4f, %.4f), want %.4f", q, got1, got2, want)
		}
		// The variance of an exponential disc of scale h is 3 h^2 an axis.
		h := src.hlr / halfLight
		if area := math.Sqrt(uu*vv - uv*uv); math.Abs(area/(3*h*h)-1) > 0.01 {
			t.Errorf("%s: mean variance %.4f, want %.4f", q, area, 3*h*h)
		}
	}
}

func TestPSF(t *testing.T) {
	s := preset(t, "demo")
	const side = 189
	sums := map[string]bool{}
	for _, q := range s.quadrants() {
		image := s.stamps(q)
		for j := range 9 {
			for i := range 9 {
				sum, peak, at := 0.0, float32(0), 0
				for k := range 21 * 21 {
					p := (j*21+k/21)*side + i*21 + k%21
					sum += float64(image[p])
					if image[p] > peak {
						peak, at = image[p], k
					}
				}
				if sum < 0.93 || sum > 0.97 {
					t.Fatalf("%s: stamp (%d, %d) holds %.4f", q, i, j, sum)
				}
				if at != 10*21+10 {
					t.Fatalf("%s: stamp (%d, %d) peaks at pixel (%d, %d)", q, i, j, at%21, at/21)
				}
			}
		}
		sums[string(rune(int(image[10*side+10]*1e5)))] = true
	}
	if len(sums) < 10 {
		t.Errorf("only %d different PSFs over the field", len(sums))
	}
}
