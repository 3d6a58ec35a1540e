package reference

import "math"

// gaussian is one term of a mixture: its flux, its centre and its covariance,
// in pixels and pixels squared.
type gaussian struct{ flux, x, y, xx, xy, yy float64 }

// The exponential disc of half-light radius 1 and unit flux as a sum of round
// Gaussians (Hogg & Lang 2013): variances in geometric progression, fluxes by
// least squares between the Fourier transforms, (1 + k^2 h^2)^(-3/2) and
// sum a exp(-v k^2 / 2), weighted as a PSF a fifth as large passes them. No
// frequency is off by more than 4e-4.
const (
	discFirst = 0.017292733839374522 // variance of the narrowest term
	discRatio = 2.3433187620045315
	discFlux  = 0.999838543423268 // sum of what follows
)

var discFluxes = [...]float64{
	0.007378118677372278, 0.008080523487052602, 0.044209212049027814, 0.12114212525993852,
	0.2918787849740656, 0.385872517464506, 0.14127726151130518,
}

// discTerm is a term of the disc: flux and variance.
type discTerm struct{ flux, variance float64 }

func disc() (terms [len(discFluxes)]discTerm) {
	v := discFirst
	for i, f := range discFluxes {
		terms[i] = discTerm{f / discFlux, v}
		v *= discRatio
	}
	return terms
}

// ellipse is a covariance exp([[a+b, c], [c, a-b]]): the logarithm has no
// bounds, and the covariance is positive whatever it is. sqrt(exp(a)) is the
// radius of the circle of equal area, and |g| = (p-q)/(p+q) of the axes p and q
// is tanh(hypot(b, c)/2).
type ellipse struct{ a, b, c float64 }

// covariance returns (xx, xy, yy) and its derivatives after a, b and c.
func (e ellipse) covariance() (m [3]float64, d [3][3]float64) {
	q := math.Hypot(e.b, e.c)
	size, cosh := math.Exp(e.a), math.Cosh(q)
	sinc, slope := 1+q*q/6, 1/3.0+q*q/30 // sinh(q)/q, and its derivative after q, over q
	if q > 1e-3 {
		sinc = math.Sinh(q) / q
		slope = (cosh - sinc) / (q * q)
	}
	m = [3]float64{size * (cosh + sinc*e.b), size * sinc * e.c, size * (cosh - sinc*e.b)}
	d[0] = m
	// d cosh = sinc q dq = sinc (b db + c dc).
	d[1] = [3]float64{size * (sinc*e.b + slope*e.b*e.b + sinc), size * slope * e.b * e.c, size * (sinc*e.b - slope*e.b*e.b - sinc)}
	d[2] = [3]float64{size * (sinc*e.c + slope*e.c*e.b), size * (slope*e.c*e.c + sinc), size * (sinc*e.c - slope*e.c*e.b)}
	return m, d
}

// shear is the ellipticity (a-b)/(a+b) by components, with its derivatives after b and c.
func (e ellipse) shear() (g [2]float64, d [2][2]float64) {
	q := math.Hypot(e.b, e.c)
	ratio, slope := 0.5-q*q/24, -1/12.0 // tanh(q/2)/q, and its derivative after q, over q
	if q > 1e-3 {
		t := math.Tanh(q / 2)
		ratio = t / q
		slope = ((1-t*t)/2 - ratio) / (q * q)
	}
	v := [2]float64{e.b, e.c}
	for i := range v {
		g[i] = ratio * v[i]
		for j := range v {
			d[i][j] = slope * v[i] * v[j]
		}
		d[i][i] += ratio
	}
	return g, d
}

// sheared is the ellipse of a half-light radius and an ellipticity, the inverse of [ellipse.shear].
func sheared(radius, g1, g2 float64) ellipse {
	g := math.Hypot(g1, g2)
	k := 2.0
	if g > 1e-6 {
		k = 2 * math.Atanh(min(g, 0.95)) / g
	}
	return ellipse{2 * math.Log(radius), k * g1, k * g2}
}

func (e ellipse) radius() float64 { return math.Exp(e.a / 2) }
