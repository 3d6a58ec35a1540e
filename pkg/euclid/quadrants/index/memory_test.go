package index_test

import (
	"context"
	"io"
	"runtime"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/indextest"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// counting counts what is asked of a store, and looks at the heap now and then.
type counting struct {
	objstore.Store
	sample bool

	lock  sync.Mutex
	gets  int
	bytes int64
	heap  uint64 // the largest
}

func (c *counting) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	body, err := c.Store.Get(ctx, uri, etag, r)
	c.lock.Lock()
	defer c.lock.Unlock()
	c.gets, c.bytes = c.gets+1, c.bytes+max(r.Length, 0)
	if c.sample && c.gets%8 == 0 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		c.heap = max(c.heap, m.HeapAlloc)
	}
	return body, err
}

// Ten times the footprints don't take ten times the memory: spills are folded,
// and each is read a row group at a time. What grows is the list of files and
// groups. Held in memory, the larger set's rows alone would be some 70 MB, eight
// times the smaller one's peak; three times leaves room for when the garbage
// collector and the samples fall.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: a minute of sorting, and under the race detector the heap is another")
	}
	opts := index.Options{SpillRows: 1024, FanIn: 8, FileRows: 4096, GroupRows: 256}
	var peaks []uint64
	for _, n := range []int{60, 600} {
		s := indextest.Survey{Exposures: n, Centre: places["plain"], AreaDeg2: 20}
		store := &counting{Store: objstore.Open(t.Context(), objstore.Config{}), sample: true}
		dir := t.TempDir()
		sum, err := index.Write(t.Context(), store, dir+"/quadrants.json", dir+"/scratch", opts,
			func(add func([]euclid.Quadrant) error) error { return s.Each(0, n, add) })
		if err != nil || sum.Quadrants != int64(n*144) {
			t.Fatalf("%+v, %v", sum, err)
		}
		peaks = append(peaks, store.heap)
	}
	if peaks[1] > 3*peaks[0] {
		t.Errorf("the heap grew to %d and %d bytes", peaks[0], peaks[1])
	}
}
