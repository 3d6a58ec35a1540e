package simulate

import "math"

// gaussian is one term of a sum of Gaussians in pixel space: its share of the
// flux and its covariance in pixels squared.
type gaussian struct{ flux, xx, xy, yy float64 }

// Stamps of the PSF product: 9 x 9 of them a quadrant, 21 x 21 pixels each.
const (
	stampGrid = 9
	stampSide = 21
)

// psf is the effective PSF (optics and pixel) at a place of the field, fx and
// fy from -1 to 1: a core, a skirt and wings that leave the stamp. Size,
// ellipticity and wings vary over the field. It is the same in the pixel frame
// of rotated CCDs, since ellipses are of spin two.
func psf(fx, fy float64) [3]gaussian { return oddPSF(fx, fy, oddity{}) }

// oddity is how a quadrant's PSF differs from the smooth run over the field.
type oddity struct{ e1, e2, size float64 }

// oddity of a quadrant, drawn for it.
func (s Survey) oddity(q quadrant) (o oddity) {
	if s.PSFSpread > 0 {
		r := random(s.Seed, "psf", q.String())
		o = oddity{s.PSFSpread * r.NormFloat64(), s.PSFSpread * r.NormFloat64(), s.PSFSpread * r.NormFloat64()}
		o.e1, o.e2, o.size = min(max(o.e1, -0.4), 0.4), min(max(o.e2, -0.4), 0.4), min(max(o.size, -0.4), 0.4)
	}
	return o
}

// psf is the PSF at a pixel of a quadrant.
func (s Survey) psf(q quadrant, x, y float64) [3]gaussian {
	fx, fy := s.field(q, x, y)
	return oddPSF(fx, fy, s.oddity(q))
}

func oddPSF(fx, fy float64, o oddity) [3]gaussian {
	r2 := fx*fx + fy*fy
	e1 := 0.015 + 0.025*(fx*fx-fy*fy) - 0.01*fy + o.e1
	e2 := -0.010 + 0.040*fx*fy + 0.01*fx + o.e2
	size := 1 + 0.03*r2 + 0.02*fx + o.size
	wings := 0.10 + 0.02*fx*fy + 0.01*r2
	var sum [3]gaussian
	for i, c := range [3]struct{ flux, sigma float64 }{
		{1 - 0.20 - wings, 0.078}, {0.20, 0.19}, {wings, 0.90}, // arcsec
	} {
		sigma := c.sigma / pixelScale * size
		sum[i] = ellipse(e1, e2, sigma*sigma)
		sum[i].flux = c.flux
	}
	return sum
}

// ellipse is a round Gaussian of a variance, sheared by (e1, e2) with unit
// determinant: variance * S S' with S = [1+e1 e2; e2 1-e1] / sqrt(1-e1^2-e2^2).
func ellipse(e1, e2, variance float64) gaussian {
	k := variance / (1 - e1*e1 - e2*e2)
	return gaussian{
		xx: k * ((1+e1)*(1+e1) + e2*e2),
		xy: k * 2 * e2,
		yy: k * ((1-e1)*(1-e1) + e2*e2),
	}
}

// stamps renders a quadrant's PSF image: rows of stamps upward in y, each for
// the middle of its ninth of the quadrant, centred on its middle pixel.
func (s Survey) stamps(q quadrant) []float32 {
	const side = stampGrid * stampSide
	image := make([]float32, side*side)
	for j := range stampGrid {
		for i := range stampGrid {
			x := (float64(i)+0.5)/stampGrid*float64(s.Width) + 0.5
			y := (float64(j)+0.5)/stampGrid*float64(s.Height) + 0.5
			c := newCanvas(1, 1, stampSide, stampSide)
			terms := s.psf(q, x, y)
			for _, g := range terms {
				c.add(g, stampSide/2+1, stampSide/2+1, math.Inf(1))
			}
			for row := range stampSide {
				copy(image[(j*stampSide+row)*side+i*stampSide:], c.pixels[row*stampSide:(row+1)*stampSide])
			}
		}
	}
	return image
}
