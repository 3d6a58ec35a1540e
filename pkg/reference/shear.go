package reference

import "math"

// shapeNoise is the scatter of a component of galaxies' ellipticities, which
// bounds the weights of well-measured ones. A constant, so that weights don't
// change from sub-tile to sub-tile.
const shapeNoise = 0.25

// Shear is the mean shape of some sources.
type Shear struct {
	G, Err [2]float64
	N      int
}

// few is the number of sources below which a scatter says too little.
const few = 10

// mean averages the shapes of the sources that are good enough; see the
// package's comment for the formulas. It adds in the order of the fits.
func mean(fits []Fit) Shear {
	var s Shear
	var sum, sum1, sum2 float64
	var good []*Fit
	for i := range fits {
		f := &fits[i]
		if f.has(FlagsRejected) || math.IsInf(f.RoundErr, 0) {
			continue
		}
		good = append(good, f)
		w := f.Weight()
		sum += w
		sum1 += w * f.E[0]
		sum2 += w * f.E[1]
	}
	if s.N = len(good); s.N == 0 {
		return s
	}
	s.G = [2]float64{sum1 / sum, sum2 / sum}
	n := float64(s.N)
	for i, total := range [2]float64{sum1, sum2} {
		s.Err[i] = 1 / math.Sqrt(sum)
		if s.N < few {
			continue
		}
		// Delete-one jackknife.
		var first, second float64
		for _, f := range good {
			w := f.Weight()
			d := (total-w*f.E[i])/(sum-w) - s.G[i]
			first += d
			second += d * d
		}
		s.Err[i] = math.Sqrt((n - 1) / n * (second - first*first/n))
	}
	return s
}

// Weight is the inverse variance of an ellipticity as an estimate of shear.
func (f *Fit) Weight() float64 { return 1 / (shapeNoise*shapeNoise + f.RoundErr*f.RoundErr) }
