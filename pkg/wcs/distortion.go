package wcs

import "math"

// distortion is a map of a plane onto itself: of pixels from the reference pixel
// (SIP), or of degrees in the tangent plane (TPV).
type distortion struct {
	f, g poly
	// What bounds the map's curvature, for the inverse: bend[d] times s^(d-2) is
	// that of the terms of degree d at distance s from the centre, and kink is the
	// largest jump of the derivative at the centre, which only r has.
	bend        [maxDegree + 1]float64
	kink        float64
	centre      local
	orientation float64 // sign of the determinant at the centre
}

// local is a distortion's value and derivative at one point.
type local struct{ f, fu, fv, g, gu, gv float64 }

func (l *local) det() float64 { return l.fu*l.gv - l.fv*l.gu }

// finish computes what the inverse needs once the coefficients are there.
func (d *distortion) finish() {
	d.centre = d.eval(0, 0)
	d.orientation = math.Copysign(1, d.centre.det())
	// By Banach, the second derivative of a homogeneous polynomial of degree n is
	// at most n(n-1) s^(n-2) times its maximum on the unit circle. By Bernstein,
	// that is at most the maximum over N points of it over cos(pi n/N).
	const half = 32 // N/2: the other half of the circle repeats it but for the sign
	for i := range half {
		sin, cos := math.Sincos(math.Pi * float64(i) / half)
		for n := 2; n <= max(d.f.degree, d.g.degree); n++ {
			d.bend[n] = max(d.bend[n], math.Hypot(d.f.homogeneous(n, cos, sin), d.g.homogeneous(n, cos, sin)))
		}
	}
	for n := 2; n <= maxDegree; n++ {
		d.bend[n] /= math.Cos(math.Pi * float64(n) / (2 * half))
		if n%2 == 1 && n/2 < len(d.f.radial) {
			d.bend[n] += math.Hypot(d.f.radial[n/2], d.g.radial[n/2])
		}
		d.bend[n] *= float64(n * (n - 1))
	}
	d.kink = 2 * math.Hypot(d.f.radial[0], d.g.radial[0])
}

// curvature bounds the norm of the second derivative within s of the centre.
func (d *distortion) curvature(s float64) (m float64) {
	for n := max(d.f.degree, d.g.degree, 7); n >= 2; n-- {
		m = m*s + d.bend[n]
	}
	return m
}

func (d *distortion) radius(u, v float64) float64 {
	if d.f.round || d.g.round {
		return math.Sqrt(u*u + v*v)
	}
	return 0
}

func (d *distortion) apply(u, v float64) (a, b float64) {
	r := d.radius(u, v)
	return d.f.value(u, v, r), d.g.value(u, v, r)
}

func (d *distortion) eval(u, v float64) (l local) {
	r := d.radius(u, v)
	l.f, l.fu, l.fv = d.f.eval(u, v, r)
	l.g, l.gu, l.gv = d.g.eval(u, v, r)
	return l
}

// jacobian is the derivative as a matrix.
func (d *distortion) jacobian(u, v float64) [2][2]float64 {
	l := d.eval(u, v)
	return [2][2]float64{{l.fu, l.fv}, {l.gu, l.gv}}
}

// invert finds the point that the map takes to (a, b), to within tolerance.
//
// It is Newton's method from the centre, with steps no longer than the bound on
// the curvature proves safe: by Kantorovich's theorem for a whole step, and
// short enough for the map to be one to one within reach of a shortened one. The
// steps keep near the preimage of the straight line from the centre's image to
// (a, b), and none crosses a fold: they can't end on another sheet. Where a fold
// bars the way they shrink to nothing, which fails. The distortion of a good
// image needs no shortening, and 2 or 3 steps.
func (d *distortion) invert(a, b, tolerance float64) (u, v float64, ok bool) {
	const (
		maxSteps = 1000
		safe     = 0.5 // of Kantorovich's theorem
		shortest = 0x1p-30
		noise    = 100 // tolerances in which rounding may keep Newton's method from settling
	)
	at, last := d.centre, math.Inf(1)
	for range maxSteps {
		det := at.det()
		ea, eb := a-at.f, b-at.g
		du, dv := (at.gv*ea-at.fv*eb)/det, (at.fu*eb-at.gu*ea)/det
		step := math.Sqrt(du*du + dv*dv)
		switch {
		case !(det*d.orientation > 0) || !(step <= math.MaxFloat64):
			return 0, 0, false
		case step <= tolerance, step <= noise*tolerance && step >= last/2:
			return u + du, v + dv, true
		}
		// The norm of the inverse derivative, by Frobenius; the distance from the
		// centre; the share of the step to take.
		inverse := math.Sqrt(at.fu*at.fu+at.fv*at.fv+at.gu*at.gu+at.gv*at.gv) / math.Abs(det)
		s := math.Sqrt(u*u + v*v)
		share := 1.0
		for !(inverse*(d.kink+d.curvature(s+2*share*step)*share*step) <= safe) {
			if share /= 2; share < shortest {
				return 0, 0, false
			}
		}
		u, v, last = u+share*du, v+share*dv, step
		at = d.eval(u, v)
	}
	return 0, 0, false
}
