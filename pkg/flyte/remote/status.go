package remote

import (
	"context"
	"strings"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// Node is how a node of an execution stands.
type Node struct {
	Path, Task string
	Phase      string // in lower case: running, succeeded, failed, ...
	Took       time.Duration
	Attempts   int
	Cached     bool
	Execution  string // name of the child execution that the node began
	Error      *core.ExecutionError
	Reason     string // what the engine says about a task that waits or runs
	Logs       []*core.TaskLog
	Inputs     string // URI
	Deck       string // URI
	Elements   []Element
	Inside     []*Node
}

// Element is the last attempt of a map's element.
type Element struct {
	Index, Attempt int
	Phase          string
	Logs           []*core.TaskLog
	ErrorURI       string
}

// Status reads how an execution's nodes stand. What is inside a node, and what
// its attempts left, is read where something is going on or went wrong, and not
// where all is well; below the node of the path wanted it is read in any case.
func (c *Client) Status(ctx context.Context, e *admin.Execution, wanted string) ([]*Node, error) {
	w := &statusWalk{walk: newWalk(c), wanted: strings.Trim(wanted, "/")}
	b, err := w.begin(ctx, e, "")
	if err != nil {
		return nil, err
	}
	return w.status(ctx, b)
}

type statusWalk struct {
	*walk
	wanted string
}

// on tells whether a node is on the way to the wanted one, or below it.
func (w *statusWalk) on(path string) bool {
	return w.wanted != "" && (strings.HasPrefix(w.wanted+"/", path+"/") || strings.HasPrefix(path+"/", w.wanted+"/"))
}

func (w *statusWalk) status(ctx context.Context, b *branch) ([]*Node, error) {
	if err := w.list(ctx, b); err != nil {
		return nil, err
	}
	var nodes []*Node
	for _, n := range b.order {
		s, err := w.nodeStatus(ctx, n)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, s)
	}
	return nodes, nil
}

func (w *statusWalk) nodeStatus(ctx context.Context, n *node) (*Node, error) {
	c := n.at.GetClosure()
	s := &Node{
		Path: n.path, Task: taskName(n.template), Phase: lowered(c.GetPhase().String()), Took: n.took(), Error: c.GetError(),
		Inputs: n.at.GetInputUri(), Deck: c.GetDeckUri(), Execution: n.childExecution().GetName(),
		Cached: c.GetTaskNodeMetadata().GetCacheStatus() == core.CatalogCacheStatus_CACHE_HIT,
	}
	if !n.ended() && c.GetCreatedAt() != nil {
		s.Took = time.Since(c.GetCreatedAt().AsTime())
	}
	well := n.ended() && !failed(n) && n.phase() != core.NodeExecution_ABORTED
	k := n.kind()
	if k != mapped && (well || n.phase() == core.NodeExecution_QUEUED) && !w.on(n.path) {
		return s, nil
	}
	if k == leaf || k == mapped || n.at.GetMetadata().GetIsDynamic() {
		attempts, err := w.attempts(ctx, n)
		if err != nil {
			return nil, err
		}
		if len(attempts) > 0 {
			last := attempts[len(attempts)-1].GetClosure()
			s.Attempts, s.Logs, s.Reason = len(attempts), last.GetLogs(), last.GetReason()
			if last.GetError() != nil {
				s.Error = last.GetError() // whole; a list holds the node's cut short
			}
		}
		all := elements(attempts)
		for i, e := range all {
			if i < len(all)-1 && all[i+1].GetIndex() == e.GetIndex() {
				continue
			}
			one := Element{Index: int(e.GetIndex()), Attempt: int(e.GetRetryAttempt()), Phase: lowered(e.GetPhase().String()), Logs: e.GetLogs()}
			if e.GetPhase() == core.TaskExecution_FAILED {
				one.ErrorURI = errorURI(n, e)
			}
			s.Elements = append(s.Elements, one)
		}
	}
	if k != holder && k != child {
		return s, nil
	}
	b, err := w.open(ctx, n)
	if nothingInside(err) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.Inside, err = w.status(ctx, b)
	return s, err
}

func lowered(phase string) string { return strings.ToLower(strings.ReplaceAll(phase, "_", " ")) }

// phase is an execution's phase in words.
func phase(e *admin.Execution) string { return lowered(e.GetClosure().GetPhase().String()) }
