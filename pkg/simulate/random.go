package simulate

import (
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
)

// stream is a counter-based generator (SplitMix64): its n-th number is a hash
// of key and n. Streams of different keys are independent.
type stream struct{ key, n uint64 }

func (s *stream) Uint64() uint64 {
	s.n++
	z := s.key + s.n*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// random opens the stream that belongs to a purpose.
func random(seed uint64, purpose ...string) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, strconv.FormatUint(seed, 16))
	for _, p := range purpose {
		_, _ = io.WriteString(h, "\x00"+p)
	}
	return rand.New(&stream{key: h.Sum64()})
}

// poisson draws a count of the given mean: by inversion where it is small,
// else from the normal of the same mean and variance.
func poisson(r *rand.Rand, mean float64) int {
	if mean > 50 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
	}
	limit, product := math.Exp(-mean), r.Float64()
	n := 0
	for product > limit {
		product *= r.Float64()
		n++
	}
	return n
}
