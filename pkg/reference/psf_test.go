package reference

import (
	"math"
	"math/rand/v2"
	"testing"
)

// paint makes a quadrant's PSF image whose stamps are what a function says.
func paint(psf func(i, j int) []gaussian) []float32 {
	const side = stampGrid * stampSide
	image := make([]float32, side*side)
	for j := range stampGrid {
		for i := range stampGrid {
			terms := psf(i, j)
			for y := range stampSide {
				for x := range stampSide {
					v := 0.0
					for _, g := range terms {
						dx, dy := float64(x-stampSide/2)-g.x, float64(y-stampSide/2)-g.y
						det := g.xx*g.yy - g.xy*g.xy
						v += g.flux / (2 * math.Pi * math.Sqrt(det)) * math.Exp(-0.5*(g.yy*dx*dx-2*g.xy*dx*dy+g.xx*dy*dy)/det)
					}
					image[(j*stampSide+y)*side+i*stampSide+x] = float32(v)
				}
			}
		}
	}
	return image
}

// TestPSFMixture fits mixtures of the form that the stamps have: nothing may be missed.
func TestPSFMixture(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		size, e1, e2 := 1+0.15*r.NormFloat64(), 0.12*r.NormFloat64(), 0.12*r.NormFloat64()
		terms := func(i, j int) []gaussian {
			var all []gaussian
			for _, c := range [][2]float64{{0.7, 0.78}, {0.2, 1.9}, {0.1, 9}} {
				m, _ := sheared(c[1]*size*(1+0.002*float64(i)), e1+0.002*float64(j), e2).covariance()
				all = append(all, gaussian{c[0], 0.1, -0.05, m[0], m[1], m[2]})
			}
			return all
		}
		p := newPSF(paint(terms), 2048, 2066)
		got, miss, ok := p.at(700, 1200)
		flux := 0.0
		for _, g := range got {
			flux += g.flux
		}
		if !ok || miss > 1e-3 || math.Abs(flux-1) > 0.01 {
			t.Errorf("size %.3f, shape (%.3f, %.3f): missed %.2g, flux %.4f, converged %v: %+v", size, e1, e2, miss, flux, ok, got)
		}
	}
}
