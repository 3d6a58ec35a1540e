package local

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// array maps a task over the lists among its inputs. As many elements are under
// way as can have a place, so that a map of any length costs little.
func (r *run) array(ctx context.Context, j *job, a *core.ArrayNode) (*core.LiteralMap, error) {
	n, err := lengthOf(j.inputs, a.GetBoundInputs())
	if err != nil {
		return nil, j.fail(codeLength, "%w", err)
	}
	needed := minSuccesses(a, n)
	r.observe(Event{NodeRef: j.ref(0), Kind: Expanded, Count: n})
	if needed > n {
		return nil, j.fail(codeArray, "%d elements can't give %d successes", n, needed)
	}

	j.hits = new(atomic.Int64)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	results := make([]*core.LiteralMap, n)
	var (
		mu    sync.Mutex
		next  int
		bad   int
		first error
		wait  sync.WaitGroup
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == n || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = err
		}
		if bad++; n-bad < needed {
			stop()
		}
	}
	workers := min(n, r.Parallel)
	if p := int(a.GetParallelism()); p > 0 {
		workers = min(workers, p)
	}
	for range workers {
		wait.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				switch out, err := r.elementOf(ctx, j, a, i); {
				case err == nil:
					results[i] = out
				case err != errAborted:
					fail(err)
				}
			}
		})
	}
	wait.Wait()
	if n-bad < needed {
		f := j.fail(codeArray, "%d of %d elements failed, %d had to succeed", bad, n, needed)
		f.Cause = first
		if c := new(Failure); errors.As(first, &c) {
			f.Origin, f.Recoverable = c.Origin, c.Recoverable
		}
		return nil, f
	}
	if ctx.Err() != nil {
		return nil, errAborted
	}
	return r.gather(j, results)
}

// elementOf runs one element, or takes what an earlier run made of it.
func (r *run) elementOf(ctx context.Context, j *job, a *core.ArrayNode, i int) (*core.LiteralMap, error) {
	e := *j
	e.node, e.element, e.begun = a.GetNode(), i, time.Now()
	e.sub = "0/" + strconv.Itoa(i)
	e.key = append(slices.Clip(j.key), int32(i))
	e.inputs = elementInputs(j.inputs, a.GetBoundInputs(), i)
	rec, err := r.recall(ctx, &e)
	if err == nil {
		var out *core.LiteralMap
		if out, err = r.recover(ctx, &e, rec); out != nil {
			r.observe(Event{NodeRef: e.ref(rec.Attempt), Kind: Succeeded, Message: Recovered})
			return out, nil
		}
	}
	if err != nil {
		return r.finish(ctx, &e, nil, 0, e.storeFailed(err))
	}
	r.observe(Event{NodeRef: e.ref(0), Kind: Queued})
	out, attempt, err := r.cached(ctx, &e, record{})
	if e.cache == CacheHit {
		j.hits.Add(1)
	}
	return r.finish(ctx, &e, out, attempt, err)
}

// gather makes lists of what the elements gave, with none for those that failed.
func (r *run) gather(j *job, results []*core.LiteralMap) (*core.LiteralMap, error) {
	out := &core.LiteralMap{Literals: make(map[string]*core.Literal)}
	for name := range j.declared.GetVariables() {
		list := make([]*core.Literal, len(results))
		for i, m := range results {
			l, ok := m.GetLiterals()[name]
			switch {
			case m == nil:
				l = none()
			case !ok:
				return nil, j.fail(codeBinding, "element %d gave no %q: the engine would shift the list", i, name)
			}
			list[i] = l
		}
		out.Literals[name] = collection(list)
	}
	if size := proto.Size(out); int64(size) > r.MaxOutput {
		return nil, j.fail(codeTooLarge, "the outputs of %d elements are %d bytes together, over %d", len(results), size, r.MaxOutput)
	}
	return out, nil
}

// lengthOf is the common length of the lists to be mapped over: all inputs that
// are lists and not bound. Where all inputs are bound there is one element.
func lengthOf(in *core.LiteralMap, bound []string) (int, error) {
	n, over := -1, ""
	for name, l := range in.GetLiterals() {
		c := l.GetCollection()
		if c == nil || slices.Contains(bound, name) {
			continue
		}
		if n >= 0 && n != len(c.GetLiterals()) {
			return 0, fmt.Errorf("input %q has %d elements, %q has %d", over, n, name, len(c.GetLiterals()))
		}
		n, over = len(c.GetLiterals()), name
	}
	switch {
	case n >= 0:
		return n, nil
	case len(bound) == len(in.GetLiterals()):
		return 1, nil
	}
	return 0, errors.New("no input is a list to map over")
}

func minSuccesses(a *core.ArrayNode, n int) int {
	switch c := a.GetSuccessCriteria().(type) {
	case *core.ArrayNode_MinSuccesses:
		return int(c.MinSuccesses)
	case *core.ArrayNode_MinSuccessRatio:
		return int(math.Ceil(float64(c.MinSuccessRatio) * float64(n)))
	}
	return n
}

// elementInputs is what templates see as an element's inputs; its inputs.pb is
// the whole map's.
func elementInputs(in *core.LiteralMap, bound []string, i int) *core.LiteralMap {
	m := make(map[string]*core.Literal, len(in.GetLiterals()))
	for name, l := range in.GetLiterals() {
		if c := l.GetCollection(); c != nil && !slices.Contains(bound, name) {
			l = c.GetLiterals()[i]
		}
		m[name] = l
	}
	return &core.LiteralMap{Literals: m}
}
