package sky

import "math"

const deg = math.Pi / 180

// vector is a direction as Cartesian coordinates: x to RA 0, y to RA 90, z to the north pole.
type vector [3]float64

func (c Coord) vector() vector {
	sa, ca := math.Sincos(c.RA * deg)
	sd, cd := math.Sincos(c.Dec * deg)
	return vector{cd * ca, cd * sa, sd}
}

// coord needs no unit length: only the direction counts.
func (v vector) coord() Coord {
	ra := math.Atan2(v[1], v[0]) / deg
	dec := math.Atan2(v[2], math.Hypot(v[0], v[1])) / deg
	return Normalize(Coord{RA: ra, Dec: dec})
}

func (v vector) dot(w vector) float64 { return v[0]*w[0] + v[1]*w[1] + v[2]*w[2] }

func (v vector) cross(w vector) vector {
	return vector{v[1]*w[2] - v[2]*w[1], v[2]*w[0] - v[0]*w[2], v[0]*w[1] - v[1]*w[0]}
}

// Normalize brings the right ascension into [0, 360).
func Normalize(c Coord) Coord {
	c.RA = math.Mod(c.RA, 360)
	if c.RA < 0 {
		c.RA += 360
	}
	if c.RA >= 360 { // a tiny negative number plus 360
		c.RA = 0
	}
	return c
}

// Separation is the angle between two directions in degrees, exact at all
// distances from nought to 180.
func Separation(a, b Coord) float64 {
	v, w := a.vector(), b.vector()
	x := v.cross(w)
	return math.Atan2(math.Sqrt(x.dot(x)), v.dot(w)) / deg
}

// Tangent is the plane that touches the celestial sphere at its centre. Great
// circles are straight lines in it.
type Tangent struct {
	centre           Coord
	out, east, north vector
}

// NewTangent makes the plane at a centre. At a pole, the meridian of the
// centre's RA says where north is.
func NewTangent(centre Coord) Tangent {
	centre = Normalize(centre)
	sa, ca := math.Sincos(centre.RA * deg)
	sd, cd := math.Sincos(centre.Dec * deg)
	return Tangent{
		centre: centre,
		out:    vector{cd * ca, cd * sa, sd},
		east:   vector{-sa, ca, 0},
		north:  vector{-sd * ca, -sd * sa, cd},
	}
}

// Centre is the point of contact.
func (t Tangent) Centre() Coord { return t.centre }

// Project maps a direction into the plane. It is false for directions that lie
// 90 degrees or more from the centre: the plane does not hold them.
func (t Tangent) Project(c Coord) (Offset, bool) {
	v := c.vector()
	d := v.dot(t.out)
	if !(d > 0) {
		return Offset{}, false
	}
	return Offset{Xi: v.dot(t.east) / d / deg, Eta: v.dot(t.north) / d / deg}, true
}

// polygon is an outline in the plane; false where the plane doesn't hold all of it.
func (t Tangent) polygon(outline []Coord) ([]Offset, bool) {
	polygon := make([]Offset, len(outline))
	for i, c := range outline {
		o, ok := t.Project(c)
		if !ok {
			return nil, false
		}
		polygon[i] = o
	}
	return polygon, true
}

// Deproject maps a point of the plane to its direction.
func (t Tangent) Deproject(o Offset) Coord { return t.direction(o).coord() }

func (t Tangent) direction(o Offset) vector {
	xi, eta := o.Xi*deg, o.Eta*deg
	var v vector
	for i := range v {
		v[i] = t.out[i] + xi*t.east[i] + eta*t.north[i]
	}
	return v
}
