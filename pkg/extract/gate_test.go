package extract

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// On a link where each file gets so much of so much, the gate opens as far as
// that helps, and all files come through.
func TestGateAdapts(t *testing.T) {
	for name, c := range map[string]struct {
		each, link, most int // MB/s
		want             int
	}{
		"as many as fill the link":   {100, 500, 32, 6},
		"a link that one file fills": {1000, 1000, 32, 3},
		"no more than may":           {10, 1000, 4, 4},
		"one":                        {10, 1000, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(c.most)
				var inside, peak, done atomic.Int64
				var files sync.WaitGroup
				for range 200 {
					files.Go(func() {
						leave, err := g.enter(t.Context())
						if err != nil {
							t.Error(err)
							return
						}
						defer leave()
						n := inside.Add(1)
						defer inside.Add(-1)
						for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
						}
						for range 200 {
							time.Sleep(10 * time.Millisecond)
							g.moved.Add(int64(min(c.each, c.link/int(inside.Load())) * 10_000))
						}
						done.Add(1)
					})
				}
				files.Wait()
				if n := peak.Load(); int(n) != c.want || done.Load() != 200 {
					t.Errorf("%d files at a time, want %d; %d came through", n, c.want, done.Load())
				}
			})
		})
	}
}
