package remote

import (
	"context"
	"slices"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
)

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
	if nothingInside(err) {
		return nil // yet
	}
	if err != nil {
		return err
	}
	t.expand(n)
	return t.visit(ctx, b)
}

// nothingInside tells whether a dynamic task has made no nodes: it failed, or
// is not that far.
func nothingInside(err error) bool {
	code := fault.CodeOf(err)
	return code == connect.CodeNotFound || code == connect.CodeRefused
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
		if nothingInside(err) {
			break
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
	e.Name = local.Title(n.template, e.Task)
	e.Time = n.updated()
	if began := n.at.GetClosure().GetStartedAt(); began != nil && e.Kind == local.Expanded {
		e.Time = began.AsTime() // or later; when exactly, nobody says
	}
	t.follow.Observe(e)
}
