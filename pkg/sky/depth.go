package sky

import (
	"cmp"
	"math"
	"slices"
)

// Footprint is an area on the sky that counts for a group: a quadrant counts
// for its exposure. Where several footprints of one group lie over each other,
// the group counts once.
type Footprint struct {
	Group   int     // from 0
	Outline []Coord // a polygon of great circles, not crossing itself
}

// Depth says how many groups lie over how much of a box: Depth[n] is the
// fraction of its area, from 0 to 1, that exactly n groups cover. The last is
// not nought; an empty Depth is that of nothing.
type Depth []float64

// Coverage is the fraction that at least one group covers.
func (d Depth) Coverage() float64 {
	var sum float64
	for n, f := range d {
		if n > 0 {
			sum += f
		}
	}
	return sum
}

// Mean is the mean number of groups over the box.
func (d Depth) Mean() float64 {
	var sum float64
	for n, f := range d {
		sum += float64(n) * f
	}
	return sum
}

// Range is the smallest and the largest number of groups over any part.
func (d Depth) Range() (low, high int) {
	for n, f := range d {
		if f > 0 {
			return n, len(d) - 1
		}
	}
	return 0, 0
}

// Round brings the fractions to a precision, such as 1e-6, and so takes off
// the slivers that neighbouring footprints leave between them: less than half
// of it is nothing.
func (d Depth) Round(precision float64) Depth {
	inverse := math.Round(1 / precision)
	r := make(Depth, len(d))
	last := 0
	for n, f := range d {
		r[n] = math.Round(f*inverse) / inverse
		if r[n] > 0 {
			last = n + 1
		}
	}
	return r[:last]
}

// Depth measures how many groups lie over how much of a box of the plane. It
// is exact for the polygons that it is given, up to rounding: the box is cut
// into strips in which no two edges cross and none begins or ends, so that all
// widths are linear in eta and their middles give the area. Footprints that
// reach 90 degrees from the plane's centre don't count.
//
// The area is the plane's, which differs from the sphere's by less than 1e-4
// of it within 20' of the centre.
func (t Tangent) Depth(b Box, footprints []Footprint) Depth {
	m := newMeasure(t, b, footprints)
	area := make([]float64, m.groups+1)
	for i := range len(m.turns) - 1 {
		m.strip(m.turns[i], m.turns[i+1], area)
	}
	whole := (b.XiMax - b.XiMin) * (b.EtaMax - b.EtaMin)
	if !(whole > 0) {
		return nil
	}
	last := 0
	for n := range area {
		area[n] /= whole
		if area[n] > 0 {
			last = n + 1
		}
	}
	return Depth(area[:last])
}

// edge is a side of a footprint's polygon, from the smaller eta to the larger.
// A side of the box is an edge of no footprint.
type edge struct {
	from, to  Offset
	footprint int // -1: a side of the box
	group     int
	low, high float64 // xi at the ends of the strip
}

func (e edge) at(eta float64) float64 {
	return e.from.Xi + (eta-e.from.Eta)/(e.to.Eta-e.from.Eta)*(e.to.Xi-e.from.Xi)
}

// measure is a box and the footprints over it, with the memory of the work.
type measure struct {
	box    Box
	edges  []edge    // by from.Eta
	turns  []float64 // where edges begin and end, and the box does, in order
	groups int

	begun  int    // edges that begin below the strip
	active []edge // those of them that don't end below it
	marks  []mark
	inside []bool // by footprint
	over   []int  // footprints, by group
}

type mark struct {
	xi float64
	edge
}

func newMeasure(plane Tangent, b Box, footprints []Footprint) *measure {
	m := &measure{box: b, turns: []float64{b.EtaMin, b.EtaMax}, inside: make([]bool, len(footprints))}
	for _, xi := range []float64{b.XiMin, b.XiMax} {
		m.edges = append(m.edges, edge{Offset{xi, b.EtaMin}, Offset{xi, b.EtaMax}, -1, -1, xi, xi})
	}
	for i, f := range footprints {
		polygon, ok := plane.polygon(f.Outline)
		if !ok || len(polygon) < 3 || b.aside(polygon) {
			continue
		}
		m.groups = max(m.groups, f.Group+1)
		p := polygon[len(polygon)-1]
		for _, q := range polygon {
			m.add(p, q, i, f.Group)
			p = q
		}
	}
	m.over = make([]int, m.groups)
	slices.SortStableFunc(m.edges, func(a, b edge) int { return cmp.Compare(a.from.Eta, b.from.Eta) })
	slices.Sort(m.turns)
	m.turns = slices.Compact(m.turns)
	return m
}

// add takes a side of a polygon if it reaches over the box's range of eta.
func (m *measure) add(p, q Offset, footprint, group int) {
	if p.Eta > q.Eta {
		p, q = q, p
	}
	if p.Eta == q.Eta || q.Eta <= m.box.EtaMin || p.Eta >= m.box.EtaMax {
		return
	}
	// Beside the box only the sides' order counts, and these are where most would cross.
	if x := m.box.XiMin; p.Xi <= x && q.Xi <= x {
		p.Xi, q.Xi = x, x
	} else if x := m.box.XiMax; p.Xi >= x && q.Xi >= x {
		p.Xi, q.Xi = x, x
	}
	m.edges = append(m.edges, edge{p, q, footprint, group, 0, 0})
	for _, eta := range []float64{p.Eta, q.Eta} {
		if eta > m.box.EtaMin && eta < m.box.EtaMax {
			m.turns = append(m.turns, eta)
		}
	}
}

// strip adds the areas of the strip between two turns. It cuts it where edges cross.
func (m *measure) strip(low, high float64, area []float64) {
	for ; m.begun < len(m.edges) && m.edges[m.begun].from.Eta <= low; m.begun++ {
		m.active = append(m.active, m.edges[m.begun])
	}
	m.active = slices.DeleteFunc(m.active, func(e edge) bool { return e.to.Eta <= low })
	for i := range m.active {
		e := &m.active[i]
		e.low, e.high = e.at(low), e.at(high)
	}
	slices.SortFunc(m.active, func(a, b edge) int { return cmp.Or(cmp.Compare(a.low, b.low), cmp.Compare(a.high, b.high)) })
	cuts := []float64{low, high}
	for i, e := range m.active {
		for _, f := range m.active[i+1:] {
			if e.high > f.high { // e before f below, and behind it above
				d := (f.low - e.low) / ((f.low - e.low) + (e.high - f.high))
				cuts = append(cuts, low+d*(high-low))
			}
		}
	}
	slices.Sort(cuts)
	for i := range len(cuts) - 1 {
		if h := cuts[i+1] - cuts[i]; h > 0 {
			m.line((cuts[i]+cuts[i+1])/2, h, area)
		}
	}
}

// line walks along a line of constant eta and adds the lengths under each
// number of groups, times a height.
func (m *measure) line(eta, height float64, area []float64) {
	m.marks = m.marks[:0]
	for _, e := range m.active {
		m.marks = append(m.marks, mark{e.at(eta), e})
	}
	slices.SortFunc(m.marks, func(a, b mark) int { return cmp.Compare(a.xi, b.xi) })
	clear(m.inside)
	clear(m.over)
	depth, last := 0, m.box.XiMin
	for _, k := range m.marks {
		xi := min(max(k.xi, m.box.XiMin), m.box.XiMax)
		area[depth] += (xi - last) * height
		last = xi
		if k.footprint < 0 {
			continue
		}
		if m.inside[k.footprint] = !m.inside[k.footprint]; m.inside[k.footprint] {
			if m.over[k.group]++; m.over[k.group] == 1 {
				depth++
			}
		} else if m.over[k.group]--; m.over[k.group] == 0 {
			depth--
		}
	}
	area[depth] += (m.box.XiMax - last) * height
}
