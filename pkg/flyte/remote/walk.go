package remote

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/event"

	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// pageSize is how many records one request brings.
const pageSize = 500

// walk reads the tree of an execution's nodes. The tree grows as it is looked
// at: what is inside a node costs requests of its own.
type walk struct {
	client   *Client
	graphs   map[string]*graph // of registered workflows
	requests int
}

// branch is a list of nodes: an execution's, or those that a node holds.
type branch struct {
	execution *core.WorkflowExecutionIdentifier
	parent    string // unique id of the node that holds them; empty: the execution's own
	path      string // of that node
	graph     *graph
	nodes     map[string]*node // by unique id
	order     []*node          // as they were created
}

// node is one node execution as it was last seen.
type node struct {
	branch   *branch
	at       *admin.NodeExecution
	template *core.Node
	path     string
	inside   *branch

	told     told
	lookedAt int // the round in which its inside was last looked at
}

func newWalk(c *Client) *walk { return &walk{client: c, graphs: map[string]*graph{}} }

// begin is the branch of an execution's own nodes.
func (w *walk) begin(ctx context.Context, e *admin.Execution, path string) (*branch, error) {
	b := &branch{execution: e.GetId(), path: path, nodes: map[string]*node{}, graph: newGraph(nil, nil)}
	if id := e.GetClosure().GetWorkflowId(); id != nil {
		g, err := w.workflowGraph(ctx, id)
		if err != nil {
			return nil, err
		}
		b.graph = g
	}
	return b, nil
}

// list reads the nodes of a branch.
func (w *walk) list(ctx context.Context, b *branch) error {
	for token := ""; ; {
		w.requests++
		page, err := w.client.Admin.ListNodeExecutions(ctx, &admin.NodeExecutionListRequest{
			WorkflowExecutionId: b.execution, UniqueParentId: b.parent, Limit: pageSize, Token: token,
			SortBy: &admin.Sort{Key: "created_at", Direction: admin.Sort_ASCENDING},
		})
		if err != nil {
			return err
		}
		for _, e := range page.GetNodeExecutions() {
			spec := e.GetMetadata().GetSpecNodeId()
			if spec == startNode || spec == endNode {
				continue
			}
			n := b.nodes[e.GetId().GetNodeId()]
			if n == nil {
				n = &node{branch: b, template: b.graph.nodes[spec], path: spec}
				if b.path != "" {
					n.path = b.path + "/" + spec
				}
				b.nodes[e.GetId().GetNodeId()] = n
				b.order = append(b.order, n)
			}
			n.at = e
		}
		if token = page.GetToken(); token == "" {
			return nil
		}
	}
}

// open makes the branch of what a node holds; nil for one that holds nothing.
func (w *walk) open(ctx context.Context, n *node) (*branch, error) {
	if n.inside != nil {
		return n.inside, nil
	}
	switch n.kind() {
	case holder:
		g, err := w.insideGraph(ctx, n)
		if err != nil {
			return nil, err
		}
		n.inside = &branch{execution: n.branch.execution, parent: n.at.GetId().GetNodeId(), path: n.path, graph: g, nodes: map[string]*node{}}
	case child:
		w.requests++
		e, err := w.client.Admin.GetExecution(ctx, &admin.WorkflowExecutionGetRequest{Id: n.childExecution()})
		if err != nil {
			return nil, err
		}
		if n.inside, err = w.begin(ctx, e, n.path); err != nil {
			return nil, err
		}
	}
	return n.inside, nil
}

// attempts are the task executions of a node, the first attempt first.
func (w *walk) attempts(ctx context.Context, n *node) ([]*admin.TaskExecution, error) {
	var all []*admin.TaskExecution
	for token := ""; ; {
		w.requests++
		page, err := w.client.Admin.ListTaskExecutions(ctx, &admin.TaskExecutionListRequest{
			NodeExecutionId: n.at.GetId(), Limit: pageSize, Token: token,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page.GetTaskExecutions()...)
		if token = page.GetToken(); token == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b *admin.TaskExecution) int {
		return cmp.Compare(a.GetId().GetRetryAttempt(), b.GetId().GetRetryAttempt())
	})
	return all, nil
}

// length is how many elements a map has, or -1 where nobody says: the length of
// the lists among its inputs that it runs over.
func (w *walk) length(ctx context.Context, n *node) (int, error) {
	w.requests++
	data, err := w.client.Admin.GetNodeExecutionData(ctx, &admin.NodeExecutionGetDataRequest{Id: n.at.GetId()})
	if err != nil {
		return -1, err
	}
	bound := n.template.GetArrayNode().GetBoundInputs()
	for name, l := range data.GetFullInputs().GetLiterals() {
		if list := l.GetCollection(); list != nil && !slices.Contains(bound, name) {
			return len(list.GetLiterals()), nil
		}
	}
	return -1, nil
}

// kind of a node, by what can be asked of it.
type kind int

const (
	leaf   kind = iota // a task
	mapped             // an array node: its elements stand in its task execution
	holder             // a dynamic node or a sub-workflow
	child              // a launch plan's execution
)

func (n *node) kind() kind {
	switch {
	case n.at.GetMetadata().GetIsArray(), n.template.GetArrayNode() != nil:
		return mapped
	case n.childExecution() != nil:
		return child
	case n.at.GetMetadata().GetIsParentNode() && (n.at.GetMetadata().GetIsDynamic() || n.template.GetTaskNode() == nil):
		return holder // a dynamic task holds nothing until it has said what
	}
	return leaf
}

func (n *node) childExecution() *core.WorkflowExecutionIdentifier {
	return n.at.GetClosure().GetWorkflowNodeMetadata().GetExecutionId()
}

func (n *node) phase() core.NodeExecution_Phase { return n.at.GetClosure().GetPhase() }

// ended tells whether FlyteAdmin will say no more about the node.
func (n *node) ended() bool {
	switch n.phase() {
	case core.NodeExecution_SUCCEEDED, core.NodeExecution_FAILED, core.NodeExecution_ABORTED,
		core.NodeExecution_SKIPPED, core.NodeExecution_TIMED_OUT, core.NodeExecution_RECOVERED:
		return true
	}
	return false
}

func (n *node) ref(attempt, element int) local.NodeRef {
	return local.NodeRef{Execution: n.branch.execution.GetName(), Node: n.path, Task: taskName(n.template), Attempt: attempt, Element: element}
}

// updated is when the engine said what stands in the record.
func (n *node) updated() time.Time { return n.at.GetClosure().GetUpdatedAt().AsTime() }

// took is the time since the node was queued.
func (n *node) took() time.Duration {
	c := n.at.GetClosure()
	if c.GetCreatedAt() == nil || c.GetUpdatedAt() == nil {
		return c.GetDuration().AsDuration()
	}
	return max(0, c.GetUpdatedAt().AsTime().Sub(c.GetCreatedAt().AsTime()))
}

// elements are the attempts of a map's elements, in the order of index and attempt.
func elements(attempts []*admin.TaskExecution) []*event.ExternalResourceInfo {
	var all []*event.ExternalResourceInfo
	for _, t := range attempts {
		all = append(all, t.GetClosure().GetMetadata().GetExternalResources()...)
	}
	slices.SortStableFunc(all, func(a, b *event.ExternalResourceInfo) int {
		return cmp.Or(cmp.Compare(a.GetIndex(), b.GetIndex()), cmp.Compare(a.GetRetryAttempt(), b.GetRetryAttempt()))
	})
	return all
}

// Ended tells whether an execution has come to its end.
func Ended(e *admin.Execution) bool {
	switch e.GetClosure().GetPhase() {
	case core.WorkflowExecution_SUCCEEDED, core.WorkflowExecution_FAILED, core.WorkflowExecution_ABORTED, core.WorkflowExecution_TIMED_OUT:
		return true
	}
	return false
}
