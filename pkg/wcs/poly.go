package wcs

const (
	maxDegree = 9  // SIP's; TPV's is 7
	termCount = 40 // of one TPV polynomial, 0 to 39
)

// poly is a polynomial in u and v, and in r = hypot(u, v) for TPV.
type poly struct {
	c      [maxDegree + 1][maxDegree + 1]float64 // [j][i] is that of u^i v^j
	radial [4]float64                            // of r, r^3, r^5, r^7
	degree int                                   // highest without r
	round  bool                                  // has a term with r
}

// add adds to the coefficient of u^i v^j.
func (p *poly) add(i, j int, c float64) {
	p.c[j][i] += c
	if c != 0 {
		p.degree = max(p.degree, i+j)
	}
}

// addRadial adds to the coefficient of r^d, d odd.
func (p *poly) addRadial(d int, c float64) {
	p.radial[d/2] += c
	p.round = p.round || c != 0
}

// value returns the polynomial's value; r is hypot(u, v), needed for round ones.
func (p *poly) value(u, v, r float64) (f float64) {
	for j := p.degree; j >= 0; j-- {
		row := &p.c[j]
		a := 0.0
		for i := p.degree - j; i >= 0; i-- {
			a = a*u + row[i]
		}
		f = f*v + a
	}
	if p.round {
		rr := r * r
		f += r * (p.radial[0] + rr*(p.radial[1]+rr*(p.radial[2]+rr*p.radial[3])))
	}
	return f
}

// eval returns the value and the partial derivatives, by Horner's scheme in both
// variables. At the centre the cone r has no slope; its mean, 0, is taken.
func (p *poly) eval(u, v, r float64) (f, fu, fv float64) {
	for j := p.degree; j >= 0; j-- {
		row := &p.c[j]
		a, au := 0.0, 0.0
		for i := p.degree - j; i >= 0; i-- {
			au = au*u + a
			a = a*u + row[i]
		}
		fv = fv*v + f
		f = f*v + a
		fu = fu*v + au
	}
	if p.round && r > 0 {
		rr := r * r
		f += r * (p.radial[0] + rr*(p.radial[1]+rr*(p.radial[2]+rr*p.radial[3])))
		slope := (p.radial[0] + rr*(3*p.radial[1]+rr*(5*p.radial[2]+rr*7*p.radial[3]))) / r
		fu += slope * u
		fv += slope * v
	}
	return f, fu, fv
}

// homogeneous returns the part of degree d, without r, at (u, v).
func (p *poly) homogeneous(d int, u, v float64) (f float64) {
	if d > p.degree {
		return 0
	}
	power := 1.0
	for j := 0; j <= d; j++ {
		term := p.c[j][d-j] * power
		for range d - j {
			term *= u
		}
		f += term
		power *= v
	}
	return f
}

// tpvTerm says what term m of a TPV polynomial is: x^(degree-k) y^k, or
// r^degree. The terms run through the degrees, in each from x^degree to
// y^degree; those of an odd degree are followed by the power of r.
func tpvTerm(m int) (degree, k int, radial bool) {
	for first := 0; ; degree++ {
		switch k = m - first; {
		case k <= degree:
			return degree, k, false
		case k == degree+1 && degree%2 == 1:
			return degree, 0, true
		}
		first += degree + 1 + degree%2
	}
}
