package sky

import "math"

// Box is a rectangle in a tangent plane, in degrees. Its lower edges belong to
// it, its upper edges don't.
type Box struct{ XiMin, XiMax, EtaMin, EtaMax float64 }

// Contains says whether a point lies in the box.
func (b Box) Contains(o Offset) bool {
	return o.Xi >= b.XiMin && o.Xi < b.XiMax && o.Eta >= b.EtaMin && o.Eta < b.EtaMax
}

// Grow moves every edge outwards by some degrees.
func (b Box) Grow(deg float64) Box {
	return Box{b.XiMin - deg, b.XiMax + deg, b.EtaMin - deg, b.EtaMax + deg}
}

// Centre is the middle of the box.
func (b Box) Centre() Offset {
	return Offset{Xi: (b.XiMin + b.XiMax) / 2, Eta: (b.EtaMin + b.EtaMax) / 2}
}

// Corners are the box's corners, counter-clockwise in (xi, eta) from the lower edges' one.
func (b Box) Corners() [4]Offset {
	return [4]Offset{
		{b.XiMin, b.EtaMin}, {b.XiMax, b.EtaMin},
		{b.XiMax, b.EtaMax}, {b.XiMin, b.EtaMax},
	}
}

// covers is Contains with all edges in.
func (b Box) covers(o Offset) bool {
	return o.Xi >= b.XiMin && o.Xi <= b.XiMax && o.Eta >= b.EtaMin && o.Eta <= b.EtaMax
}

// overlaps says whether the interiors of the box and a polygon have a point in
// common. The polygon may be concave; it is closed implicitly.
//
// Either an edge of the polygon passes through the box's interior, or none
// does; then the interior lies wholly inside or wholly outside, and its centre
// tells which.
func (b Box) overlaps(polygon []Offset) bool {
	if len(polygon) < 3 || b.aside(polygon) {
		return false
	}
	p := polygon[len(polygon)-1]
	for _, q := range polygon {
		if b.crossed(p, q) {
			return true
		}
		p = q
	}
	return inside(b.Centre(), polygon)
}

// aside says whether one of the box's edges has the whole polygon on its outer side.
func (b Box) aside(polygon []Offset) bool {
	west, east, south, north := true, true, true, true
	for _, p := range polygon {
		west = west && p.Xi <= b.XiMin
		east = east && p.Xi >= b.XiMax
		south = south && p.Eta <= b.EtaMin
		north = north && p.Eta >= b.EtaMax
	}
	return west || east || south || north
}

// crossed says whether a segment has a point in the box's interior: its
// parameter is cut down to the slab of xi and then to that of eta.
func (b Box) crossed(p, q Offset) bool {
	t0, t1 := 0.0, 1.0
	cut := func(from, to, low, high float64) bool {
		d := to - from
		if d == 0 {
			return from > low && from < high
		}
		enter, leave := (low-from)/d, (high-from)/d
		if d < 0 {
			enter, leave = leave, enter
		}
		t0, t1 = math.Max(t0, enter), math.Min(t1, leave)
		return t0 < t1
	}
	return cut(p.Xi, q.Xi, b.XiMin, b.XiMax) && cut(p.Eta, q.Eta, b.EtaMin, b.EtaMax)
}

// inside is the even-odd rule. Each edge holds its lower end and not its upper one.
func inside(o Offset, polygon []Offset) bool {
	odd := false
	p := polygon[len(polygon)-1]
	for _, q := range polygon {
		if (p.Eta <= o.Eta) != (q.Eta <= o.Eta) {
			if o.Xi < p.Xi+(o.Eta-p.Eta)/(q.Eta-p.Eta)*(q.Xi-p.Xi) {
				odd = !odd
			}
		}
		p = q
	}
	return odd
}
