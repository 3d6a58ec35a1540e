package local

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// check refuses what would only fail later, or would be done wrongly: shapes
// this engine does not run, references to nothing, unbound variables.
func (l *library) check(w *workflow) error {
	for _, n := range w.graph.nodes {
		if err := l.checkNode(n); err != nil {
			return invalid("workflow %q, node %q: %w", w.id.GetName(), n.GetId(), err)
		}
	}
	if err := bound(w.outputs, w.iface.GetOutputs(), "output"); err != nil {
		return invalid("workflow %q: %w", w.id.GetName(), err)
	}
	return nil
}

func (l *library) checkNode(n *core.Node) error {
	switch t := n.GetTarget().(type) {
	case *core.Node_TaskNode:
		tmpl, err := l.task(t.TaskNode.GetReferenceId())
		if err != nil {
			return err
		}
		return bound(n.GetInputs(), tmpl.GetInterface().GetInputs(), "input")
	case *core.Node_ArrayNode:
		sub, ok := t.ArrayNode.GetNode().GetTarget().(*core.Node_TaskNode)
		if !ok {
			return fmt.Errorf("maps over a %s; the local engine maps tasks only", kindOf(t.ArrayNode.GetNode()))
		}
		tmpl, err := l.task(sub.TaskNode.GetReferenceId())
		if err != nil {
			return err
		}
		return bound(n.GetInputs(), tmpl.GetInterface().GetInputs(), "input")
	case *core.Node_WorkflowNode:
		if id := t.WorkflowNode.GetSubWorkflowRef(); id != nil {
			sub, ok := l.workflows[id.GetName()]
			if !ok {
				return fmt.Errorf("sub-workflow %q is not in the bundle", id.GetName())
			}
			return bound(n.GetInputs(), sub.iface.GetInputs(), "input")
		}
		_, _, err := l.plan(t.WorkflowNode.GetLaunchplanRef())
		return err
	}
	return fmt.Errorf("is a %s, which the local engine does not run", kindOf(n))
}

func kindOf(n *core.Node) string {
	switch n.GetTarget().(type) {
	case *core.Node_TaskNode:
		return "task node"
	case *core.Node_WorkflowNode:
		return "workflow node"
	case *core.Node_BranchNode:
		return "branch node"
	case *core.Node_GateNode:
		return "gate node"
	case *core.Node_ArrayNode:
		return "array node"
	}
	return "node without a target"
}

// bound says which declared variables have no binding, and which bindings bind nothing.
func bound(bindings []*core.Binding, declared *core.VariableMap, what string) error {
	open := maps.Clone(declared.GetVariables())
	for _, b := range bindings {
		if _, ok := declared.GetVariables()[b.GetVar()]; !ok {
			return fmt.Errorf("binds %s %q, which is not declared", what, b.GetVar())
		}
		delete(open, b.GetVar())
	}
	if len(open) > 0 {
		return fmt.Errorf("%s not bound: %q", what, slices.Sorted(maps.Keys(open)))
	}
	return nil
}

// task finds a task that can be run as a process.
func (l *library) task(id *core.Identifier) (*core.TaskTemplate, error) {
	t, ok := l.tasks[id.GetName()]
	switch {
	case !ok && l.root != l:
		return nil, fmt.Errorf("task %q is not among the templates of futures.pb, which must hold all it uses", id.GetName())
	case !ok:
		return nil, fmt.Errorf("task %q is not in the bundle", id.GetName())
	case t.GetContainer() == nil:
		return nil, fmt.Errorf("task %q of type %q is not a container; the local engine runs containers only", id.GetName(), t.GetType())
	case t.GetMetadata().GetDiscoverable() && strings.TrimSpace(t.GetMetadata().GetDiscoveryVersion()) == "":
		return nil, fmt.Errorf("task %q is discoverable and has no discovery_version to be cached under", id.GetName())
	case t.GetContainer().GetDataConfig().GetEnabled():
		return nil, fmt.Errorf("task %q wants the copilot (data_config), which the local engine does not have", id.GetName())
	}
	return t, nil
}

// plan finds a launch plan and the workflow it launches.
func (l *library) plan(id *core.Identifier) (*admin.LaunchPlan, *workflow, error) {
	p, ok := l.plans[id.GetName()]
	if !ok {
		return nil, nil, fmt.Errorf("launch plan %q is not in the bundle", id.GetName())
	}
	w, ok := l.root.workflows[p.GetSpec().GetWorkflowId().GetName()]
	if !ok {
		return nil, nil, fmt.Errorf("launch plan %q starts workflow %q, which is not in the bundle", id.GetName(), p.GetSpec().GetWorkflowId().GetName())
	}
	return p, w, nil
}

// launch completes the inputs of an execution as the engine's admin does: a
// fixed input can't be given, a default may be, anything else must be. Without
// a plan (nil) the workflow's interface is all there is to go by.
func launch(p *admin.LaunchPlan, w *workflow, given *core.LiteralMap) (*core.LiteralMap, error) {
	in := make(map[string]*core.Literal)
	fixed := p.GetSpec().GetFixedInputs().GetLiterals()
	declared := w.iface.GetInputs().GetVariables()
	for name, l := range given.GetLiterals() {
		if _, ok := fixed[name]; ok {
			return nil, fmt.Errorf("input %q is fixed by launch plan %q and can't be given", name, p.GetId().GetName())
		}
		if _, ok := declared[name]; !ok {
			return nil, fmt.Errorf("there is no input %q; workflow %q takes %q", name, w.id.GetName(), slices.Sorted(maps.Keys(declared)))
		}
		in[name] = l
	}
	maps.Copy(in, fixed)
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if _, ok := in[name]; ok {
			continue
		}
		if d := p.GetSpec().GetDefaultInputs().GetParameters()[name].GetDefault(); d != nil {
			in[name] = d
			continue
		}
		missing = append(missing, name)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("workflow %q needs inputs %q", w.id.GetName(), missing)
	}
	return &core.LiteralMap{Literals: in}, nil
}
