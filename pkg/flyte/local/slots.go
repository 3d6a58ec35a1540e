package local

import (
	"container/heap"
	"context"
	"slices"
	"sync"
)

// slots are the places in which processes run. Who waits is served by key, the
// smallest first: a key is the way to a node, at every level what lies deeper
// in the graph and then what stands first, so that a tile which has been begun
// is finished before the next is begun. A task that waits for a GPU does not
// hold up one that needs none.
type slots struct {
	mu   sync.Mutex
	free int
	gpus int      // free ones; meaningless unless limited
	wait [2]queue // without and with GPU

	limited bool
}

const withGPU = 1

// newSlots makes n places, gpus of which may use a GPU; no limit where it is 0.
func newSlots(n, gpus int) *slots {
	return &slots{free: n, gpus: gpus, limited: gpus > 0}
}

type waiter struct {
	key   []int32
	index int // in the heap; -1 once granted
	grant chan struct{}
}

// acquire waits for a place; release gives it back and must be called once.
func (s *slots) acquire(ctx context.Context, key []int32, gpu bool) (release func(), err error) {
	kind := 0
	if gpu && s.limited {
		kind = withGPU
	}
	w := &waiter{key: key, grant: make(chan struct{})}
	s.mu.Lock()
	heap.Push(&s.wait[kind], w)
	s.serve()
	s.mu.Unlock()
	release = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free++
		s.gpus += kind
		s.serve()
	}
	select {
	case <-w.grant:
		return release, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	if w.index >= 0 {
		heap.Remove(&s.wait[kind], w.index)
		s.mu.Unlock()
	} else { // granted meanwhile
		s.mu.Unlock()
		release()
	}
	return nil, context.Cause(ctx)
}

// serve gives free places away. The caller holds mu.
func (s *slots) serve() {
	for s.free > 0 {
		kind := -1
		for k := range s.wait {
			if len(s.wait[k]) == 0 || k == withGPU && s.gpus == 0 {
				continue
			}
			if kind < 0 || slices.Compare(s.wait[k][0].key, s.wait[kind][0].key) < 0 {
				kind = k
			}
		}
		if kind < 0 {
			return
		}
		w := heap.Pop(&s.wait[kind]).(*waiter)
		s.free--
		s.gpus -= kind
		close(w.grant)
	}
}

// queue is a heap of waiters.
type queue []*waiter

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return slices.Compare(q[i].key, q[j].key) < 0 }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i]; q[i].index, q[j].index = i, j }

func (q *queue) Push(x any) {
	w := x.(*waiter)
	w.index = len(*q)
	*q = append(*q, w)
}

func (q *queue) Pop() any {
	old := *q
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	w.index = -1
	return w
}
