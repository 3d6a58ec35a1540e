package local

import (
	"fmt"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// startNode is the other name, besides none at all, under which bindings refer
// to the inputs of the workflow they stand in.
const startNode = "start-node"

// graph is the order in a set of nodes. It is made once per template and shared
// by all that run it, so it is never written to.
type graph struct {
	nodes      []*core.Node
	index      map[string]int // by node id
	upstream   [][]int
	downstream [][]int
	// depth is the longest way from a node without upstream, by which work that
	// is further along goes first.
	depth []int
	// kept marks nodes that the outputs of the whole refer to: their values
	// must last to the end.
	kept []bool
}

func newGraph(nodes []*core.Node, outputs []*core.Binding) (*graph, error) {
	g := &graph{
		nodes:      nodes,
		index:      make(map[string]int, len(nodes)),
		upstream:   make([][]int, len(nodes)),
		downstream: make([][]int, len(nodes)),
		depth:      make([]int, len(nodes)),
		kept:       make([]bool, len(nodes)),
	}
	for i, n := range nodes {
		if _, ok := g.index[n.GetId()]; ok || n.GetId() == "" {
			return nil, fmt.Errorf("node id %q is empty or used twice", n.GetId())
		}
		g.index[n.GetId()] = i
	}
	for i, n := range nodes {
		seen := map[int]bool{}
		edge := func(id string) error {
			if id == "" || id == startNode {
				return nil
			}
			j, ok := g.index[id]
			if !ok {
				return fmt.Errorf("node %q refers to node %q, which is not there", n.GetId(), id)
			}
			if !seen[j] {
				seen[j] = true
				g.upstream[i] = append(g.upstream[i], j)
				g.downstream[j] = append(g.downstream[j], i)
			}
			return nil
		}
		for _, id := range n.GetUpstreamNodeIds() {
			if err := edge(id); err != nil {
				return nil, err
			}
		}
		for _, b := range n.GetInputs() {
			if err := promises(b.GetBinding(), edge); err != nil {
				return nil, err
			}
		}
	}
	for _, b := range outputs {
		err := promises(b.GetBinding(), func(id string) error {
			if j, ok := g.index[id]; ok {
				g.kept[j] = true
			} else if id != "" && id != startNode {
				return fmt.Errorf("output %q refers to node %q, which is not there", b.GetVar(), id)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return g, g.rank()
}

// rank sets depths in topological order, and refuses cycles.
func (g *graph) rank() error {
	waits := make([]int, len(g.nodes))
	var ready []int
	for i, up := range g.upstream {
		if waits[i] = len(up); waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	ranked := 0
	for ; len(ready) > 0; ranked++ {
		i := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for _, j := range g.downstream[i] {
			g.depth[j] = max(g.depth[j], g.depth[i]+1)
			if waits[j]--; waits[j] == 0 {
				ready = append(ready, j)
			}
		}
	}
	if ranked < len(g.nodes) {
		for i, n := range waits {
			if n > 0 {
				return fmt.Errorf("node %q waits for itself: the graph has a cycle", g.nodes[i].GetId())
			}
		}
	}
	return nil
}

// promises visits the id of every node that a binding refers to.
func promises(b *core.BindingData, visit func(id string) error) error {
	switch v := b.GetValue().(type) {
	case *core.BindingData_Promise:
		return visit(v.Promise.GetNodeId())
	case *core.BindingData_Collection:
		for _, e := range v.Collection.GetBindings() {
			if err := promises(e, visit); err != nil {
				return err
			}
		}
	case *core.BindingData_Map:
		for _, e := range v.Map.GetBindings() {
			if err := promises(e, visit); err != nil {
				return err
			}
		}
	}
	return nil
}
