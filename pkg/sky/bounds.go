package sky

import "math"

// Range is a low and a high value in degrees.
type Range = [2]float64

// Bounds are the ranges of RA and Dec that a box of the plane covers, exact
// although its edges are curves in RA and Dec. The RA range starts in [0, 360)
// and is unwrapped where it crosses RA 0 ([359.9, 360.1]); where the box holds
// a pole, edges included, it is [0, 360] and the Dec range ends at that pole.
func (t Tangent) Bounds(b Box) (ra, dec Range) {
	dec = t.decRange(b)
	for _, pole := range []float64{-90, 90} {
		if o, ok := t.Project(Coord{Dec: pole}); ok && b.covers(o) {
			if pole < 0 {
				dec[0] = pole
			} else {
				dec[1] = pole
			}
			return Range{0, 360}, dec
		}
	}
	return t.raRange(b), dec
}

// decRange has its extremes at corners or where an edge, a great circle, runs
// along a parallel. On an edge with
//
//	sin(dec) = (sin(dec0) + eta cos(dec0)) / sqrt(1 + xi^2 + eta^2)
//
// (angles in radians) that is at xi = 0 where eta is constant, and at
// eta = (1 + xi^2) / tan(dec0) where xi is.
func (t Tangent) decRange(b Box) Range {
	corners := b.Corners()
	turns := corners[:]
	if b.XiMin < 0 && b.XiMax > 0 {
		turns = append(turns, Offset{0, b.EtaMin}, Offset{0, b.EtaMax})
	}
	tan := math.Tan(t.centre.Dec * deg)
	for _, xi := range []float64{b.XiMin, b.XiMax} {
		if eta := (1 + xi*xi*deg*deg) / tan / deg; eta > b.EtaMin && eta < b.EtaMax {
			turns = append(turns, Offset{xi, eta})
		}
	}
	r := Range{math.Inf(1), math.Inf(-1)}
	for _, o := range turns {
		dec := t.Deproject(o).Dec
		r[0], r[1] = math.Min(r[0], dec), math.Max(r[1], dec)
	}
	return r
}

// raRange is for boxes without a pole. RA only grows or only falls along a
// great circle, so the corners hold the extremes; a convex area without a pole
// spans at most 180 degrees, so each is less than that from the centre's RA.
func (t Tangent) raRange(b Box) Range {
	middle := t.Deproject(b.Centre()).RA
	r := Range{math.Inf(1), math.Inf(-1)}
	for _, o := range b.Corners() {
		d := math.Remainder(t.Deproject(o).RA-middle, 360)
		r[0], r[1] = math.Min(r[0], d), math.Max(r[1], d)
	}
	low := Normalize(Coord{RA: middle + r[0]}).RA
	return Range{low, low + (r[1] - r[0])}
}
