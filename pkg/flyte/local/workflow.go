package local

import (
	"context"
	"slices"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// scope is where a graph of nodes runs: under the root of an execution, or
// under a node that holds others.
type scope struct {
	execution *execution
	library   *library
	dir       string  // URI below which the nodes have their directories
	path      string  // of the node that holds them; empty at the root
	key       []int32 // of that node, in the order of work
}

// workflow runs the nodes of a workflow, each as soon as its inputs are there,
// and binds the outputs. A node is one goroutine, which mostly waits; what a
// node gave is forgotten after its last use.
func (r *run) workflow(ctx context.Context, sc *scope, w *workflow, inputs *core.LiteralMap) (*core.LiteralMap, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g := w.graph
	v := &values{graph: g, inputs: inputs, nodes: make([]*core.LiteralMap, len(g.nodes))}
	waits, uses := make([]int, len(g.nodes)), make([]int, len(g.nodes))
	for i := range g.nodes {
		waits[i], uses[i] = len(g.upstream[i]), len(g.downstream[i])
	}

	type result struct {
		node int
		out  *core.LiteralMap
		err  error
	}
	done := make(chan result)
	running := 0
	begin := func(i int) {
		running++
		in, unbound := v.bind(g.nodes[i].GetInputs())
		for _, up := range g.upstream[i] {
			if uses[up]--; uses[up] == 0 && !g.kept[up] {
				v.nodes[up] = nil
			}
		}
		go func() {
			out, err := r.node(ctx, sc, g, i, in, unbound)
			done <- result{i, out, err}
		}()
	}
	for i, n := range waits {
		if n == 0 {
			begin(i)
		}
	}
	failed := make(map[int]error)
	for ; running > 0; running-- {
		res := <-done
		switch {
		case res.err == errAborted:
		case res.err != nil:
			failed[res.node] = res.err
			if sc.execution.policy == core.WorkflowMetadata_FAIL_IMMEDIATELY {
				stop()
			}
		default:
			if uses[res.node] > 0 || g.kept[res.node] {
				v.nodes[res.node] = res.out
			}
			for _, i := range g.downstream[res.node] {
				if waits[i]--; waits[i] == 0 && ctx.Err() == nil {
					begin(i)
				}
			}
		}
	}
	if len(failed) > 0 {
		var errs []error
		for i := range g.nodes {
			if err, ok := failed[i]; ok {
				errs = append(errs, err)
			}
		}
		return nil, join(errs)
	}
	if ctx.Err() != nil {
		return nil, errAborted
	}
	out, err := v.bind(w.outputs)
	if err != nil {
		return nil, &Failure{
			NodeRef: NodeRef{Execution: sc.execution.id, Node: below(sc.path, "end-node"), Element: -1},
			Code:    codeBinding, Message: err.Error(), Origin: core.ExecutionError_SYSTEM,
		}
	}
	return out, nil
}

// below is the path of a node inside another.
func below(path, id string) string {
	if path == "" {
		return id
	}
	return path + "/" + id
}

// keyOf places a node in the order of work: what is further along its graph
// first, then what was declared first.
func keyOf(sc *scope, g *graph, i int) []int32 {
	return append(slices.Clip(sc.key), int32(-g.depth[i]), int32(i))
}
