package spec

import (
	"time"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/types/known/durationpb"
)

// elementSuffix ends the id of the node inside an array node. The engine's
// compiler keeps all nodes of a workflow in one index, so it has to be unique too.
const elementSuffix = "-element"

func (b *builder) node(n *node) *core.Node {
	p := &core.Node{Id: n.id, Inputs: bindings(n.bindings)}
	for _, earlier := range n.after {
		p.UpstreamNodeIds = append(p.UpstreamNodeIds, earlier.id)
	}
	switch n.kind {
	case nested:
		b.workflow(n.sub)
		p.Metadata = n.metadata(n.sub.name)
		p.Target = n.sub.workflowNode(false)
	case launched:
		p.Metadata = n.metadata(n.sub.name)
		p.Target = n.sub.workflowNode(true)
	case mapped:
		b.template(n, task.TemplateOptions{Variant: n.variant}) // registered too: to run one element alone
		t := b.template(n, task.TemplateOptions{Variant: n.variant, Mapped: true})
		// A time-out on the array node would bound the whole map, so it stands on the element.
		inner := &core.Node{Id: n.id + elementSuffix, Metadata: n.metadata(t.GetId().GetName()), Target: taskNode(t)}
		p.Metadata = n.metadata(t.GetId().GetName())
		p.Metadata.Timeout = nil
		array := &core.ArrayNode{Node: inner}
		if n.concurrency != nil {
			array.ParallelismOption = &core.ArrayNode_Parallelism{Parallelism: *n.concurrency}
		}
		if n.minSuccess != nil {
			array.SuccessCriteria = &core.ArrayNode_MinSuccessRatio{MinSuccessRatio: *n.minSuccess}
		}
		array.BoundInputs = n.broadcastLists()
		p.Target = &core.Node_ArrayNode{ArrayNode: array}
	default:
		o := task.TemplateOptions{Variant: n.variant}
		if n.kind == fan {
			custom, err := b.closure(n).Custom()
			if err != nil {
				b.bad("%s: node %s: %w", n.at, n.id, err)
			}
			o.Custom = custom
		}
		t := b.template(n, o)
		p.Metadata = n.metadata(t.GetId().GetName())
		p.Target = taskNode(t)
	}
	return p
}

func taskNode(t *core.TaskTemplate) *core.Node_TaskNode {
	return &core.Node_TaskNode{TaskNode: &core.TaskNode{Reference: &core.TaskNode_ReferenceId{ReferenceId: t.GetId()}}}
}

// workflowNode runs a workflow inside the execution, or by its launch plan as
// an execution of its own.
func (g *graph) workflowNode(plan bool) *core.Node_WorkflowNode {
	n := &core.WorkflowNode{Reference: &core.WorkflowNode_SubWorkflowRef{
		SubWorkflowRef: &core.Identifier{ResourceType: core.ResourceType_WORKFLOW, Name: g.name},
	}}
	if plan {
		n.Reference = &core.WorkflowNode_LaunchplanRef{
			LaunchplanRef: &core.Identifier{ResourceType: core.ResourceType_LAUNCH_PLAN, Name: g.name},
		}
	}
	return &core.Node_WorkflowNode{WorkflowNode: n}
}

// metadata carries what the engine ignores on a task and reads on a node.
func (n *node) metadata(name string) *core.NodeMetadata {
	m := &core.NodeMetadata{Name: name}
	var timeout time.Duration
	var interruptible bool
	if n.task != nil {
		d := n.task.Declaration()
		timeout, interruptible = d.Timeout, d.Interruptible
		for _, v := range d.Variants {
			if v.Suffix == n.variant {
				interruptible = v.Interruptible
			}
		}
	}
	if n.interruptible != nil {
		interruptible = *n.interruptible
	}
	if n.timeout != nil {
		timeout = *n.timeout
	}
	if interruptible || n.interruptible != nil {
		m.InterruptibleValue = &core.NodeMetadata_Interruptible{Interruptible: interruptible}
	}
	if timeout > 0 {
		m.Timeout = durationpb.New(timeout)
	}
	return m
}

// broadcastLists names the list inputs that a map does not run over: the
// engine would take every list apart.
func (n *node) broadcastLists() []string {
	var names []string
	for _, f := range n.inputs {
		if f.Type.GetCollectionType() != nil && !(slot{node: n, field: f}).over() {
			names = append(names, f.Name)
		}
	}
	return names
}

// closure builds what a dynamic task multiplies. A workflow in it may hold a
// dynamic task itself, whose closure then travels in that task's template.
func (b *builder) closure(n *node) task.Closure {
	inner := &builder{options: b.options, tasks: map[string]*admin.TaskSpec{}, workflows: map[string]*core.WorkflowTemplate{}}
	job := &core.DynamicJobSpec{}
	for _, br := range n.branches {
		if !br.plan {
			inner.workflow(br.g)
		}
		job.Nodes = append(job.Nodes, &core.Node{
			Id:       br.name,
			Metadata: &core.NodeMetadata{Name: br.name},
			Target:   br.g.workflowNode(br.plan),
		})
	}
	job.Subworkflows = sorted(inner.workflows)
	used := map[string]bool{}
	for _, w := range job.Subworkflows {
		for _, node := range w.GetNodes() {
			used[referenced(node)] = true
		}
	}
	for _, s := range sorted(inner.tasks) {
		if used[s.GetTemplate().GetId().GetName()] {
			job.Tasks = append(job.Tasks, s.GetTemplate())
		}
		b.keepTask(s)
	}
	b.errs = append(b.errs, inner.errs...)
	return task.Closure{Job: job}
}

// referenced is the name of the task that a node runs.
func referenced(n *core.Node) string {
	if a := n.GetArrayNode(); a != nil {
		n = a.GetNode()
	}
	return n.GetTaskNode().GetReferenceId().GetName()
}
