package extract

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// gateStart files are copied at a time to begin with.
	gateStart = 2
	// gateTime is how long a number of files is watched before another is tried.
	gateTime = 500 * time.Millisecond
	// gateGain is by how much one file more must speed all up, to be worth trying the next.
	gateGain = 1.05
)

// gate lets as many files be copied at a time as the link makes good use of:
// one more, up to most, for as long as each makes the whole faster. What a file
// takes of memory is bounded, so most of them bounds it.
type gate struct {
	most  int
	moved atomic.Int64 // bytes, by all of them

	mu       sync.Mutex
	limit    int
	inside   int
	best     float64 // bytes per second
	changed  chan struct{}
	since    time.Time
	movedBy  int64 // at since
	saturate bool  // as many as may were at work all the time since
}

func newGate(most int) *gate {
	return &gate{most: most, limit: min(gateStart, most), changed: make(chan struct{}), since: time.Now()}
}

// enter waits for a place. What it returns gives it back.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	for {
		g.mu.Lock()
		if g.inside < g.limit {
			g.inside++
			g.mu.Unlock()
			return g.leave, nil
		}
		changed := g.changed
		if !g.saturate {
			g.saturate, g.since, g.movedBy = true, time.Now(), g.moved.Load()
		}
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(gateTime):
			g.adapt()
		}
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.wake()
}

func (g *gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// adapt judges the present limit, once it was watched for long enough while
// others waited for a place.
func (g *gate) adapt() {
	g.mu.Lock()
	defer g.mu.Unlock()
	took := time.Since(g.since)
	if !g.saturate || took < gateTime || g.limit >= g.most {
		return
	}
	rate := float64(g.moved.Load()-g.movedBy) / took.Seconds()
	if g.saturate = false; rate > g.best*gateGain {
		g.best = rate
		g.limit++
		g.wake()
	}
}
