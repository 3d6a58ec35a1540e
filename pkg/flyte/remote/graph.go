package remote

import (
	"context"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// graph is the nodes of a workflow by their ids, as they were compiled.
type graph struct {
	nodes map[string]*core.Node
	subs  map[string]*core.WorkflowTemplate // of the whole closure, by name
}

func graphOf(c *core.CompiledWorkflowClosure) *graph {
	subs := map[string]*core.WorkflowTemplate{}
	for _, w := range c.GetSubWorkflows() {
		subs[w.GetTemplate().GetId().GetName()] = w.GetTemplate()
	}
	return newGraph(c.GetPrimary().GetTemplate(), subs)
}

func newGraph(w *core.WorkflowTemplate, subs map[string]*core.WorkflowTemplate) *graph {
	g := &graph{nodes: map[string]*core.Node{}, subs: subs}
	for _, n := range w.GetNodes() {
		g.nodes[n.GetId()] = n
	}
	return g
}

// size is how many nodes people wrote: the compiler adds a start and an end.
func (g *graph) size() int {
	n := len(g.nodes)
	for _, added := range []string{startNode, endNode} {
		if g.nodes[added] != nil {
			n--
		}
	}
	return n
}

const (
	startNode = "start-node"
	endNode   = "end-node"
)

// workflowGraph is the graph of a registered workflow. Workflows don't change,
// so it is asked for once.
func (w *walk) workflowGraph(ctx context.Context, id *core.Identifier) (*graph, error) {
	key := id.String()
	if g := w.graphs[key]; g != nil {
		return g, nil
	}
	w.requests++
	found, err := w.client.Admin.GetWorkflow(ctx, &admin.ObjectGetRequest{Id: id})
	if err != nil {
		return nil, err
	}
	w.graphs[key] = graphOf(found.GetClosure().GetCompiledWorkflow())
	return w.graphs[key], nil
}

// insideGraph is the graph of the nodes that a node holds.
func (w *walk) insideGraph(ctx context.Context, n *node) (*graph, error) {
	if n.at.GetMetadata().GetIsDynamic() {
		w.requests++
		found, err := w.client.Admin.GetDynamicNodeWorkflow(ctx, &admin.GetDynamicNodeWorkflowRequest{Id: n.at.GetId()})
		if err != nil {
			return nil, err
		}
		return graphOf(found.GetCompiledWorkflow()), nil
	}
	outer := n.branch.graph
	return newGraph(outer.subs[n.template.GetWorkflowNode().GetSubWorkflowRef().GetName()], outer.subs), nil
}

// taskName is the name of what a node runs: a task, sub-workflow or launch plan.
func taskName(n *core.Node) string {
	if a := n.GetArrayNode(); a != nil {
		n = a.GetNode()
	}
	if w := n.GetWorkflowNode(); w != nil {
		if id := w.GetSubWorkflowRef(); id != nil {
			return id.GetName()
		}
		return w.GetLaunchplanRef().GetName()
	}
	return n.GetTaskNode().GetReferenceId().GetName()
}
