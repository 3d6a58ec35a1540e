package wcs

import "math"

// termCount is the number of terms of one TPV polynomial, 0 to 39.
const termCount = 40

// poly is one TPV polynomial in x, y and r = hypot(x, y). Its polynomial terms
// are ordered by degree d and then by the power k of y, so that term d, k is
// x^(d-k) y^k; odd degrees have a radial term r^d too.
type poly struct {
	plain  [8][8]float64 // [d][k]
	radial [4]float64    // r, r^3, r^5, r^7
	degree int           // highest with a plain term
	round  bool          // has a radial term
}

// set gives term m of the convention its coefficient. The terms run through the
// degrees; after those of each odd degree follows its radial term. The numbers
// of the second axis are the same with x and y swapped, which the caller does.
func (p *poly) set(m int, c float64) {
	for d, first := 0, 0; ; d++ {
		switch {
		case m-first <= d:
			p.plain[d][m-first] = c
			if c != 0 {
				p.degree = max(p.degree, d)
			}
			return
		case m-first == d+1 && d%2 == 1:
			p.radial[d/2] = c
			p.round = p.round || c != 0
			return
		}
		first += d + 1 + d%2
	}
}

// eval returns the value and the partial derivatives.
func (p *poly) eval(x, y float64) (v, dx, dy float64) {
	var xp, yp [9]float64
	xp[0], yp[0] = 1, 1
	for i := 1; i <= p.degree; i++ {
		xp[i], yp[i] = xp[i-1]*x, yp[i-1]*y
	}
	for d := p.degree; d >= 0; d-- {
		row := &p.plain[d]
		for k := 0; k <= d; k++ {
			c := row[k]
			if c == 0 {
				continue
			}
			a, b := d-k, k
			v += c * xp[a] * yp[b]
			if a > 0 {
				dx += c * float64(a) * xp[a-1] * yp[b]
			}
			if b > 0 {
				dy += c * float64(b) * xp[a] * yp[b-1]
			}
		}
	}
	if !p.round {
		return v, dx, dy
	}
	r := math.Hypot(x, y)
	for i, power := 0, r; i < len(p.radial); i, power = i+1, power*r*r {
		c := p.radial[i]
		if c == 0 {
			continue
		}
		v += c * power
		if r > 0 { // at the centre the cone r has no slope; its mean is 0
			slope := c * float64(2*i+1) * power / (r * r)
			dx += slope * x
			dy += slope * y
		}
	}
	return v, dx, dy
}
