package simulate

import "math"

// canvas is a window of an image: its first pixel is (x0, y0), rows upward.
type canvas struct {
	x0, y0, width, height int
	pixels                []float32
}

func newCanvas(x0, y0, width, height int) *canvas {
	return &canvas{x0, y0, width, height, make([]float32, width*height)}
}

// drawn is how many standard deviations of a term are drawn: 1e-5 of its flux lies beyond.
const drawn = 4.8

// add draws a Gaussian around (x, y), as far as limit standard deviations:
// each pixel gets the value at its centre.
//
// Along a row the exponent is a parabola, so that the ratio of neighbouring
// values changes by a constant factor: three multiplications a pixel and no
// exponential.
func (c *canvas) add(g gaussian, x, y, limit float64) {
	det := g.xx*g.yy - g.xy*g.xy
	a, b, d := g.yy/det, -g.xy/det, g.xx/det // the inverse covariance
	norm := g.flux / (2 * math.Pi * math.Sqrt(det))
	x1, x2 := window(x, limit*math.Sqrt(g.xx), c.x0, c.width)
	y1, y2 := window(y, limit*math.Sqrt(g.yy), c.y0, c.height)
	if x1 >= x2 {
		return
	}
	factor := math.Exp(-a)
	for py := y1; py < y2; py++ {
		dx, dy := float64(x1)-x, float64(py)-y
		// Start the recurrence at the row's peak, where nothing underflows,
		// and go both ways.
		peak := min(max(int(math.Round(-b*dy/a-dx)), 0), x2-x1-1)
		dx += float64(peak)
		value := norm * math.Exp(-0.5*(a*dx*dx+2*b*dx*dy+d*dy*dy))
		row := c.pixels[(py-c.y0)*c.width+x1-c.x0:][:x2-x1]
		v, ratio := value, math.Exp(-a*(dx+0.5)-b*dy)
		for i := peak; i < len(row); i++ {
			row[i] += float32(v)
			v *= ratio
			ratio *= factor
		}
		v, ratio = value, math.Exp(a*(dx-0.5)+b*dy)
		for i := peak - 1; i >= 0; i-- {
			v *= ratio
			ratio *= factor
			row[i] += float32(v)
		}
	}
}

// window is the range of pixels within r of a centre that the canvas has: [from, to).
func window(centre, r float64, first, n int) (from, to int) {
	low := max(math.Ceil(centre-r), float64(first))
	high := min(math.Floor(centre+r)+1, float64(first+n))
	if !(low < high) {
		return 0, 0
	}
	return int(low), int(high)
}

// An exponential disc exp(-k r) is a sum of Gaussians exactly (subordination):
//
//	exp(-k r) = k / (2 sqrt(pi)) integral_0^inf t^(-3/2) exp(-k^2/(4t)) exp(-t r^2) dt
//
// With t = k^2 exp(s) the integrand is smooth and falls off fast on both
// sides, so that the trapezoid rule over few equal steps of s gives the disc
// to 1e-3 of its peak away from the cusp, which the PSF rounds off anyway.
const (
	discTerms = 10
	discFirst = -3.6 // of s
	discStep  = 0.85
)

// halfLight is the half-light radius of exp(-r): the root of (1+x) exp(-x) = 1/2.
const halfLight = 1.6783469900166605

// disc is the disc of half-light radius 1 as round terms: flux and variance.
func disc() [discTerms]struct{ flux, variance float64 } {
	var terms [discTerms]struct{ flux, variance float64 }
	total := 0.0
	for i := range terms {
		t := math.Exp(discFirst + discStep*float64(i))
		// t^(-3/2) dt = t^(-1/2) ds, and the Gaussian holds a flux of pi/t.
		terms[i].flux = math.Pow(t, -1.5) * math.Exp(-1/(4*t))
		terms[i].variance = 1 / (2 * t * halfLight * halfLight)
		total += terms[i].flux
	}
	for i := range terms {
		terms[i].flux /= total
	}
	return terms
}

// draw adds a source of so many ADU at (x, y). jacobian is d(xi, eta)/d(x, y)
// there, in arcsec per pixel.
func (c *canvas) draw(src *source, adu, x, y float64, jacobian [2][2]float64, blur [3]gaussian) {
	if src.hlr == 0 { // a star
		for _, p := range blur {
			p.flux *= adu
			c.add(p, x, y, drawn)
		}
		return
	}
	shape := src.shape()
	// Pixels from (u, v): the inverse Jacobian, and xi = -u.
	j := jacobian
	det := j[0][0]*j[1][1] - j[0][1]*j[1][0]
	ux, uy := -j[1][1]/det, j[1][0]/det
	vx, vy := -j[0][1]/det, j[0][0]/det
	pixel := gaussian{
		xx: ux*ux*shape.xx + 2*ux*vx*shape.xy + vx*vx*shape.yy,
		xy: ux*uy*shape.xx + (ux*vy+uy*vx)*shape.xy + vx*vy*shape.yy,
		yy: uy*uy*shape.xx + 2*uy*vy*shape.xy + vy*vy*shape.yy,
	}
	for _, t := range disc() {
		k := t.variance * src.hlr * src.hlr
		for _, p := range blur {
			c.add(gaussian{
				flux: adu * t.flux * p.flux,
				xx:   p.xx + k*pixel.xx, xy: p.xy + k*pixel.xy, yy: p.yy + k*pixel.yy,
			}, x, y, drawn)
		}
	}
}
