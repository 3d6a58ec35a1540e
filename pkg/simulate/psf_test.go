package simulate

import (
	"math"
	"testing"
)

// TestPSFSpread: a spread makes quadrants' PSFs differ by about as much, and
// none leaves them as they are.
func TestPSFSpread(t *testing.T) {
	s, err := Preset("demo")
	if err != nil {
		t.Fatal(err)
	}
	size := func(g [3]gaussian) float64 { return math.Sqrt(math.Sqrt(g[0].xx*g[0].yy - g[0].xy*g[0].xy)) }
	for _, spread := range []float64{0, 0.1} {
		s.PSFSpread = spread
		sum, n := 0.0, 0.0
		for _, q := range s.quadrants() {
			d := size(s.psf(q, 100, 100))/size(psf(s.field(q, 100, 100))) - 1
			sum += d * d
			n++
		}
		if got := math.Sqrt(sum / n); math.Abs(got-spread) > 0.4*spread {
			t.Errorf("sizes scatter by %.3f, not %.3f", got, spread)
		}
	}
	s.PSFSpread = 0.5
	if err := s.Validate(); err == nil {
		t.Error("a spread of 0.5 is accepted")
	}
}
