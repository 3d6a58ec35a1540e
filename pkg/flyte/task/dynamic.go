package task

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Execute runs the task once, as its executable does, and returns the exit code.
func (t *Dynamic[In, Item, Out]) Execute(ctx context.Context, p Process, run RunDynamic[In, Item]) int {
	return t.execute(ctx, p, func(ctx context.Context, a *attempt, inputs *core.LiteralMap) (product, error) {
		var in In
		if err := decodeInputs(inputs, &in); err != nil {
			return product{}, err
		}
		closure, err := a.readClosure(ctx) // before run: a broken one makes its work useless
		if err != nil {
			return product{}, err
		}
		decision, err := run(ctx, in)
		if err != nil {
			return product{}, err
		}
		if len(decision.Items) == 0 { // the engine refuses a job without nodes
			var none Out
			return outputs(none)
		}
		items := make([]item, len(decision.Items))
		for i, it := range decision.Items {
			if items[i].inputs, err = literal.Marshal(it); err != nil {
				return product{}, fault.New(fault.Bug, "ItemInvalid", "item %d does not fit the branch's inputs: %w", i, err)
			}
			if named, ok := any(it).(fmt.Stringer); ok {
				items[i].name = named.String()
			}
		}
		closure.accelerate(decision.Accelerator)
		job, err := closure.multiply(decision.Branch, items, t.outputs)
		return product{futuresFile, job}, err
	})
}

// item is one copy of a branch: its inputs and, where it has one, its display name.
type item struct {
	name   string
	inputs *core.LiteralMap
}

// asRegistered is what a template has to be.
const asRegistered = "give the task's template as it was registered, which the engine hands over"

// readClosure reads the closure from the task's own template and fills in the
// project, domain and version under which the task was registered.
func (a *attempt) readClosure(ctx context.Context) (Closure, error) {
	uri := a.args.template
	if uri == "" {
		return Closure{}, fault.Input("ArgumentsInvalid", "--task-template is missing").
			Fix("give the task's template, whose custom holds what it multiplies")
	}
	raw, err := objstore.ReadAtMost(ctx, a.proc.Store, uri, literal.MaxFile)
	if err != nil {
		return Closure{}, fmt.Errorf("read the task's template: %w", err)
	}
	t := &core.TaskTemplate{}
	if err := literal.FromWire(raw, t); err != nil {
		return Closure{}, fault.Input("TemplateUnreadable", "not a task template: %w", err).On(uri).Fix(asRegistered)
	}
	c, err := ReadClosure(t.GetCustom())
	if err != nil {
		return Closure{}, fault.Input("TemplateUnreadable", "%w", err).On(uri).Fix(asRegistered)
	}
	fill(c.Job.ProtoReflect(), a.env.id)
	return c, nil
}

// multiply makes the job: one copy of the branch per item, and for every output
// of the task the list of what the copies give under its name.
func (c Closure) multiply(name string, items []item, outputs []literal.Field) (*core.DynamicJobSpec, error) {
	prototype, err := c.branch(name)
	if err != nil {
		return nil, err
	}
	job := &core.DynamicJobSpec{
		Nodes:        make([]*core.Node, len(items)),
		MinSuccesses: int64(len(items)),
		Tasks:        c.Job.GetTasks(),
		Subworkflows: c.Job.GetSubworkflows(),
	}
	lists := make([]*core.BindingDataCollection, len(outputs))
	for i := range lists {
		lists[i] = &core.BindingDataCollection{}
	}
	for i, it := range items {
		n := proto.Clone(prototype).(*core.Node)
		n.Id = fmt.Sprintf("n%d", i)
		if it.name != "" {
			n.Metadata.Name = it.name
		}
		for name, l := range it.inputs.GetLiterals() {
			n.Inputs = append(n.Inputs, &core.Binding{Var: name, Binding: literal.Binding(l)})
		}
		slices.SortFunc(n.Inputs, func(a, b *core.Binding) int { return strings.Compare(a.GetVar(), b.GetVar()) })
		job.Nodes[i] = n
		for j, f := range outputs {
			lists[j].Bindings = append(lists[j].Bindings, &core.BindingData{Value: &core.BindingData_Promise{
				Promise: &core.OutputReference{NodeId: n.Id, Var: f.Name},
			}})
		}
	}
	for j, f := range outputs {
		job.Outputs = append(job.Outputs, &core.Binding{
			Var:     f.Name,
			Binding: &core.BindingData{Value: &core.BindingData_Collection{Collection: lists[j]}},
		})
	}
	return job, nil
}

// accelerate gives a device to every template that asks for a GPU.
func (c Closure) accelerate(device string) {
	if device == "" {
		return
	}
	for _, t := range c.Job.GetTasks() {
		for _, r := range t.GetContainer().GetResources().GetRequests() {
			if r.GetName() == core.Resources_GPU {
				t.ExtendedResources = accelerator(device)
			}
		}
	}
}

func (c Closure) branch(name string) (*core.Node, error) {
	var names []string
	for _, n := range c.Job.GetNodes() {
		if n.GetId() == name || name == "" && len(c.Job.GetNodes()) == 1 {
			if n.Metadata == nil {
				n.Metadata = &core.NodeMetadata{}
			}
			return n, nil
		}
		names = append(names, n.GetId())
	}
	return nil, fault.Input("BranchUnknown", "the task's closure has no branch %q", name).Fix("the workflow wired %q", names)
}

// fill completes every identifier below a message that has no project yet.
func fill(m protoreflect.Message, id Identity) {
	if i, ok := m.Interface().(*core.Identifier); ok {
		if i.Project == "" {
			i.Project, i.Domain, i.Version = id.Project, id.Domain, id.Version
		}
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			if f.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, e protoreflect.Value) bool {
					fill(e.Message(), id)
					return true
				})
			}
		case f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				fill(v.List().Get(i).Message(), id)
			}
		default:
			fill(v.Message(), id)
		}
		return true
	})
}
