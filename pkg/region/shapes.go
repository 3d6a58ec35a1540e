package region

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/cosmostat/constellation/pkg/sky"
)

// everything is the whole sky.
type everything struct{}

func (everything) contains(vector) bool { return true }
func (everything) point() vector        { return vector{0, 0, 1} }
func (everything) edges() []circle      { return nil }

// cone is all within an angle of a centre.
type cone struct {
	centre vector
	height float64 // the cosine of the angle
}

func newCone(v []float64) (shape, error) {
	if len(v) != 3 {
		return nil, fmt.Errorf("a cone has three numbers, not %d", len(v))
	}
	if err := position(v[0], v[1]); err != nil {
		return nil, err
	}
	if !(v[2] > 0 && v[2] <= 180) {
		return nil, fmt.Errorf("a cone's radius is above 0 and at most 180 degrees, not %v", v[2])
	}
	return cone{unit(sky.Coord{RA: v[0], Dec: v[1]}), math.Cos(v[2] * deg)}, nil
}

func (c cone) contains(v vector) bool { return v.dot(c.centre) >= c.height }
func (c cone) point() vector          { return c.centre }
func (c cone) edges() []circle        { return []circle{{c.centre, c.height}} }

// zone is a range of RA and a range of Dec.
type zone struct {
	ra, width float64 // from ra eastward
	dec       [2]float64
}

func newZone(v []float64) (shape, error) {
	if len(v) != 4 {
		return nil, fmt.Errorf("a box has four numbers, not %d", len(v))
	}
	for _, dec := range v[2:] {
		for _, ra := range v[:2] {
			if err := position(ra, dec); err != nil {
				return nil, err
			}
		}
	}
	if v[2] >= v[3] {
		return nil, fmt.Errorf("a box's dec_min, %v, is below its dec_max, not %v", v[2], v[3])
	}
	width := v[1] - v[0]
	switch {
	case width == 0:
		return nil, errors.New("a box from an RA to the same holds nothing; all round is 0 to 360")
	case width < 0:
		width += 360 // over RA 0
	}
	if width <= 0 || width > 360 {
		return nil, fmt.Errorf("RA from %v to %v is more than once round", v[0], v[1])
	}
	return zone{v[0], width, [2]float64{v[2], v[3]}}, nil
}

func (z zone) contains(v vector) bool {
	c := v.coord()
	if c.Dec < z.dec[0] || c.Dec > z.dec[1] {
		return false
	}
	d := math.Mod(c.RA-z.ra, 360)
	if d < 0 {
		d += 360
	}
	return d <= z.width
}

func (z zone) point() vector {
	return unit(sky.Coord{RA: z.ra + z.width/2, Dec: (z.dec[0] + z.dec[1]) / 2})
}

func (z zone) edges() []circle {
	var edges []circle
	for _, dec := range z.dec {
		edges = append(edges, circle{vector{0, 0, 1}, math.Sin(dec * deg)})
	}
	if z.width < 360 {
		for _, ra := range []float64{z.ra, z.ra + z.width} {
			s, c := math.Sincos(ra * deg)
			edges = append(edges, circle{vector{-s, c, 0}, 0})
		}
	}
	return edges
}

// polygon is great circles from corner to corner. All of it lies in the plane
// that touches the sphere in its middle, where its edges are straight.
type polygon struct {
	plane   sky.Tangent
	corners []sky.Offset
	sphere  []vector
	inner   vector
}

// maxReach is how far from its middle a polygon's corners may lie, in degrees:
// less than a hemisphere, so that nobody has to say which side is the inside.
const maxReach = 85

func newPolygon(v [][]float64) (shape, error) {
	if n := len(v); n > 1 && slices.Equal(v[0], v[n-1]) {
		v = v[:n-1] // closed explicitly
	}
	if len(v) < 3 {
		return nil, fmt.Errorf("a polygon has at least three corners, not %d", len(v))
	}
	var p polygon
	var sum vector
	for _, c := range v {
		if len(c) != 2 {
			return nil, fmt.Errorf("a corner has two numbers, not %d", len(c))
		}
		if err := position(c[0], c[1]); err != nil {
			return nil, err
		}
		u := unit(sky.Coord{RA: c[0], Dec: c[1]})
		p.sphere = append(p.sphere, u)
		sum = sum.plus(u, 1)
	}
	if sum.dot(sum) < 1e-12 {
		return nil, fmt.Errorf("a polygon's corners lie within %d degrees of its middle: use a box, or several runs", maxReach)
	}
	p.plane = sky.NewTangent(sum.coord())
	for i, c := range v {
		at := sky.Coord{RA: c[0], Dec: c[1]}
		o, ok := p.plane.Project(at)
		if !ok || sky.Separation(at, p.plane.Centre()) > maxReach {
			return nil, fmt.Errorf("a polygon's corners lie within %d degrees of its middle, and corner %d, %v, does not: use a box, or several runs", maxReach, i+1, c)
		}
		p.corners = append(p.corners, o)
	}
	if i, j, crossed := p.crossing(); crossed {
		return nil, fmt.Errorf("a polygon's edges from corners %d and %d cross", i+1, j+1)
	}
	inner, ok := p.interior()
	if !ok {
		return nil, errors.New("the polygon has no area")
	}
	p.inner = inner
	return p, nil
}

// crossing finds two edges that cross each other.
func (p polygon) crossing() (int, int, bool) {
	side := func(a, b, c sky.Offset) float64 {
		return (b.Xi-a.Xi)*(c.Eta-a.Eta) - (b.Eta-a.Eta)*(c.Xi-a.Xi)
	}
	n := len(p.corners)
	for i := range n {
		a, b := p.corners[i], p.corners[(i+1)%n]
		for j := i + 2; j < n; j++ {
			c, d := p.corners[j], p.corners[(j+1)%n]
			if side(a, b, c)*side(a, b, d) < 0 && side(c, d, a)*side(c, d, b) < 0 {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// interior finds a point off the edges: on the line through the middle of the
// widest gap between the corners' etas, between the first two edges there.
func (p polygon) interior() (vector, bool) {
	etas := make([]float64, len(p.corners))
	for i, c := range p.corners {
		etas[i] = c.Eta
	}
	slices.Sort(etas)
	var eta, gap float64
	for i := range len(etas) - 1 {
		if g := etas[i+1] - etas[i]; g > gap {
			eta, gap = (etas[i]+etas[i+1])/2, g
		}
	}
	var at []float64
	q := p.corners[len(p.corners)-1]
	for _, c := range p.corners {
		if (q.Eta <= eta) != (c.Eta <= eta) {
			at = append(at, q.Xi+(eta-q.Eta)/(c.Eta-q.Eta)*(c.Xi-q.Xi))
		}
		q = c
	}
	slices.Sort(at)
	if len(at) < 2 || at[0] == at[1] {
		return vector{}, false
	}
	return unit(p.plane.Deproject(sky.Offset{Xi: (at[0] + at[1]) / 2, Eta: eta})), true
}

func (p polygon) contains(v vector) bool {
	o, ok := p.plane.Project(v.coord())
	if !ok {
		return false
	}
	odd := false
	q := p.corners[len(p.corners)-1]
	for _, c := range p.corners {
		if (q.Eta <= o.Eta) != (c.Eta <= o.Eta) && o.Xi < q.Xi+(o.Eta-q.Eta)/(c.Eta-q.Eta)*(c.Xi-q.Xi) {
			odd = !odd
		}
		q = c
	}
	return odd
}

func (p polygon) point() vector { return p.inner }

func (p polygon) edges() []circle {
	edges := make([]circle, len(p.sphere))
	q := p.sphere[len(p.sphere)-1]
	for i, v := range p.sphere {
		edges[i] = circle{q.cross(v).unit(), 0}
		q = v
	}
	return edges
}

// position checks a place on the sky. RA may be written beyond either end of its circle.
func position(ra, dec float64) error {
	if !(ra >= -360 && ra <= 360 && dec >= -90 && dec <= 90) {
		return fmt.Errorf("RA %v, Dec %v is no position: RA is from -360 to 360 and Dec from -90 to 90 degrees", ra, dec)
	}
	return nil
}
