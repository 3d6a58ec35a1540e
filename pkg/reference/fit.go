package reference

import "math"

// fitter fits one source at a time, with memory of its own.
type fitter struct {
	disc   [len(discFluxes)]discTerm
	stamps []stamp
	views  []view
	canvas canvas
	read   buffers
}

func newFitter() *fitter { return &fitter{disc: disc()} }

// crowd is what neighbours do to a source: their share of the light in its
// centre, and the chi-square of their light in all its stamps.
type crowd struct{ share, chi2 float64 }

// load reads a source's stamps and takes the light of its neighbours away.
func (f *fitter) load(quadrants []*quadrant, s *source, models []model) (around crowd, err error) {
	f.views = s.views
	if n := cap(f.stamps); n < len(s.views) {
		f.stamps = append(f.stamps[:n], make([]stamp, len(s.views)-n)...)
	}
	f.stamps = f.stamps[:len(s.views)] // those beyond keep their memory
	var own, others float64
	for i := range s.views {
		v, st := &s.views[i], &f.stamps[i]
		st.x0, st.y0, st.nx, st.ny = v.window.x0, v.window.y0, v.window.nx, v.window.ny
		if err := quadrants[v.quadrant].read(st, &f.read); err != nil {
			return crowd{}, err
		}
		if len(s.near) == 0 {
			continue
		}
		c := &f.canvas
		c.reset(st.x0, st.y0, st.nx, st.ny, false)
		for _, n := range s.near {
			other := models[n.index]
			if other.flux > 0 {
				f.draw(c, v, other, n.u+other.u, n.v+other.v)
			}
		}
		const inner = 3.0 // pixels
		for k, light := range c.value {
			st.value[k] -= light
			around.chi2 += st.weight[k] * light * light
			x, y := float64(st.x0+k%st.nx)-v.x, float64(st.y0+k/st.nx)-v.y
			if x*x+y*y < inner*inner {
				others += light
				own += math.Abs(st.value[k])
			}
		}
	}
	around.share = others / (own + others + 1e-30)
	return around, nil
}

// draw adds a model to a canvas, in ADU.
func (f *fitter) draw(c *canvas, v *view, m model, u, w float64) {
	cov, _ := m.shape.covariance()
	x, y, xx, xy, yy := v.place(u, w, cov)
	for _, d := range f.disc {
		for _, p := range v.psf {
			c.draw(gaussian{
				m.flux * v.scale * d.flux * p.flux, x + p.x, y + p.y,
				p.xx + d.variance*xx, p.xy + d.variance*xy, p.yy + d.variance*yy,
			})
		}
	}
}

func (f *fitter) confine(p []float64) {
	if r := math.Hypot(p[0], p[1]); r > furthest {
		p[0], p[1] = p[0]*furthest/r, p[1]*furthest/r
	}
	p[3] = min(max(p[3], 2*math.Log(smallest)), 2*math.Log(largest))
	if q := math.Hypot(p[4], p[5]); q > extreme {
		p[4], p[5] = p[4]*extreme/q, p[5]*extreme/q
	}
}

// evaluate is chi-square over all stamps, with its derivatives.
func (f *fitter) evaluate(p []float64, s *system) {
	s.clear()
	m := modelOf(p)
	cov, slopes := m.shape.covariance()
	var g [parameters]float64
	c := &f.canvas
	for i := range f.views {
		v, st := &f.views[i], &f.stamps[i]
		c.reset(st.x0, st.y0, st.nx, st.ny, true)
		x, y, xx, xy, yy := v.place(m.u, m.v, cov)
		for _, d := range f.disc {
			for _, q := range v.psf {
				c.drawWithSlopes(gaussian{
					v.scale * d.flux * q.flux, x + q.x, y + q.y,
					q.xx + d.variance*xx, q.xy + d.variance*xy, q.yy + d.variance*yy,
				}, d.variance)
			}
		}
		var turned [3][3]float64
		for k := range slopes {
			turned[k] = v.rotate(slopes[k])
		}
		t := &v.turn
		for k, w := range st.weight {
			if w == 0 {
				continue
			}
			dx, dy := m.flux*c.dx[k], m.flux*c.dy[k]
			g[0] = dx*t[0][0] + dy*t[1][0]
			g[1] = dx*t[0][1] + dy*t[1][1]
			g[2] = c.value[k]
			hx, hm, hy := m.flux*c.xx[k], m.flux*c.xy[k], m.flux*c.yy[k]
			for j := range turned {
				d := &turned[j]
				g[3+j] = hx*d[0] + hm*d[1] + hy*d[2]
			}
			add(s, st.value[k]-m.flux*c.value[k], w, &g)
		}
	}
	f.bound(p, s)
	s.mirror()
}

// add is [system.add] for the number of parameters that the compiler knows.
func add(s *system, residual, weight float64, g *[parameters]float64) {
	s.chi2 += weight * residual * residual
	h, b := (*[parameters * parameters]float64)(s.h), (*[parameters]float64)(s.g)
	for i := range parameters {
		w := weight * g[i]
		b[i] += w * residual
		row := h[i*parameters : (i+1)*parameters : (i+1)*parameters]
		for j := range i + 1 {
			row[j] += w * g[j]
		}
	}
}

// bound takes out of the system what is at its bound and wants beyond it, so
// that the others converge.
func (f *fitter) bound(p []float64, s *system) {
	const almost = 1 - 1e-9
	if r := math.Hypot(p[0], p[1]); r > almost*furthest && p[0]*s.g[0]+p[1]*s.g[1] > 0 {
		s.freeze(0)
		s.freeze(1)
	}
	if p[3] <= 2*math.Log(smallest) && s.g[3] < 0 || p[3] >= 2*math.Log(largest) && s.g[3] > 0 {
		s.freeze(3)
	}
	if q := math.Hypot(p[4], p[5]); q > almost*extreme && p[4]*s.g[4]+p[5]*s.g[5] > 0 {
		s.freeze(4)
		s.freeze(5)
	}
}

const (
	enough    = 1e-3 // decrease of chi-square below which a fit has converged: 3% of an error
	quiet     = 0.3  // chi-square of neighbours' light below which it need not be known better
	maxRounds = 25   // of Levenberg and Marquardt's method
)

// fit measures the source whose stamps were loaded, from a first guess.
func (f *fitter) fit(s *source, from model, around crowd) Fit {
	out := Fit{ID: s.id, Flags: s.flags, disturbed: around.chi2 > quiet, Exposures: s.covered, model: from}
	total, used := 0, 0
	for i := range f.stamps {
		total += len(f.stamps[i].weight)
		for _, w := range f.stamps[i].weight {
			if w > 0 {
				used++
			}
		}
	}
	if used < 5*parameters {
		out.Flags |= FlagNoData
		out.Exposures = 0
		return out
	}
	out.Masked = 1 - float64(used)/float64(total)
	p, sys := from.vector(), newSystem(parameters)
	out.set(FlagNotConverged, !minimize(f, p, sys, enough, maxRounds))
	out.model, out.Chi2, out.DOF = modelOf(p), sys.chi2, used-parameters
	out.SNR = out.flux * math.Sqrt(sys.h[2*parameters+2])
	if cov, ok := sys.covariance(); ok {
		out.Covariance = cov
	} else {
		out.Flags |= FlagNotConverged
	}
	out.shear()
	f.rounded(&out, sys)
	q := math.Hypot(out.shape.b, out.shape.c)
	out.set(FlagUnresolved, out.Radius() < resolved)
	out.set(FlagExtreme, q > 0.999*extreme || out.Radius() > 0.999*largest)
	out.set(FlagStrayed, math.Hypot(out.u, out.v) > strayed)
	out.set(FlagPoorFit, out.Chi2 > (poor+5*math.Sqrt(2/float64(out.DOF)))*float64(out.DOF))
	out.set(FlagFaint, !(out.RoundSNR >= faint))
	out.set(FlagMasked, out.Masked > 0.2)
	out.set(FlagBlended, around.share > 0.05)
	return out
}

// shear computes E and its errors from the shape's.
func (f *Fit) shear() {
	g, d := f.shape.shear()
	f.E = g
	if f.Covariance == nil {
		return
	}
	const b, c = 4, 5
	bb, bc, cc := f.Covariance[b*parameters+b], f.Covariance[b*parameters+c], f.Covariance[c*parameters+c]
	for i := range g {
		f.EErr[i] = math.Sqrt(max(0, d[i][0]*d[i][0]*bb+2*d[i][0]*d[i][1]*bc+d[i][1]*d[i][1]*cc))
	}
}

// rounded asks what the errors were if the source were round: selection and
// weights that don't know a source's shape don't bias the mean of shapes.
func (f *fitter) rounded(out *Fit, sys *system) {
	round := out.model
	round.shape.b, round.shape.c = 0, 0
	f.evaluate(round.vector(), sys)
	out.RoundSNR = out.flux * math.Sqrt(sys.h[2*parameters+2])
	out.RoundErr = math.Inf(1)
	if cov, ok := sys.covariance(); ok {
		// An ellipticity is half of (b, c) near zero.
		out.RoundErr = math.Sqrt((cov[4*parameters+4]+cov[5*parameters+5])/2) / 2
	} else {
		out.Flags |= FlagNotConverged
	}
}
