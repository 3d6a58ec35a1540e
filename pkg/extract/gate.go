package extract

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// gateStart are let in at a time to begin with.
	gateStart = 2
	// gateWatch is how long a number is watched before another is tried.
	gateWatch = 500 * time.Millisecond
	// gateGain is by how much one more must speed all up, to be worth trying the next.
	gateGain = 1.05
)

// gate has as many files copied at a time as a link makes good use of: it lets
// one more in, up to most, for as long as each makes the whole faster. What each
// takes of memory is bounded, so most bounds the memory; on a fast link far fewer
// fill it.
type gate struct {
	moved atomic.Int64 // bytes, by all that are inside: they count them

	most int

	mu       sync.Mutex
	limit    int
	inside   int
	best     float64 // bytes per second
	changed  chan struct{}
	since    time.Time
	movedBy  int64 // at since
	saturate bool  // as many as may were at work all the time since
}

// newGate makes a gate that lets in no more than most at a time.
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
		case <-time.After(gateWatch):
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
	if !g.saturate || took < gateWatch || g.limit >= g.most {
		return
	}
	rate := float64(g.moved.Load()-g.movedBy) / took.Seconds()
	if g.saturate = false; rate > g.best*gateGain {
		g.best = rate
		g.limit++
		g.wake()
	}
}
