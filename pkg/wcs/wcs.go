package wcs

import (
	"math"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

// WCS is the coordinate system of one image.
type WCS struct {
	crpix, crval     [2]float64    // crval: longitude, latitude
	cd, inverse      [2][2]float64 // degrees a pixel, pixels a degree
	scale            float64       // degrees a pixel: root of the determinant
	sinDec, cosDec   float64       // of the reference point
	sinRoll, cosRoll float64       // of LONPOLE - 180 degrees
	sip              *distortion   // of pixels from the reference pixel, or nil
	tpv              *distortion   // of intermediate coordinates, or nil
}

const (
	radian = 180 / math.Pi // degrees
	arcsec = 1.0 / 3600    // degrees
)

// sincosDeg is exact at multiples of 90 degrees.
func sincosDeg(deg float64) (sin, cos float64) {
	if q := deg / 90; q == math.Trunc(q) && math.Abs(q) < 1<<31 {
		table := [...]float64{0, 1, 0, -1, 0}
		i := int(q) & 3
		return table[i], table[i+1]
	}
	return math.Sincos(deg / radian)
}

// Reference returns the direction of the reference pixel, CRVAL.
func (w *WCS) Reference() sky.Coord { return sky.Coord{RA: wrap(w.crval[0]), Dec: w.crval[1]} }

// ToSky returns the direction that a pixel position shows.
func (w *WCS) ToSky(x, y float64) sky.Coord { return w.deproject(w.plane(x, y)) }

// plane takes a pixel position to the tangent plane, degrees: distortion of
// pixels, linear terms, distortion of degrees, roll of the pole.
func (w *WCS) plane(x, y float64) (xi, eta float64) {
	x, y = x-w.crpix[0], y-w.crpix[1]
	if w.sip != nil {
		x, y = w.sip.apply(x, y)
	}
	u, v := times(&w.cd, x, y)
	if w.tpv != nil {
		u, v = w.tpv.apply(u, v)
	}
	return w.cosRoll*u + w.sinRoll*v, w.cosRoll*v - w.sinRoll*u
}

// deproject turns a point of the tangent plane into a direction: the vector
// centre + xi east + eta north, seen along RA of the reference point.
func (w *WCS) deproject(xi, eta float64) sky.Coord {
	xi, eta = xi/radian, eta/radian
	out := w.cosDec - eta*w.sinDec
	up := w.sinDec + eta*w.cosDec
	return sky.Coord{
		RA:  wrap(w.crval[0] + math.Atan2(xi, out)*radian),
		Dec: math.Atan2(up, math.Hypot(xi, out)) * radian,
	}
}

// wrap brings a right ascension into [0, 360).
func wrap(ra float64) float64 {
	if ra >= 0 && ra < 360 {
		return ra
	}
	ra = math.Mod(ra, 360)
	if ra < 0 {
		ra += 360
	}
	if ra >= 360 { // a negative number too small to move 360
		ra = 0
	}
	return ra
}

// project is the inverse of deproject; ok is false for the far hemisphere.
func (w *WCS) project(c sky.Coord) (xi, eta float64, ok bool) {
	dra := math.Remainder(c.RA-w.crval[0], 360) / radian
	sinDec, cosDec := math.Sincos(c.Dec / radian)
	sinRA, cosRA := math.Sincos(dra)
	depth := w.sinDec*sinDec + w.cosDec*cosDec*cosRA
	if !(depth > 0) {
		return 0, 0, false
	}
	// sin(a)cos(b) - cos(a)sin(b)cos(ra), without cancellation for small fields.
	half := math.Sin(dra / 2)
	north := math.Sin((c.Dec-w.crval[1])/radian) + 2*w.sinDec*cosDec*half*half
	return cosDec * sinRA / depth * radian, north / depth * radian, true
}

// ToPixel returns the pixel position that shows a direction. Directions that no
// pixel shows fail with code WCSNoInverse: those 90 degrees or more from the
// image, and those beyond the part of the plane in which the distortion can be
// inverted (see the package's comment).
func (w *WCS) ToPixel(c sky.Coord) (x, y float64, err error) {
	x, y, reason := w.pixel(c)
	if reason != "" {
		return 0, 0, fault.Data(CodeNoInverse, "no pixel shows RA %v, Dec %v: %s", c.RA, c.Dec, reason)
	}
	return x, y, nil
}

// pixel is ToPixel with the reason why there is no such pixel.
func (w *WCS) pixel(c sky.Coord) (x, y float64, reason string) {
	if !(math.Abs(c.Dec) <= 90) || math.IsNaN(c.RA) || math.IsInf(c.RA, 0) {
		return 0, 0, "it is no direction"
	}
	xi, eta, ok := w.project(c)
	if !ok {
		return 0, 0, "it is 90 degrees or more from the image"
	}
	const (
		precision = 1e-9 // pixels
		folded    = "the distortion has no inverse there"
	)
	u, v := w.cosRoll*xi-w.sinRoll*eta, w.cosRoll*eta+w.sinRoll*xi
	if w.tpv != nil {
		if u, v, ok = w.tpv.invert(u, v, precision*w.scale); !ok {
			return 0, 0, folded
		}
	}
	x, y = times(&w.inverse, u, v)
	if w.sip != nil {
		if x, y, ok = w.sip.invert(x, y, precision); !ok {
			return 0, 0, folded
		}
	}
	return x + w.crpix[0], y + w.crpix[1], ""
}

// Jacobian returns d(xi, eta)/d(x, y) at a pixel, arcsec a pixel, where xi and
// eta are the tangent plane at that pixel's own direction: xi to the local east
// and eta to the local north. Rows are xi and eta, columns x and y.
func (w *WCS) Jacobian(x, y float64) [2][2]float64 {
	xi, eta := w.plane(x, y)
	c := w.deproject(xi, eta)
	// From the tangent plane at CRVAL to the one here: the local east and north
	// dotted into the plane's own, over the distance to the plane.
	sinRA, cosRA := math.Sincos((c.RA - w.crval[0]) / radian)
	sinDec, cosDec := math.Sincos(c.Dec / radian)
	far := math.Sqrt(1+(xi*xi+eta*eta)/(radian*radian)) * arcsec
	turn := [2][2]float64{
		{cosRA / far, w.sinDec * sinRA / far},
		{-sinDec * sinRA / far, (sinDec*w.sinDec*cosRA + cosDec*w.cosDec) / far},
	}
	roll := [2][2]float64{{w.cosRoll, w.sinRoll}, {-w.sinRoll, w.cosRoll}}
	x, y = x-w.crpix[0], y-w.crpix[1]
	inner := w.cd
	if w.sip != nil {
		inner = multiply(w.cd, w.sip.jacobian(x, y))
	}
	if w.tpv != nil {
		inner = multiply(w.tpv.jacobian(times(&w.cd, x, y)), w.cd)
	}
	return multiply(turn, multiply(roll, inner))
}

func det(m [2][2]float64) float64 { return m[0][0]*m[1][1] - m[0][1]*m[1][0] }

func times(m *[2][2]float64, x, y float64) (a, b float64) {
	return m[0][0]*x + m[0][1]*y, m[1][0]*x + m[1][1]*y
}

func multiply(a, b [2][2]float64) (c [2][2]float64) {
	for i := range c {
		for j := range c[i] {
			c[i][j] = a[i][0]*b[0][j] + a[i][1]*b[1][j]
		}
	}
	return c
}
