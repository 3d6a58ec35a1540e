package remote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// Follow is how an execution is followed. The zero value follows in silence.
type Follow struct {
	Observe func(local.Event)
	// Fetch reads a small object, for the error documents of a map's elements;
	// nil, or an error: their messages are not told.
	Fetch func(ctx context.Context, uri string) ([]byte, error)
	// Lost is told when FlyteAdmin can't be reached any more, and with nil when
	// it can be again.
	Lost func(error)

	Interval    time.Duration // between looks while things happen; default 1 s
	MaxInterval time.Duration // and while nothing does; default 10 s
	Requests    int           // that a look may take for what is still running; default 40
	Patience    time.Duration // how long FlyteAdmin may be away; default 10 min
}

func (f *Follow) defaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&f.Interval, time.Second)
	set(&f.MaxInterval, 10*time.Second)
	set(&f.Patience, 10*time.Minute)
	if f.Requests <= 0 {
		f.Requests = 40
	}
	if f.Observe == nil {
		f.Observe = func(local.Event) {}
	}
	if f.Lost == nil {
		f.Lost = func(error) {}
	}
}

// Follow tells what happens in an execution until it ends. An execution that
// fails gives an error that holds a [local.Failure] for each node at its root. When ctx
// ends, the execution goes on.
func (c *Client) Follow(ctx context.Context, id *core.WorkflowExecutionIdentifier, f Follow) (*admin.Execution, error) {
	f.defaults()
	t := &tracker{walk: newWalk(c), follow: f}
	e, err := c.Execution(ctx, id)
	if err != nil {
		return nil, err
	}
	var away time.Time // since when FlyteAdmin has been away
	wait := f.Interval
	for {
		began := time.Now()
		t.changed = false
		e, err = t.look(ctx, id)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil && fault.KindOf(err) != fault.Transient:
			return nil, err
		case err != nil:
			if away.IsZero() {
				away = began
				f.Lost(err)
			}
			if time.Since(away) > f.Patience {
				return nil, err
			}
			wait = min(2*wait, f.MaxInterval)
		default:
			if !away.IsZero() {
				away = time.Time{}
				f.Lost(nil)
			}
			if Ended(e) {
				return e, t.outcome(e)
			}
			wait = min(wait*3/2, f.MaxInterval)
			if t.changed {
				wait = f.Interval
			}
			wait = max(wait, min(2*time.Since(began), f.MaxInterval)) // a slow server is asked less often
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// tracker is a walk that remembers what it told.
type tracker struct {
	*walk
	follow   Follow
	top      *branch
	round    int
	changed  bool
	running  []*node // those whose inside is worth looking at
	failures []error
}

// told is what was said of a node.
type told struct {
	phase    core.NodeExecution_Phase
	end      bool
	expanded bool
	retries  int                  // attempts told to be followed by another
	elements map[uint32]int       // attempts of elements told
	over     map[uint32]bool      // elements whose end was told
	messages map[uint64]*said     // of elements' failed attempts
	last     *core.ExecutionError // of the last attempt
	log      string               // and its log's URI
}

// look is one round: the execution, its nodes, and as much of what is inside
// them as the number of requests allows.
func (t *tracker) look(ctx context.Context, id *core.WorkflowExecutionIdentifier) (*admin.Execution, error) {
	t.round++
	t.requests = 1
	e, err := t.client.Admin.GetExecution(ctx, &admin.WorkflowExecutionGetRequest{Id: id})
	if err != nil {
		return nil, err
	}
	if t.top == nil {
		if t.top, err = t.begin(ctx, e, ""); err != nil {
			return nil, err
		}
	}
	t.running = t.running[:0]
	if err := t.visit(ctx, t.top); err != nil {
		return nil, err
	}
	if Ended(e) {
		return e, t.cutShort(ctx, t.top)
	}
	// What was looked at longest ago comes first. A visit finds more, deeper down.
	for t.requests < t.follow.Requests {
		var next *node
		for _, n := range t.running {
			if n.lookedAt < t.round && (next == nil || n.lookedAt < next.lookedAt) {
				next = n
			}
		}
		if next == nil {
			break
		}
		next.lookedAt = t.round
		if err := t.inside(ctx, next); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// visit lists a branch and tells what is new in it.
func (t *tracker) visit(ctx context.Context, b *branch) error {
	if err := t.list(ctx, b); err != nil {
		return err
	}
	// As they came to an end, so that a consumer's end never precedes its producer's.
	nodes := slices.Clone(b.order)
	slices.SortStableFunc(nodes, func(x, y *node) int { return x.updated().Compare(y.updated()) })
	for _, n := range nodes {
		if err := t.tell(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// tell says what is new about a node.
func (t *tracker) tell(ctx context.Context, n *node) error {
	if n.told.end {
		return nil
	}
	if p := n.phase(); p != n.told.phase && !n.ended() {
		switch p {
		case core.NodeExecution_QUEUED:
			t.say(n, local.Event{Kind: local.Queued})
		case core.NodeExecution_RUNNING, core.NodeExecution_DYNAMIC_RUNNING:
			if n.told.phase != core.NodeExecution_RUNNING {
				t.say(n, local.Event{Kind: local.Running})
			}
		}
		n.told.phase = p
	}
	if n.ended() {
		return t.end(ctx, n)
	}
	switch n.phase() {
	case core.NodeExecution_RUNNING, core.NodeExecution_DYNAMIC_RUNNING, core.NodeExecution_FAILING:
		t.running = append(t.running, n)
		if n.inside != nil { // so that nothing is forgotten that is not looked at in this round
			t.deeper(n.inside)
		}
	}
	return nil
}

// deeper adds what was running inside when it was last seen.
func (t *tracker) deeper(b *branch) {
	for _, n := range b.order {
		if !n.told.end && !n.ended() && n.told.phase != core.NodeExecution_QUEUED {
			t.running = append(t.running, n)
			if n.inside != nil {
				t.deeper(n.inside)
			}
		}
	}
}

// inside looks into a node that is running.
func (t *tracker) inside(ctx context.Context, n *node) error {
	switch n.kind() {
	case mapped:
		return t.array(ctx, n)
	case leaf:
		return t.task(ctx, n)
	}
	b, err := t.open(ctx, n)
	if err != nil || b == nil {
		return err
	}
	t.expand(n)
	return t.visit(ctx, b)
}

// expand says how many nodes a dynamic node made.
func (t *tracker) expand(n *node) {
	if n.at.GetMetadata().GetIsDynamic() && n.inside != nil && !n.told.expanded {
		n.told.expanded = true
		t.say(n, local.Event{Kind: local.Expanded, Count: n.inside.graph.size()})
	}
}

// end tells that a node ended, after all that is inside it.
func (t *tracker) end(ctx context.Context, n *node) error {
	p := n.phase()
	if p == core.NodeExecution_SKIPPED {
		n.told.end = true
		return nil
	}
	cached := n.at.GetClosure().GetTaskNodeMetadata().GetCacheStatus() == core.CatalogCacheStatus_CACHE_HIT
	kept := p == core.NodeExecution_RECOVERED || cached
	switch k := n.kind(); {
	case kept && k != mapped:
	case k == mapped:
		if p == core.NodeExecution_RECOVERED {
			break
		}
		if err := t.array(ctx, n); err != nil {
			return err
		}
	case k == leaf:
		if err := t.task(ctx, n); err != nil {
			return err
		}
	case k == child && n.inside == nil && p == core.NodeExecution_SUCCEEDED:
		// nobody looked while it ran: a campaign has thousands, and what they did is over
	default:
		if k == holder && n.at.GetMetadata().GetIsDynamic() {
			if err := t.task(ctx, n); err != nil { // the attempts of the task that made the nodes
				return err
			}
		}
		b, err := t.open(ctx, n)
		if fault.CodeOf(err) == codeNotFound || fault.CodeOf(err) == codeRefused {
			break // a dynamic task that failed made no nodes
		}
		if err != nil {
			return err
		}
		t.expand(n)
		if err := t.visit(ctx, b); err != nil {
			return err
		}
		if err := t.cutShort(ctx, b); err != nil {
			return err
		}
	}
	e := local.Event{Kind: local.Succeeded, Duration: n.took(), NodeRef: local.NodeRef{Attempt: n.told.retries}}
	switch {
	case p == core.NodeExecution_RECOVERED:
		e.Message, e.Duration = local.Recovered, 0
	case cached:
		e.Message = Cached
	case p == core.NodeExecution_ABORTED:
		e.Kind = local.Aborted
	case p == core.NodeExecution_FAILED, p == core.NodeExecution_TIMED_OUT:
		f, err := t.failure(ctx, n)
		if err != nil {
			return err
		}
		e.Kind, e.Message = local.Failed, f.Code+": "+f.Message
		if n.inside == nil || !slices.ContainsFunc(n.inside.order, failed) {
			t.failures = append(t.failures, f)
		}
	}
	n.told.end = true
	t.say(n, e)
	return nil
}

// Cached is the message of nodes and elements whose outputs the engine's cache had.
const Cached = "from the cache"

func failed(n *node) bool {
	return n.phase() == core.NodeExecution_FAILED || n.phase() == core.NodeExecution_TIMED_OUT
}

// cutShort tells of nodes that were still under way when what holds them ended.
// The engine does not always say so itself.
func (t *tracker) cutShort(ctx context.Context, b *branch) error {
	for _, n := range b.order {
		if n.told.end {
			continue
		}
		if n.inside != nil {
			if err := t.visit(ctx, n.inside); err != nil {
				return err
			}
			if err := t.cutShort(ctx, n.inside); err != nil {
				return err
			}
		}
		n.told.end = true
		if p := n.phase(); p != core.NodeExecution_UNDEFINED && p != core.NodeExecution_QUEUED {
			t.say(n, local.Event{Kind: local.Aborted, Duration: n.took()})
		}
	}
	return nil
}

// say completes an event and tells it.
func (t *tracker) say(n *node, e local.Event) {
	t.changed = true
	e.NodeRef = n.ref(e.Attempt, -1)
	e.Time = n.updated()
	if began := n.at.GetClosure().GetStartedAt(); began != nil && e.Kind == local.Expanded {
		e.Time = began.AsTime() // or later; when exactly, nobody says
	}
	t.follow.Observe(e)
}

// Codes for what FlyteAdmin leaves without one, as the local engine has them.
const (
	codeTimeout = "TimeoutExpired"
	codeArray   = "ArrayNodeFailing"
)

// failure is why a node failed: what its last attempt said, or else the node's
// own error. Lists hold only the beginning of that.
func (t *tracker) failure(ctx context.Context, n *node) (*local.Failure, error) {
	f := &local.Failure{NodeRef: n.ref(n.told.retries, -1), Recoverable: n.told.retries > 0, Log: n.told.log}
	said := n.told.last
	if said == nil && n.at.GetClosure().GetError() != nil {
		t.requests++
		whole, err := t.client.Admin.GetNodeExecution(ctx, &admin.NodeExecutionGetRequest{Id: n.at.GetId()})
		if err != nil {
			return nil, err
		}
		said = whole.GetClosure().GetError()
	}
	f.Code, f.Message, f.Origin = said.GetCode(), trimmed(said.GetMessage()), said.GetKind()
	switch {
	case f.Code != "":
	case n.phase() == core.NodeExecution_TIMED_OUT:
		f.Code, f.Message = codeTimeout, tooLong(n)
	case n.kind() == mapped:
		f.Code = codeArray
	default:
		f.Code = n.phase().String()
	}
	return f, nil
}

// outcome is the error of an execution that did not succeed.
func (t *tracker) outcome(e *admin.Execution) error {
	id := Name(e.GetId())
	switch e.GetClosure().GetPhase() {
	case core.WorkflowExecution_SUCCEEDED:
		return nil
	case core.WorkflowExecution_ABORTED:
		return fault.New(fault.Canceled, "ExecutionAborted", "it was aborted%s", abortCause(e)).On(id)
	}
	if len(t.failures) > 0 {
		return fmt.Errorf("%s: %w", id, errors.Join(t.failures...))
	}
	said := e.GetClosure().GetError()
	return fault.New(fault.Unclassified, said.GetCode(), "%s: %s", phase(e), trimmed(said.GetMessage())).On(id)
}

func abortCause(e *admin.Execution) string {
	m := e.GetClosure().GetAbortMetadata()
	cause := ""
	if m.GetPrincipal() != "" {
		cause = " by " + m.GetPrincipal()
	}
	if m.GetCause() != "" {
		cause += ": " + m.GetCause()
	}
	return cause
}
