package quadrants_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
)

// TestReadGarbled is a short fuzz without instrumentation: bytes flipped at
// random, most of them in the footer, where they do the most harm.
func TestReadGarbled(t *testing.T) {
	good := write(t, footprints(20))
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		data := bytes.Clone(good)
		for range 1 + rnd.IntN(4) {
			i := rnd.IntN(len(data))
			if rnd.IntN(3) > 0 {
				i = len(data) - 1 - rnd.IntN(len(data)/2)
			}
			data[i] ^= 1 << rnd.IntN(8)
		}
		if qs, err := read(data); err != nil && fault.KindOf(err) != fault.BadData {
			t.Fatalf("%d quadrants, %v", len(qs), err)
		}
	}
}
