// Package gate has as many files copied at a time as a link makes good use of.
// What each takes of memory is bounded, so how many there are at most bounds the
// memory; on a fast link far fewer fill it.
package gate

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// start are let in at a time to begin with.
	start = 2
	// watch is how long a number is watched before another is tried.
	watch = 500 * time.Millisecond
	// gain is by how much one more must speed all up, to be worth trying the next.
	gain = 1.05
)

// Gate lets one more in, up to most, for as long as each makes the whole faster.
type Gate struct {
	Moved atomic.Int64 // bytes, by all that are inside: they count them

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

// New makes a gate that lets in no more than most at a time.
func New(most int) *Gate {
	return &Gate{most: most, limit: min(start, most), changed: make(chan struct{}), since: time.Now()}
}

// Enter waits for a place. What it returns gives it back.
func (g *Gate) Enter(ctx context.Context) (leave func(), err error) {
	for {
		g.mu.Lock()
		if g.inside < g.limit {
			g.inside++
			g.mu.Unlock()
			return g.leave, nil
		}
		changed := g.changed
		if !g.saturate {
			g.saturate, g.since, g.movedBy = true, time.Now(), g.Moved.Load()
		}
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(watch):
			g.adapt()
		}
	}
}

func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.wake()
}

func (g *Gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// adapt judges the present limit, once it was watched for long enough while
// others waited for a place.
func (g *Gate) adapt() {
	g.mu.Lock()
	defer g.mu.Unlock()
	took := time.Since(g.since)
	if !g.saturate || took < watch || g.limit >= g.most {
		return
	}
	rate := float64(g.Moved.Load()-g.movedBy) / took.Seconds()
	if g.saturate = false; rate > g.best*gain {
		g.best = rate
		g.limit++
		g.wake()
	}
}
