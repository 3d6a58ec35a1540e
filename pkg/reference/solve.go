package reference

import "math"

// system is the normal equations of a least-squares problem of n parameters:
// the curvature H, half the second derivative of chi-square, its upper half
// mirrored, and the descent g, minus half the first.
type system struct {
	n    int
	h    []float64 // n x n
	g    []float64
	chi2 float64
	work []float64
}

func newSystem(n int) *system {
	return &system{n: n, h: make([]float64, n*n), g: make([]float64, n), work: make([]float64, n*n)}
}

func (s *system) clear() {
	clear(s.h)
	clear(s.g)
	s.chi2 = 0
}

// add counts a residual (data minus model) of some weight, with the model's derivatives.
func (s *system) add(residual, weight float64, slopes []float64) {
	s.chi2 += weight * residual * residual
	for i, d := range slopes {
		w := weight * d
		s.g[i] += w * residual
		row := s.h[i*s.n:]
		for j := range i + 1 {
			row[j] += w * slopes[j]
		}
	}
}

// freeze decouples a parameter, which then stays where it is. Only the lower
// half of the curvature is there yet.
func (s *system) freeze(i int) {
	s.g[i] = 0
	for j := range s.n {
		if j != i {
			s.h[max(i, j)*s.n+min(i, j)] = 0
		}
	}
}

// mirror fills the upper half; it must be called when all is added.
func (s *system) mirror() {
	for i := range s.n {
		for j := range i {
			s.h[j*s.n+i] = s.h[i*s.n+j]
		}
	}
}

// factor makes the Cholesky factor of H + lambda diag(H); false where it has none.
func (s *system) factor(lambda float64) bool {
	n, l := s.n, s.work
	copy(l, s.h)
	for i := range n {
		l[i*n+i] *= 1 + lambda
		for j := range i + 1 {
			sum := l[i*n+j]
			for k := range j {
				sum -= l[i*n+k] * l[j*n+k]
			}
			if i != j {
				l[i*n+j] = sum / l[j*n+j]
				continue
			}
			if !(sum > 1e-13*s.h[i*n+i]) || math.IsInf(sum, 0) {
				return false
			}
			l[i*n+i] = math.Sqrt(sum)
		}
	}
	return true
}

// solve returns x of (H + lambda diag(H)) x = b after [system.factor].
func (s *system) solve(b, x []float64) {
	n, l := s.n, s.work
	for i := range n {
		sum := b[i]
		for k := range i {
			sum -= l[i*n+k] * x[k]
		}
		x[i] = sum / l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		sum := x[i]
		for k := i + 1; k < n; k++ {
			sum -= l[k*n+i] * x[k]
		}
		x[i] = sum / l[i*n+i]
	}
}

// covariance is the inverse of H; false where it has none.
func (s *system) covariance() ([]float64, bool) {
	if !s.factor(0) {
		return nil, false
	}
	n := s.n
	inverse, unit, column := make([]float64, n*n), make([]float64, n), make([]float64, n)
	for i := range n {
		unit[i] = 1
		s.solve(unit, column)
		unit[i] = 0
		for j, v := range column {
			inverse[j*n+i] = v
		}
	}
	return inverse, true
}

// problem is a least-squares problem that [minimize] can work on.
type problem interface {
	// evaluate fills the system at some parameters.
	evaluate(p []float64, s *system)
	// confine brings parameters back to where the model makes sense.
	confine(p []float64)
}

// minimize is Levenberg and Marquardt's method: steps of (H + lambda diag H),
// lambda by what the last step did. It has converged when no step promises or
// gives a decrease of chi-square beyond the tolerance. p and s are left at the
// best point.
func minimize(f problem, p []float64, s *system, tolerance float64, limit int) (converged bool) {
	f.confine(p)
	f.evaluate(p, s)
	trial, step := newSystem(s.n), make([]float64, s.n)
	next := make([]float64, s.n)
	lambda := 1e-3
	for range limit {
		for !s.factor(lambda) {
			if lambda *= 10; lambda > 1e8 {
				return false
			}
		}
		s.solve(s.g, step)
		promise := 0.0
		for i, d := range step {
			promise += d * s.g[i]
			next[i] = p[i] + d
		}
		if lambda <= 1e-2 && promise < tolerance {
			return true
		}
		f.confine(next)
		f.evaluate(next, trial)
		if trial.chi2 < s.chi2 {
			gain := s.chi2 - trial.chi2
			copy(p, next)
			*s, *trial = *trial, *s
			lambda = max(lambda/10, 1e-7)
			if gain < tolerance && lambda <= 1e-2 {
				return true
			}
			continue
		}
		if promise < tolerance || unmoved(p, next) {
			return true
		}
		if lambda *= 8; lambda > 1e8 {
			return false
		}
	}
	return false
}

// unmoved says whether a confined step went nowhere.
func unmoved(p, next []float64) bool {
	for i := range p {
		if math.Abs(next[i]-p[i]) > 1e-9*(1+math.Abs(p[i])) {
			return false
		}
	}
	return true
}
