package spec

import (
	"reflect"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// Option changes a node.
type Option func(*graph, *node)

// ID names a node within its workflow; the default is the task's name with
// dashes. A task that is used twice needs it.
func ID(id string) Option { return func(_ *graph, n *node) { n.id = id } }

// Variant uses one of the task's further templates.
func Variant(suffix string) Option { return func(_ *graph, n *node) { n.variant = suffix } }

// Interruptible overrides whether attempts may run on spot machines.
func Interruptible(yes bool) Option { return func(_ *graph, n *node) { n.interruptible = &yes } }

// Timeout overrides the bound of one attempt; of a map, of one attempt of one element.
func Timeout(d time.Duration) Option { return func(_ *graph, n *node) { n.timeout = &d } }

// Concurrency bounds how many elements of a map run at once; 0 is no bound.
func Concurrency(n int) Option {
	return func(g *graph, at *node) {
		if at.kind != mapped || n < 0 {
			g.bad(at.at, "node %s: Concurrency(%d) is for maps, and not negative", at.id, n)
			return
		}
		c := uint32(n)
		at.concurrency = &c
	}
}

// MinSuccess lets a map succeed when at least this fraction of its elements
// does; with 0 every element runs, and the map succeeds even when all fail.
// Outputs of failed elements are none, so they are read by [GatherSome].
func MinSuccess(ratio float64) Option {
	return func(g *graph, at *node) {
		if at.kind != mapped || !(ratio >= 0 && ratio <= 1) {
			g.bad(at.at, "node %s: MinSuccess(%v) is for maps, and from 0 to 1", at.id, ratio)
			return
		}
		r := float32(ratio)
		at.minSuccess = &r
	}
}

// Branch is a workflow that a dynamic task may multiply; its inputs are the
// task's items.
func Branch[Item, Out any](name string, w *Workflow[Item, Out]) Option {
	return addBranch(branch{name: name, g: w.g, item: reflect.TypeFor[Item]()})
}

// PlanBranch is like [Branch], but every copy is an execution of its own,
// launched by the workflow's launch plan. Of the workflow nothing but its name
// travels with the task, so the size of an execution is bounded by the number of
// copies and not by what is in them; the workflow is registered by its own bundle.
func PlanBranch[Item, Out any](name string, w *Workflow[Item, Out]) Option {
	return addBranch(branch{name: name, g: w.g, item: reflect.TypeFor[Item](), plan: true})
}

func addBranch(b branch) Option {
	return func(g *graph, n *node) {
		if n.kind != fan {
			g.bad(n.at, "node %s: branch %s is for Fan", n.id, b.name)
			return
		}
		n.branches = append(n.branches, b)
	}
}

// Add uses a task once.
func Add[In, Out any](w Graph, t *task.Task[In, Out], options ...Option) *Node[In, Out] {
	return add[In, Out](w, &node{kind: single, task: t}, options)
}

// Map uses a task once per element of the lists that are wired to its mapped
// inputs by [Each]; its other inputs are the same for all. The engine's array
// node runs the task's list-typed template.
func Map[In, Out any](w Graph, t *task.Task[In, Out], options ...Option) *Node[In, Out] {
	n := add[In, Out](w, &node{kind: mapped, task: t}, options)
	if !t.Mappable() {
		w.graph().bad(n.n.at, "node %s: task %s can't be mapped: its declaration names no inputs in Over", n.n.id, t.Name())
	}
	return n
}

// Fan uses a dynamic task. Its branches, with all templates and workflows they
// need, travel inside its own template.
func Fan[In, Item, Out any](w Graph, t *task.Dynamic[In, Item, Out], options ...Option) *Node[In, Out] {
	n := add[In, Out](w, &node{kind: fan, task: t, item: reflect.TypeFor[Item]()}, options)
	n.n.checkBranches(w.graph())
	return n
}

// Use uses a workflow as one node, inside this execution.
func Use[In, Out any](w Graph, sub *Workflow[In, Out], options ...Option) *Node[In, Out] {
	return add[In, Out](w, &node{kind: nested, sub: sub.g}, options)
}

// UsePlan uses a workflow as one node that is an execution of its own, launched
// by the workflow's launch plan. Inputs that have a default there need not be
// fed. The workflow is registered by its own bundle.
func UsePlan[In, Out any](w Graph, sub *Workflow[In, Out], options ...Option) *Node[In, Out] {
	return add[In, Out](w, &node{kind: launched, sub: sub.g}, options)
}

func add[In, Out any](w Graph, n *node, options []Option) *Node[In, Out] {
	g := w.graph()
	n.at, n.bindings = caller(), map[string]*core.BindingData{}
	name := ""
	if n.sub != nil {
		name = n.sub.name
	} else {
		name = n.task.Name()
	}
	n.id = strings.ReplaceAll(name, "_", "-")
	for _, o := range options {
		o(g, n)
	}
	g.nodes = append(g.nodes, n)
	typed := &Node[In, Out]{n: n}
	n.inputs = g.register(n, false, &typed.In)
	n.outputs = g.register(n, true, &typed.Out)
	return typed
}

// After runs a node after others from which it takes no data.
func After(w Graph, later Ref, earlier ...Ref) {
	for _, e := range earlier {
		later.ref().after = append(later.ref().after, e.ref())
	}
}
