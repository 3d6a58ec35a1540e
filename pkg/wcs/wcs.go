package wcs

import (
	"math"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

// WCS is the coordinate system of one image.
type WCS struct {
	crpix, crval     [2]float64
	cd, inverse      [2][2]float64 // degrees a pixel, pixels a degree
	scale            float64       // degrees a pixel: root of the determinant
	sinDec, cosDec   float64       // of CRVAL2
	sinRoll, cosRoll float64       // of LONPOLE - 180 degrees
	distorted        bool
	pv               [2]poly // the second with x and y swapped
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

func det(m [2][2]float64) float64 { return m[0][0]*m[1][1] - m[0][1]*m[1][0] }

// Reference returns the direction of the reference pixel, CRVAL.
func (w *WCS) Reference() sky.Coord { return sky.Coord{RA: wrap(w.crval[0]), Dec: w.crval[1]} }

// ToSky returns the direction that a pixel position shows.
func (w *WCS) ToSky(x, y float64) sky.Coord {
	xi, eta := w.plane(w.linear(x, y))
	return w.deproject(xi, eta)
}

// linear returns the undistorted intermediate coordinates, degrees.
func (w *WCS) linear(x, y float64) (u, v float64) {
	x, y = x-w.crpix[0], y-w.crpix[1]
	return w.cd[0][0]*x + w.cd[0][1]*y, w.cd[1][0]*x + w.cd[1][1]*y
}

// plane applies the distortion and the roll of the pole: from intermediate
// coordinates to the tangent plane, degrees.
func (w *WCS) plane(u, v float64) (xi, eta float64) {
	if w.distorted {
		a, _, _ := w.pv[0].eval(u, v)
		b, _, _ := w.pv[1].eval(v, u)
		u, v = a, b
	}
	return w.cosRoll*u + w.sinRoll*v, w.cosRoll*v - w.sinRoll*u
}

// derivative is that of the distortion.
func (w *WCS) derivative(u, v float64) [2][2]float64 {
	if !w.distorted {
		return [2][2]float64{{1, 0}, {0, 1}}
	}
	_, aU, aV := w.pv[0].eval(u, v)
	_, bV, bU := w.pv[1].eval(v, u)
	return [2][2]float64{{aU, aV}, {bU, bV}}
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
// pixel shows fail with code WCSNoInverse: those in the far hemisphere, and those
// beyond the part of the plane in which the distortion can be inverted.
func (w *WCS) ToPixel(c sky.Coord) (x, y float64, err error) {
	xi, eta, ok := w.project(c)
	if !ok {
		return 0, 0, fault.Data(CodeNoInverse, "no pixel shows RA %v, Dec %v: it is 90 degrees or more from the image", c.RA, c.Dec)
	}
	u, v := w.cosRoll*xi-w.sinRoll*eta, w.cosRoll*eta+w.sinRoll*xi
	if w.distorted {
		if u, v, ok = w.undistort(u, v); !ok {
			return 0, 0, fault.Data(CodeNoInverse, "no pixel shows RA %v, Dec %v: the distortion has no inverse there", c.RA, c.Dec)
		}
	}
	x = w.inverse[0][0]*u + w.inverse[0][1]*v + w.crpix[0]
	y = w.inverse[1][0]*u + w.inverse[1][1]*v + w.crpix[1]
	return x, y, nil
}

// undistort inverts the distortion by Newton's method from the target itself:
// distortions are small against the field, so it converges in 3 or 4 steps.
// A solution behind a fold of the map, where the image would be mirrored, is none.
func (w *WCS) undistort(a, b float64) (u, v float64, ok bool) {
	const maxSteps = 30
	orientation := det(w.derivative(0, 0))
	u, v = a, b
	for range maxSteps {
		f, fU, fV := w.pv[0].eval(u, v)
		g, gV, gU := w.pv[1].eval(v, u)
		d := fU*gV - fV*gU
		du := (gV*(f-a) - fV*(g-b)) / d
		dv := (fU*(g-b) - gU*(f-a)) / d
		u, v = u-du, v-dv
		step := math.Abs(du) + math.Abs(dv)
		if math.IsNaN(step) || math.IsInf(step, 0) {
			return 0, 0, false
		}
		// Convergence is quadratic: the next step would be far below rounding.
		if step <= max(1e-9*w.scale, 4e-16*(math.Abs(u)+math.Abs(v))) {
			return u, v, d*orientation > 0
		}
	}
	return 0, 0, false
}

// Outline returns the edge of an image of nx times ny pixels on the sky: along
// the outer edges of its outermost pixels, perEdge points for each of the four
// edges, starting at (0.5, 0.5) and along x first. It is not closed.
func (w *WCS) Outline(nx, ny, perEdge int) []sky.Coord {
	perEdge = max(perEdge, 1)
	left, right, bottom, top := 0.5, float64(nx)+0.5, 0.5, float64(ny)+0.5
	corners := [...][2]float64{{left, bottom}, {right, bottom}, {right, top}, {left, top}, {left, bottom}}
	out := make([]sky.Coord, 0, 4*perEdge)
	for e := range 4 {
		from, to := corners[e], corners[e+1]
		for i := range perEdge {
			t := float64(i) / float64(perEdge)
			out = append(out, w.ToSky(from[0]+t*(to[0]-from[0]), from[1]+t*(to[1]-from[1])))
		}
	}
	return out
}

// Jacobian returns d(xi, eta)/d(x, y) at a pixel, arcsec a pixel, where xi and
// eta are the tangent plane at that pixel's own direction: xi to the local east
// and eta to the local north. Rows are xi and eta, columns x and y.
func (w *WCS) Jacobian(x, y float64) [2][2]float64 {
	u, v := w.linear(x, y)
	xi, eta := w.plane(u, v)
	c := w.deproject(xi, eta)
	// From the tangent plane at CRVAL to the one here: the local east and north
	// dotted into the plane's own, over the distance to the plane.
	sinRA, cosRA := math.Sincos((c.RA - w.crval[0]) / radian)
	sinDec, cosDec := math.Sincos(c.Dec / radian)
	far := math.Sqrt(1+(xi*xi+eta*eta)/(radian*radian)) * arcsec
	local := [2][2]float64{
		{cosRA / far, w.sinDec * sinRA / far},
		{-sinDec * sinRA / far, (sinDec*w.sinDec*cosRA + cosDec*w.cosDec) / far},
	}
	roll := [2][2]float64{{w.cosRoll, w.sinRoll}, {-w.sinRoll, w.cosRoll}}
	return multiply(local, multiply(roll, multiply(w.derivative(u, v), w.cd)))
}

func multiply(a, b [2][2]float64) (c [2][2]float64) {
	for i := range c {
		for j := range c[i] {
			c[i][j] = a[i][0]*b[0][j] + a[i][1]*b[1][j]
		}
	}
	return c
}
