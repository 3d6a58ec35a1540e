package reference

import "math"

// canvas is a window of an image: its first pixel is (x0, y0) in FITS's
// counting, rows upward. It accumulates a model of unit flux and, where they
// are wanted, the model's derivatives after its centre and its covariance.
type canvas struct {
	x0, y0, nx, ny int
	value          []float64
	dx, dy         []float64 // after the centre
	xx, xy, yy     []float64 // after the covariance of the source (not of the PSF)
}

// reset makes the canvas a window of zeros, with room for derivatives or without.
func (c *canvas) reset(x0, y0, nx, ny int, derivatives bool) {
	c.x0, c.y0, c.nx, c.ny = x0, y0, nx, ny
	c.value = zeros(c.value, nx*ny)
	if derivatives {
		for _, p := range []*[]float64{&c.dx, &c.dy, &c.xx, &c.xy, &c.yy} {
			*p = zeros(*p, nx*ny)
		}
	}
}

func zeros(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// reach is how many standard deviations of a term are drawn: its value at the
// edge is 4e-6 of the peak.
const reach = 5

// span is the part of a row that a term is drawn over, and how to walk along it.
type span struct {
	from, to     int     // pixels of the row
	tx, ty       float64 // inverse covariance times the offset from the centre, at the first pixel
	value        float64 // of the Gaussian there
	ratio, shift float64 // of the next value to this one, and of that ratio to the next
}

// spans visits the rows of a term. Along a row the exponent is a parabola: the
// ratio of neighbouring values changes by a constant factor, and no pixel
// needs an exponential.
func (c *canvas) spans(g *gaussian, a, b, d float64, visit func(row int, s *span)) {
	norm := g.flux / (2 * math.Pi) * math.Sqrt(a*d-b*b)
	high := reach * math.Sqrt(g.yy)
	low, top := clip(g.y-high, g.y+high, c.y0, c.ny)
	shift := math.Exp(-a)
	for row := low; row < top; row++ {
		dy := float64(row+c.y0) - g.y
		left := reach*reach - dy*dy/g.yy
		if left <= 0 {
			continue
		}
		middle, half := g.x-b*dy/a, math.Sqrt(left/a)
		s := span{shift: shift}
		if s.from, s.to = clip(middle-half, middle+half, c.x0, c.nx); s.from >= s.to {
			continue
		}
		dx := float64(s.from+c.x0) - g.x
		s.tx, s.ty = a*dx+b*dy, b*dx+d*dy
		s.value = norm * math.Exp(-0.5*(dx*s.tx+dy*s.ty))
		s.ratio = math.Exp(-s.tx - a/2)
		visit(row, &s)
	}
}

// clip is the range of pixels between two positions, counted from first and within n.
func clip(low, high float64, first, n int) (from, to int) {
	l := max(math.Ceil(low)-float64(first), 0)
	h := min(math.Floor(high)-float64(first)+1, float64(n))
	if !(l < h) {
		return 0, 0
	}
	return int(l), int(h)
}

// draw adds a term.
func (c *canvas) draw(g gaussian) {
	det := g.xx*g.yy - g.xy*g.xy
	a, b, d := g.yy/det, -g.xy/det, g.xx/det
	c.spans(&g, a, b, d, func(row int, s *span) {
		out := c.value[row*c.nx+s.from : row*c.nx+s.to]
		v, r := s.value, s.ratio
		for i := range out {
			out[i] += v
			v *= r
			r *= s.shift
		}
	})
}

// drawWithSlopes adds a term whose covariance grows by so much of the source's.
func (c *canvas) drawWithSlopes(g gaussian, variance float64) {
	det := g.xx*g.yy - g.xy*g.xy
	a, b, d := g.yy/det, -g.xy/det, g.xx/det
	c.spans(&g, a, b, d, func(row int, s *span) {
		i, n := row*c.nx+s.from, s.to-s.from
		value, dx, dy := c.value[i:i+n], c.dx[i:i+n], c.dy[i:i+n]
		xx, xy, yy := c.xx[i:i+n], c.xy[i:i+n], c.yy[i:i+n]
		v, r, tx, ty := s.value, s.ratio, s.tx, s.ty
		for i := range value {
			value[i] += v
			dx[i] += v * tx
			dy[i] += v * ty
			w := variance * v
			xx[i] += 0.5 * w * (tx*tx - a)
			xy[i] += w * (tx*ty - b)
			yy[i] += 0.5 * w * (ty*ty - d)
			v *= r
			r *= s.shift
			tx += a
			ty += b
		}
	})
}
