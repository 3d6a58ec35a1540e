package local

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Bundle is what is registered together: a workflow, what it refers to, and the
// launch plans by which it and its children are started.
//
// Entities are found by the name in their identifier alone: a bundle is one
// registration, so project, domain and version can't tell two of them apart.
type Bundle struct {
	Tasks        []*core.TaskTemplate
	Workflow     *core.WorkflowTemplate
	SubWorkflows []*core.WorkflowTemplate // of Workflow, and those that launch plans start
	Plans        []*admin.LaunchPlan
}

// Register returns a copy of the bundle in which every identifier without
// project, domain or version has them filled in, which is what flytectl does
// when it registers an archive.
func Register(b *Bundle, project, domain, version string) *Bundle {
	r := &Bundle{Workflow: fill(b.Workflow, project, domain, version)}
	for _, t := range b.Tasks {
		r.Tasks = append(r.Tasks, fill(t, project, domain, version))
	}
	for _, w := range b.SubWorkflows {
		r.SubWorkflows = append(r.SubWorkflows, fill(w, project, domain, version))
	}
	for _, p := range b.Plans {
		r.Plans = append(r.Plans, fill(p, project, domain, version))
	}
	return r
}

// fill copies a message and completes every core.Identifier in it.
func fill[M proto.Message](m M, project, domain, version string) M {
	m = proto.CloneOf(m)
	// Range fails only where a callback does, and this one doesn't.
	_ = protorange.Range(m.ProtoReflect(), func(p protopath.Values) error {
		msg, ok := p.Index(-1).Value.Interface().(protoreflect.Message)
		if !ok {
			return nil
		}
		id, ok := msg.Interface().(*core.Identifier)
		if !ok {
			return nil
		}
		for _, f := range []struct {
			field *string
			value string
		}{{&id.Project, project}, {&id.Domain, domain}, {&id.Version, version}} {
			if *f.field == "" {
				*f.field = f.value
			}
		}
		return nil
	})
	return m
}

// workflow is a template made ready to run.
type workflow struct {
	id      *core.Identifier
	iface   *core.TypedInterface
	policy  core.WorkflowMetadata_OnFailurePolicy
	graph   *graph
	outputs []*core.Binding
}

// library finds entities by name. A dynamic task's expansion has one of its
// own: the engine compiles it from the tasks and sub-workflows it brings along,
// while launch plans are looked up among what is registered.
type library struct {
	tasks     map[string]*core.TaskTemplate
	workflows map[string]*workflow
	plans     map[string]*admin.LaunchPlan
	root      *library // where launch plans find their workflows
}

// newLibrary indexes entities and checks all that can be checked before the
// first task runs. A nil root makes a root.
func newLibrary(tasks []*core.TaskTemplate, workflows []*core.WorkflowTemplate, plans []*admin.LaunchPlan, root *library) (*library, error) {
	l := &library{
		tasks:     make(map[string]*core.TaskTemplate, len(tasks)),
		workflows: make(map[string]*workflow, len(workflows)),
		plans:     make(map[string]*admin.LaunchPlan, len(plans)),
		root:      root,
	}
	if root == nil {
		l.root = l
	} else {
		l.plans = root.plans
	}
	for _, t := range tasks {
		name := t.GetId().GetName()
		if old, ok := l.tasks[name]; ok && !proto.Equal(old, t) {
			return nil, invalid("task %q is there twice, with different templates", name)
		}
		l.tasks[name] = t
	}
	for _, p := range plans {
		name := p.GetId().GetName()
		if _, ok := l.plans[name]; ok {
			return nil, invalid("launch plan %q is there twice", name)
		}
		l.plans[name] = p
	}
	for _, t := range workflows {
		name := t.GetId().GetName()
		if _, ok := l.workflows[name]; ok {
			return nil, invalid("workflow %q is there twice", name)
		}
		if t.GetFailureNode() != nil {
			return nil, invalid("workflow %q has a failure node, which the local engine does not run", name)
		}
		w, err := newWorkflow(t.GetId(), t.GetInterface(), t.GetNodes(), t.GetOutputs())
		if err != nil {
			return nil, err
		}
		w.policy = t.GetMetadata().GetOnFailure()
		l.workflows[name] = w
	}
	for _, w := range l.workflows {
		if err := l.check(w); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func newWorkflow(id *core.Identifier, iface *core.TypedInterface, nodes []*core.Node, outputs []*core.Binding) (*workflow, error) {
	g, err := newGraph(nodes, outputs)
	if err != nil {
		return nil, invalid("workflow %q: %w", id.GetName(), err)
	}
	return &workflow{id: id, iface: iface, graph: g, outputs: outputs}, nil
}

func invalid(format string, a ...any) *fault.Error { return fault.Input("SpecInvalid", format, a...) }
