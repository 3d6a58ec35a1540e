package index

import (
	"cmp"
	"math"
	"strings"

	"github.com/golang/geo/r3"
	"github.com/golang/geo/s2"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

// Precision is what an outline's coordinates are rounded to: 1 mas, in degrees.
const Precision = 1.0 / 3600 / 1000

const (
	minPoints = 3
	maxPoints = 1 << 12
	maxReach  = 5 // degrees from a quadrant's centre to its outline: far more than any has
)

// row is a quadrant as the files hold it.
type row struct {
	cell     s2.CellID
	exposure euclid.ExposureID
	name     string
	exptime  float64
	segments [6]euclid.Segment // SCI, RMS, FLG, BKG, WGT, PSF; see follows
	outline  []int32           // coded
}

// follows says of the i-th segment that its offset counts from the end of the one
// before: RMS and FLG lie behind their SCI, nearly always with nothing between.
func follows(i int) bool { return i == 1 || i == 2 }

// compare orders rows by place and then by name.
func (r *row) compare(s *row) int {
	if c := cmp.Compare(r.cell, s.cell); c != 0 {
		return c
	}
	return cmp.Or(r.exposure.Compare(s.exposure), strings.Compare(r.name, s.name))
}

// Check says why a quadrant can't be in an index: its outline is not one.
func Check(q euclid.Quadrant) error {
	_, _, _, err := newRow(&q, nil)
	return err
}

// newRow codes a quadrant. Its outline is appended to slab, which is returned
// longer; reach is how far the outline goes from the cell's centre, in degrees.
func newRow(q *euclid.Quadrant, slab []int32) (r row, reach float64, _ []int32, err error) {
	refuse := func(format string, a ...any) (row, float64, []int32, error) {
		return row{}, 0, slab, fault.Data("FootprintOutline", format, a...).At("exposure %s, quadrant %s", q.Exposure, q.Name)
	}
	if n := len(q.Outline); n < minPoints || n > maxPoints {
		return refuse("its outline has %d points", n)
	}
	var sum r3.Vector
	for _, c := range q.Outline {
		sum = sum.Add(point(c).Vector)
	}
	if n := sum.Norm(); !(n > 0.5) { // NaN too
		return refuse("its outline is not around one place")
	}
	r = row{
		cell: s2.CellFromPoint(s2.Point{Vector: sum.Normalize()}).ID(), exposure: q.Exposure, name: q.Name, exptime: q.ExpTime,
		segments: [...]euclid.Segment{q.SCI, q.RMS, q.FLG, q.BKG, q.WGT, q.PSF},
	}
	for i := len(r.segments) - 1; i > 0; i-- {
		if before := r.segments[i-1]; follows(i) {
			r.segments[i].Offset -= before.Offset + before.Length
		}
	}
	centre := place(r.cell)
	plane, start := sky.NewTangent(centre), len(slab)
	for _, c := range q.Outline {
		d := sky.Separation(centre, c)
		if !(d <= maxReach) {
			return refuse("its outline reaches %.1f degrees from its centre", d)
		}
		reach = max(reach, d)
		o, _ := plane.Project(c)
		slab = append(slab, int32(math.Round(o.Xi/Precision)), int32(math.Round(o.Eta/Precision)))
	}
	r.outline = slab[start:len(slab):len(slab)]
	code(r.outline)
	return r, reach, slab, nil
}

// quadrant decodes the row.
func (r *row) quadrant() euclid.Quadrant {
	points := make([]int32, len(r.outline))
	copy(points, r.outline)
	decode(points)
	plane, outline := sky.NewTangent(place(r.cell)), make([]sky.Coord, len(points)/2)
	for i := range outline {
		outline[i] = plane.Deproject(sky.Offset{Xi: float64(points[2*i]) * Precision, Eta: float64(points[2*i+1]) * Precision})
	}
	s := r.segments
	for i := range s {
		if follows(i) {
			s[i].Offset += s[i-1].Offset + s[i-1].Length
		}
	}
	return euclid.Quadrant{
		Exposure: r.exposure, Name: r.name, ExpTime: r.exptime, Outline: outline,
		SCI: s[0], RMS: s[1], FLG: s[2], BKG: s[3], WGT: s[4], PSF: s[5],
	}
}

// code turns points xi, eta, xi, eta, ... in units of the precision into what
// the file holds, in place. It is exact for any values, by wrapping.
func code(v []int32) {
	n := len(v) / 2
	for axis := range 2 {
		first, mean := v[axis], relativeMean(v, axis)
		for i := n - 1; i > 0; i-- { // steps
			v[2*i+axis] -= v[2*(i-1)+axis]
		}
		for i := n - 1; i > 1; i-- { // what the prediction of a step misses
			v[2*i+axis] -= predicted(v, i, axis)
		}
		v[axis] = first + mean
	}
	for i, x := range v {
		v[i] = x<<1 ^ x>>31
	}
}

// decode undoes code, in place.
func decode(v []int32) {
	n := len(v) / 2
	for i, x := range v {
		v[i] = int32(uint32(x)>>1) ^ -(x & 1)
	}
	for axis := range 2 {
		anchor := v[axis]
		for i := 2; i < n; i++ {
			v[2*i+axis] += predicted(v, i, axis)
		}
		v[axis] = 0
		for i := 1; i < n; i++ {
			v[2*i+axis] += v[2*(i-1)+axis]
		}
		first := anchor - relativeMean(v, axis)
		for i := range n {
			v[2*i+axis] += first
		}
	}
}

// predicted is what the i-th step is taken to be, given the steps before it.
func predicted(v []int32, i, axis int) int32 {
	if n := len(v) / 2; n%2 == 0 && i > n/2 {
		return -v[2*(i-n/2)+axis]
	}
	return v[2*(i-1)+axis]
}

// relativeMean is the points' mean, from the first, rounded to zero.
func relativeMean(v []int32, axis int) int32 {
	var sum int64
	for i := axis; i < len(v); i += 2 {
		sum += int64(v[i] - v[axis])
	}
	return int32(sum / int64(len(v)/2))
}

func point(c sky.Coord) s2.Point { return s2.PointFromLatLng(s2.LatLngFromDegrees(c.Dec, c.RA)) }

// place is a cell's centre.
func place(cell s2.CellID) sky.Coord {
	at := cell.LatLng()
	return sky.Normalize(sky.Coord{RA: at.Lng.Degrees(), Dec: at.Lat.Degrees()})
}
