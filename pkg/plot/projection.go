package plot

import (
	"math"

	"github.com/cosmostat/constellation/pkg/sky"
)

const deg = math.Pi / 180

// Point is a place on a page, x to the right and y down, or in a projection's
// plane, x to the right (the west) and y up.
type Point struct{ X, Y float64 }

// projection maps directions to a plane and back. Both ways are false for what
// the plane or the sky does not hold.
type projection interface {
	forward(c sky.Coord) (Point, bool)
	inverse(p Point) (sky.Coord, bool)
}

// tangent is the gnomonic projection; its unit is the arcminute.
type tangent struct{ plane sky.Tangent }

func (t tangent) forward(c sky.Coord) (Point, bool) {
	o, ok := t.plane.Project(c)
	return offset(o), ok
}

func (t tangent) inverse(p Point) (sky.Coord, bool) {
	return t.plane.Deproject(sky.Offset{Xi: -p.X / 60, Eta: p.Y / 60}), true
}

func offset(o sky.Offset) Point { return Point{-60 * o.Xi, 60 * o.Eta} }

// zenithal is Lambert's azimuthal projection, which keeps areas; its unit is
// the degree. It holds the sky but for the centre's antipode, around which it
// is of no use: it ends 150 degrees from the centre.
type zenithal struct{ ra, sin, cos float64 } // of the centre: RA in degrees, Dec

func newZenithal(c sky.Coord) zenithal {
	s, k := math.Sincos(c.Dec * deg)
	return zenithal{c.RA, s, k}
}

var zenithalEnd = math.Cos(150 * deg)

func (z zenithal) forward(c sky.Coord) (Point, bool) {
	sd, cd := math.Sincos(c.Dec * deg)
	sa, ca := math.Sincos((c.RA - z.ra) * deg)
	out := z.sin*sd + z.cos*cd*ca
	if !(out > zenithalEnd) {
		return Point{}, false
	}
	k := math.Sqrt(2/(1+out)) / deg
	return Point{-k * cd * sa, k * (z.cos*sd - z.sin*cd*ca)}, true
}

func (z zenithal) inverse(p Point) (sky.Coord, bool) {
	x, y := -p.X*deg, p.Y*deg
	r := math.Hypot(x, y)
	if r > 2*math.Sin(75*deg) {
		return sky.Coord{}, false
	}
	if r == 0 {
		return sky.Coord{RA: z.ra, Dec: math.Atan2(z.sin, z.cos) / deg}, true
	}
	sc, cc := math.Sincos(2 * math.Asin(r/2))
	dec := math.Asin(math.Max(-1, math.Min(1, cc*z.sin+y*sc*z.cos/r)))
	ra := z.ra + math.Atan2(x*sc, r*z.cos*cc-y*z.sin*sc)/deg
	return sky.Normalize(sky.Coord{RA: ra, Dec: dec / deg}), true
}

// mollweide shows the whole sky in an ellipse, twice as wide as high, and keeps
// areas; its unit is the degree, in which areas are those of the sphere. The
// meridian of RA ra is in the middle.
type mollweide struct{ ra float64 }

// mollweideWidth is half the ellipse's width.
const mollweideWidth = 2 * math.Sqrt2 / deg

func (m mollweide) forward(c sky.Coord) (Point, bool) {
	return m.at(math.Remainder(c.RA-m.ra, 360), c.Dec), true
}

// at takes the longitude east of the middle, from -180 to 180.
func (m mollweide) at(lambda, dec float64) Point {
	s, c := math.Sincos(auxiliary(math.Abs(dec) * deg))
	return Point{-mollweideWidth * lambda / 180 * c, math.Copysign(mollweideWidth/2*s, dec)}
}

func (m mollweide) inverse(p Point) (sky.Coord, bool) {
	s := p.Y / (mollweideWidth / 2)
	if math.Abs(s) > 1 {
		return sky.Coord{}, false
	}
	t := math.Asin(s)
	lambda := 0.0
	if c := math.Cos(t); c > 0 {
		lambda = -180 * p.X / (mollweideWidth * c)
	}
	if math.Abs(lambda) > 180 {
		return sky.Coord{}, false
	}
	dec := math.Asin(math.Max(-1, math.Min(1, (2*t+math.Sin(2*t))/math.Pi)))
	return sky.Normalize(sky.Coord{RA: m.ra + lambda, Dec: dec / deg}), true
}

// auxiliary solves 2t + sin 2t = pi sin(dec) for Dec from 0 to pi/2. With
// u = pi - 2t that is Kepler's u - sin u = 2 pi sin^2((pi/2 - dec)/2), which
// keeps its precision at the pole; Newton's method never steps below a root
// that it starts below, because the left side is convex.
func auxiliary(dec float64) float64 {
	h := math.Sin(math.Max(0, math.Pi/2-dec) / 2)
	m := 2 * math.Pi * h * h
	u := math.Cbrt(6 * m)
	for range 20 {
		c := 1 - math.Cos(u)
		if c == 0 {
			break
		}
		d := (u - math.Sin(u) - m) / c
		u -= d
		if math.Abs(d) < 1e-14 {
			break
		}
	}
	return (math.Pi - u) / 2
}
