package region

import (
	"fmt"
	"math"
	"slices"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

// Region is an area of the sky.
type Region struct {
	shape shape
}

// shape is what the kinds of region have to tell.
type shape interface {
	contains(v vector) bool
	// point is somewhere in the region.
	point() vector
	// edges are circles on the sphere that hold all of the boundary, and may go on beyond it.
	edges() []circle
}

// circle is the points v of the sphere with v.axis = height: a great circle
// where the height is 0, else a small one.
type circle struct {
	axis   vector
	height float64
}

// New makes a region; what can't be one is refused with the reason.
func New(s settings.Region) (*Region, error) {
	var r Region
	var err error
	switch {
	case !s.Given():
		r.shape = everything{}
	case len(s.Cone) > 0 && len(s.Box)+len(s.Polygon) > 0, len(s.Box) > 0 && len(s.Polygon) > 0:
		err = fmt.Errorf("more than one of cone, box and polygon")
	case len(s.Cone) > 0:
		r.shape, err = newCone(s.Cone)
	case len(s.Box) > 0:
		r.shape, err = newZone(s.Box)
	default:
		r.shape, err = newPolygon(s.Polygon)
	}
	if err != nil {
		return nil, fault.Input("RegionInvalid", "not a region: %w", err).At("region").
			Fix("one of cone: [ra, dec, radius], box: [ra_min, ra_max, dec_min, dec_max], polygon: [[ra, dec], ...], in degrees")
	}
	return &r, nil
}

// Contains says whether a position lies in the region.
func (r *Region) Contains(c sky.Coord) bool { return r.shape.contains(unit(c)) }

// Overlaps says whether the region and a box of a tangent plane share some area.
//
// Each edge of the box, a great circle, is cut where it crosses the region's
// edges; a part lies wholly inside the region or wholly outside, and its middle
// tells which. Where no edge of the box touches the region, it may still lie in
// the box as a whole, and then any of its points does.
func (r *Region) Overlaps(plane sky.Tangent, box sky.Box) bool {
	if r.shape.contains(unit(plane.Deproject(box.Centre()))) {
		return true
	}
	circles := r.shape.edges()
	corners := box.Corners()
	for i := range corners {
		p, q := unit(plane.Deproject(corners[i])), unit(plane.Deproject(corners[(i+1)%4]))
		if r.shape.contains(p) || r.touches(p, q, circles) {
			return true
		}
	}
	o, ok := plane.Project(r.shape.point().coord())
	return ok && box.Contains(o)
}

// Select returns the indices of the tiles whose cores, squares of a side, the
// region touches.
func (r *Region) Select(tiles []sky.Tile, sideArcmin float64) []int {
	half := sideArcmin / 120
	core := sky.Box{XiMin: -half, XiMax: half, EtaMin: -half, EtaMax: half}
	var selected []int
	for i, t := range tiles {
		if r.Overlaps(t.Plane(), core) {
			selected = append(selected, i)
		}
	}
	return selected
}

// touches says whether a part of the arc from p to q lies in the region.
func (r *Region) touches(p, q vector, circles []circle) bool {
	step := q.minus(p)
	cuts := []float64{0, 1}
	for _, c := range circles {
		cuts = append(cuts, c.crossings(p, step)...)
	}
	slices.Sort(cuts)
	for i := range len(cuts) - 1 {
		if m := (cuts[i] + cuts[i+1]) / 2; cuts[i] < cuts[i+1] && r.shape.contains(p.plus(step, m).unit()) {
			return true
		}
	}
	return false
}

// crossings are where the arc that p + t step goes along, t from 0 to 1, meets the circle:
//
//	(p + t step).axis = height |p + t step|
func (c circle) crossings(p, step vector) []float64 {
	a, b := p.dot(c.axis), step.dot(c.axis)
	var roots []float64
	if c.height == 0 {
		roots = []float64{-a / b}
	} else {
		// Squared, a quadratic in t; roots of the mirrored circle only add cuts.
		h := c.height * c.height
		qa := b*b - h*step.dot(step)
		qb := 2 * (a*b - h*p.dot(step))
		qc := a*a - h*p.dot(p)
		d := qb*qb - 4*qa*qc
		if d < 0 {
			return nil
		}
		s := -(qb + math.Copysign(math.Sqrt(d), qb)) / 2 // stable: no difference of near equals
		roots = []float64{s / qa, qc / s}
	}
	var inside []float64
	for _, t := range roots {
		if t > 0 && t < 1 { // false for NaN, too
			inside = append(inside, t)
		}
	}
	return inside
}
