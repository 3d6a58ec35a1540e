package spec

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
)

// Options of a build.
type Options struct {
	Image  string            // of tasks without an image role
	Images map[string]string // by image role

	// Accelerator replaces the GPU device that declarations name; templates
	// that ask for no GPU are left alone. Empty: as declared.
	Accelerator string
	// MaxParallelism bounds the nodes of an execution that run at once, in the
	// launch plans; 0 leaves it to the cluster. It is Plan.MaxParallelism, for short.
	MaxParallelism int
	// Plan is what all launch plans say that don't say otherwise themselves.
	Plan PlanSettings

	// Command is what a container runs for a stage's executable, before the
	// stage's arguments; nil runs the executable that the image holds in /bin.
	Command func(executable string) ([]string, error)
	// PodTemplates replaces names of PodTemplates in declarations by those of
	// the cluster; an empty name leaves the pod template out.
	PodTemplates map[string]string
	// Source links an entity to its source code; nil links nothing.
	Source func(kind core.ResourceType, name string) string
}

func (o Options) image(role string) string {
	if role == "" {
		return o.Image
	}
	return o.Images[role]
}

// Bundle is a workflow as it is registered: its tasks, itself, and its launch
// plans (registering a workflow makes none), that of its own name first.
type Bundle struct {
	Tasks    []*admin.TaskSpec // sorted by name
	Workflow *admin.WorkflowSpec
	Plans    []*admin.LaunchPlan
}

// Build checks the workflow and writes its protos. All faults are reported at
// once: wrong edges, inputs nobody feeds, cycles, ids that stand twice, missing images.
func (w *Workflow[In, Out]) Build(o Options) (*Bundle, error) {
	if c := w.g.recursion(); c != "" {
		return nil, fmt.Errorf("workflow %s would never end: %s; only a dynamic task may launch the workflow it is part of (PlanBranch)", w.g.name, c)
	}
	b := &builder{options: o, tasks: map[string]*admin.TaskSpec{}, workflows: map[string]*core.WorkflowTemplate{}}
	main := b.workflow(w.g)
	plans := b.buildPlans(w.g)
	if len(b.errs) > 0 {
		return nil, fmt.Errorf("workflow %s:\n%w", w.g.name, errors.Join(b.errs...))
	}
	delete(b.workflows, w.g.name)
	bundle := &Bundle{
		Workflow: &admin.WorkflowSpec{
			Template:     main,
			SubWorkflows: sorted(b.workflows),
			Description:  o.describe(main.GetId(), w.g.doc, w.g.typedInterface(), nil),
		},
		Tasks: sorted(b.tasks),
		Plans: plans,
	}
	return bundle, nil
}

// builder collects what a workflow needs. A closure has a builder of its own,
// whose tasks are those that the closure needs and no others.
type builder struct {
	options   Options
	tasks     map[string]*admin.TaskSpec
	workflows map[string]*core.WorkflowTemplate
	errs      []error
}

func (b *builder) bad(format string, a ...any) { b.errs = append(b.errs, fmt.Errorf(format, a...)) }

// workflow builds a workflow and, below it, everything that it uses.
func (b *builder) workflow(g *graph) *core.WorkflowTemplate {
	b.errs = append(b.errs, g.check()...)
	t := &core.WorkflowTemplate{
		Id:               &core.Identifier{ResourceType: core.ResourceType_WORKFLOW, Name: g.name},
		Metadata:         &core.WorkflowMetadata{},
		MetadataDefaults: &core.WorkflowMetadataDefaults{},
		Interface:        g.typedInterface(),
		Outputs:          bindings(g.results),
	}
	if g.finishOthers {
		t.Metadata.OnFailure = core.WorkflowMetadata_FAIL_AFTER_EXECUTABLE_NODES_COMPLETE
	}
	for _, n := range g.nodes {
		t.Nodes = append(t.Nodes, b.node(n))
	}
	b.keepWorkflow(t)
	return t
}

func (b *builder) keepWorkflow(t *core.WorkflowTemplate) {
	if other := b.workflows[t.GetId().GetName()]; other != nil && !proto.Equal(other, t) {
		b.bad("two different workflows have the name %s", t.GetId().GetName())
	}
	b.workflows[t.GetId().GetName()] = t
}

func (b *builder) keepTask(s *admin.TaskSpec) {
	name := s.GetTemplate().GetId().GetName()
	if other := b.tasks[name]; other != nil && !proto.Equal(other, s) {
		b.bad("two different tasks have the name %s (a dynamic task has one set of branches)", name)
	}
	b.tasks[name] = s
}

// template makes one of a task's templates, and keeps it for registration.
func (b *builder) template(n *node, o task.TemplateOptions) *core.TaskTemplate {
	role, err := n.task.ImageRole(o.Variant)
	if err != nil {
		b.bad("%s: node %s: %w", n.at, n.id, err)
		return &core.TaskTemplate{Id: &core.Identifier{Name: n.task.Name()}}
	}
	if o.Image = b.options.image(role); o.Image == "" {
		b.bad("task %s: no container image for role %q is given", n.task.Name(), role)
	}
	t, err := n.task.Template(o)
	if err != nil {
		b.bad("%s: node %s: %w", n.at, n.id, err)
		return &core.TaskTemplate{Id: &core.Identifier{Name: n.task.Name()}}
	}
	if gpu := t.GetExtendedResources().GetGpuAccelerator(); gpu != nil && b.options.Accelerator != "" {
		gpu.Device = b.options.Accelerator
	}
	if b.options.Command != nil {
		if t.GetContainer().Command, err = b.options.Command(n.task.Declaration().Executable()); err != nil {
			b.bad("task %s: %w", n.task.Name(), err)
		}
	}
	if name := t.GetMetadata().GetPodTemplateName(); name != "" {
		// The declaration's is for its own resources, so a variant has none.
		if other, renamed := b.options.PodTemplates[name]; renamed {
			t.Metadata.PodTemplateName = other
		}
		if o.Variant != "" {
			t.Metadata.PodTemplateName = ""
		}
	}
	d := n.task.Declaration()
	b.keepTask(&admin.TaskSpec{
		Template:    t,
		Description: b.options.describe(t.GetId(), d.Doc+kindOf(d, o), t.GetInterface(), t),
	})
	return t
}

func (g *graph) typedInterface() *core.TypedInterface {
	return &core.TypedInterface{Inputs: literal.VariableMap(g.inputs), Outputs: literal.VariableMap(g.outputs)}
}

func bindings(m map[string]*core.BindingData) []*core.Binding {
	var list []*core.Binding
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, &core.Binding{Var: name, Binding: m[name]})
	}
	return list
}

func sorted[T any](m map[string]T) []T {
	var list []T
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[name])
	}
	return list
}
