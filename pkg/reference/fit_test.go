package reference

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cosmostat/constellation/pkg/sky"
)

// exactDisc is the value at a radius of an exponential disc of half-light radius 1 and unit flux.
func exactDisc(r float64) float64 {
	const k = 1.6783469900166605
	return k * k / (2 * math.Pi) * math.Exp(-k*r)
}

// TestDisc holds the mixture against the profile: flux, half-light radius,
// second moment (6/k^2 for the sum of both axes), and the profile itself once a
// PSF a fifth as large has smoothed it.
func TestDisc(t *testing.T) {
	flux, moment, inside := 0.0, 0.0, 0.0
	for _, d := range disc() {
		flux += d.flux
		moment += 2 * d.flux * d.variance
		inside += d.flux * (1 - math.Exp(-0.5/d.variance))
	}
	for _, c := range []struct {
		what            string
		got, want, most float64
	}{
		{"flux", flux, 1, 1e-12}, {"second moment", moment, 6 / (1.6783469900166605 * 1.6783469900166605), 0.02}, {"flux inside 1", inside, 0.5, 1e-3},
	} {
		if math.Abs(c.got-c.want) > c.most {
			t.Errorf("%s is %g, not %g", c.what, c.got, c.want)
		}
	}
	// Hankel transforms: of the disc (1 + k^2/c^2)^(-3/2), with the PSF's exp(-k^2 s^2/2).
	for r := 0.0; r < 4; r += 0.25 {
		exact, mixed := 0.0, 0.0
		const step = 0.01
		for k := step / 2; k < 30; k += step {
			psf := math.Exp(-k * k * 0.04 / 2)
			exact += step * k * math.J0(k*r) * math.Pow(1+k*k/(1.6783469900166605*1.6783469900166605), -1.5) * psf / (2 * math.Pi)
		}
		for _, d := range disc() {
			v := d.variance + 0.04
			mixed += d.flux / (2 * math.Pi * v) * math.Exp(-r*r/(2*v))
		}
		if math.Abs(mixed-exact) > 2e-3*exactDisc(0) {
			t.Errorf("at radius %.2f the mixture is %g, the disc %g", r, mixed, exact)
		}
	}
}

func TestEllipse(t *testing.T) {
	for _, e := range []ellipse{{0, 0, 0}, {-2, 1e-4, -2e-4}, {-1.5, 0.3, -0.2}, {0.5, -2, 1}} {
		_, d := e.covariance()
		_, dg := e.shear()
		const h = 1e-6
		for i := range 3 {
			low, high := e, e
			move(&low, i, -h)
			move(&high, i, h)
			ml, _ := low.covariance()
			mh, _ := high.covariance()
			for j := range 3 {
				if got, want := d[i][j], (mh[j]-ml[j])/(2*h); math.Abs(got-want) > 1e-7*(1+math.Abs(want)) {
					t.Errorf("%+v: derivative %d of covariance %d is %g, not %g", e, i, j, got, want)
				}
			}
			if i == 0 {
				continue
			}
			gl, _ := low.shear()
			gh, _ := high.shear()
			for j := range 2 {
				if got, want := dg[j][i-1], (gh[j]-gl[j])/(2*h); math.Abs(got-want) > 1e-7 {
					t.Errorf("%+v: derivative %d of ellipticity %d is %g, not %g", e, i, j, got, want)
				}
			}
		}
		g, _ := e.shear()
		if back := sheared(e.radius(), g[0], g[1]); math.Abs(back.a-e.a)+math.Abs(back.b-e.b)+math.Abs(back.c-e.c) > 1e-9 {
			t.Errorf("%+v comes back as %+v", e, back)
		}
	}
}

func move(e *ellipse, i int, by float64) { *[]*float64{&e.a, &e.b, &e.c}[i] += by }

// scene is a source seen by two exposures of unlike orientation, scale and PSF,
// one of them with a mirrored frame, drawn by brute force.
func scene(t *testing.T, truth model, noise float64, seed uint64) (*fitter, *source) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	f, s := newFitter(), &source{id: 1, pos: sky.Coord{RA: 10, Dec: 20}, covered: 2}
	for i, turn := range [][2][2]float64{{{9.9, 0.6}, {-0.5, 10.1}}, {{-3, 9.5}, {9.6, 2.8}}} {
		v := view{x: 20.3 + float64(i), y: 21.6, turn: turn, scale: 1000 * float64(1+i)}
		for k, c := range [psfTerms][2]float64{{0.72, 0.8}, {0.18, 2}, {0.1, 8}} {
			m, _ := sheared(c[1], 0.05-0.1*float64(i), 0.03).covariance()
			v.psf[k] = gaussian{c[0], 0.02, -0.03, m[0], m[1], m[2]}
		}
		v.window = stamp{x0: 1, y0: 1, nx: 41, ny: 43}
		st := v.window
		st.value, st.weight = make([]float64, st.nx*st.ny), make([]float64, st.nx*st.ny)
		cov, _ := truth.shape.covariance()
		x, y, xx, xy, yy := v.place(truth.u, truth.v, cov)
		for k := range st.value {
			px, py := float64(1+k%st.nx), float64(1+k/st.nx)
			for _, d := range disc() {
				for _, p := range v.psf {
					cxx, cxy, cyy := p.xx+d.variance*xx, p.xy+d.variance*xy, p.yy+d.variance*yy
					det := cxx*cyy - cxy*cxy
					dx, dy := px-x-p.x, py-y-p.y
					st.value[k] += truth.flux * v.scale * d.flux * p.flux / (2 * math.Pi * math.Sqrt(det)) *
						math.Exp(-0.5*(cyy*dx*dx-2*cxy*dx*dy+cxx*dy*dy)/det)
				}
			}
			st.value[k] += noise * r.NormFloat64()
			st.weight[k] = 1 / (noise * noise)
			if k%97 == 0 {
				st.value[k], st.weight[k] = 1e6, 0 // masked
			}
		}
		s.views = append(s.views, v)
		f.stamps = append(f.stamps, st)
	}
	f.views = s.views
	return f, s
}

var example = model{0.03, -0.02, 5, sheared(0.4, 0.25, -0.15)}

// TestJacobian compares derivatives with differences of chi-square.
func TestJacobian(t *testing.T) {
	f, _ := scene(t, example, 4, 1)
	at := model{0.01, 0.01, 4.5, sheared(0.35, 0.1, 0.05)}
	s := newSystem(parameters)
	f.evaluate(at.vector(), s)
	g := append([]float64(nil), s.g...)
	for i := range parameters {
		const h = 1e-4
		p := at.vector()
		p[i] += h
		f.evaluate(p, s)
		high := s.chi2
		p[i] -= 2 * h
		f.evaluate(p, s)
		want := -(high - s.chi2) / (4 * h)
		if math.Abs(g[i]-want) > 2e-4*math.Abs(want)+1e-2 {
			t.Errorf("descent along parameter %d is %g, differences say %g", i, g[i], want)
		}
	}
}

// TestFit recovers a source without bias and with honest errors.
func TestFit(t *testing.T) {
	guess := model{0, 0, 3, ellipse{a: 2 * math.Log(0.25)}}
	f, s := scene(t, example, 1e-3, 1)
	got := f.fit(s, guess, crowd{})
	for i, v := range got.vector() {
		if want := example.vector()[i]; math.Abs(v-want) > 1e-3 {
			t.Errorf("almost without noise: parameter %d is %.6f, not %.6f", i, v, want)
		}
	}
	var pulls [parameters]float64
	chi2 := 0.0
	const n = 60
	for i := range n {
		f, s := scene(t, example, 4, uint64(i))
		got := f.fit(s, guess, crowd{})
		if got.Flags != 0 {
			t.Fatalf("flags %x", got.Flags)
		}
		for j, v := range got.vector() {
			d := (v - example.vector()[j]) / got.err(j)
			pulls[j] += d * d / n
		}
		chi2 += got.Chi2 / float64(got.DOF) / n
	}
	for i, p := range pulls {
		if p < 0.5 || p > 1.6 { // three deviations of chi-square of 60
			t.Errorf("parameter %d scatters by %.2f of its error", i, math.Sqrt(p))
		}
	}
	if math.Abs(chi2-1) > 0.02 {
		t.Errorf("chi-square per degree of freedom is %.3f", chi2)
	}
}

// TestFitNothing fits what is not there.
func TestFitNothing(t *testing.T) {
	f, s := scene(t, model{shape: example.shape}, 4, 3)
	if got := f.fit(s, example, crowd{}); !got.has(FlagFaint) {
		t.Errorf("flags %x, signal to noise %g", got.Flags, got.SNR)
	}
	for i := range f.stamps {
		clear(f.stamps[i].weight)
	}
	if got := f.fit(s, example, crowd{}); !got.has(FlagNoData) {
		t.Errorf("flags %x without a pixel", got.Flags)
	}
}

func TestMean(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var inside int
	const trials, n = 200, 100
	for range trials {
		fits := make([]Fit, n)
		for i := range fits {
			fits[i].RoundErr = 0.05 + 0.2*r.Float64()
			sigma := math.Hypot(shapeNoise, fits[i].RoundErr)
			fits[i].E = [2]float64{0.03 + sigma*r.NormFloat64(), -0.02 + sigma*r.NormFloat64()}
		}
		fits = append(fits, Fit{E: [2]float64{9, 9}, Flags: FlagFaint})
		s := mean(fits)
		if s.N != n {
			t.Fatalf("%d sources count", s.N)
		}
		if math.Abs(s.G[0]-0.03) < s.Err[0] && math.Abs(s.G[1]+0.02) < s.Err[1] {
			inside++
		}
	}
	if f := float64(inside) / trials; f < 0.36 || f > 0.57 { // 0.683^2 = 0.466
		t.Errorf("both components lie within their errors in %.2f of the trials", f)
	}
}
