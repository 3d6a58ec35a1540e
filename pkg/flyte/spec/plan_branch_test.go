package spec_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler/common"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
)

// batchIn is some pages, batchOut what their lines gave.
type (
	batchIn struct {
		Pages    []int64          `flyte:"pages"`
		Settings example.Settings `flyte:"settings"`
	}
	batchOut struct {
		Reports [][]*literal.Blob `flyte:"reports,format=json"`
		Lines   [][]int64         `flyte:"lines"`
	}
	bookIn struct {
		Batches [][]int64 `flyte:"batches"`
	}
	bookOut struct {
		Reports [][][]*literal.Blob `flyte:"reports,format=json"`
		Lines   [][][]int64         `flyte:"lines"`
	}
)

var fanBatches = task.DefineDynamic[bookIn, batchIn, bookOut](task.Declaration{Name: "fan_batches", Doc: "Sends every batch of pages on."})

// page is what every page goes through.
func page() *spec.Workflow[example.PageIn, example.PageOut] {
	w := spec.New[example.PageIn, example.PageOut]("page", "Counts the words of a page.")
	lines := spec.Add(w, example.Lines)
	spec.Connect(w, &lines.In.Page, &w.In.Page)
	spec.Connect(w, &lines.In.Settings, &w.In.Settings)
	count := spec.Map(w, example.CountWords, spec.MinSuccess(0))
	spec.Const(w, &count.In.Mode, "ok")
	spec.Connect(w, &count.In.Skip, &w.In.Skip)
	spec.Connect(w, &count.In.Settings, &w.In.Settings)
	spec.Each(w, &count.In.Line, &lines.Out.Lines)
	spec.GatherSome(w, &w.Out.Reports, &count.Out.Report)
	spec.Connect(w, &w.Out.Lines, &lines.Out.Lines)
	return w
}

// batch is a workflow with a dynamic task of its own.
func batch() *spec.Workflow[batchIn, batchOut] {
	w := spec.New[batchIn, batchOut]("count_batch", "Counts the words of some pages.")
	fan := spec.Fan(w, example.FanPages, spec.Branch("cpu", page()))
	spec.Connect(w, &fan.In.Pages, &w.In.Pages)
	spec.Connect(w, &fan.In.Settings, &w.In.Settings)
	spec.Const(w, &fan.In.Branch, "cpu")
	spec.Connect(w, &w.Out.Reports, &fan.Out.Reports)
	spec.Connect(w, &w.Out.Lines, &fan.Out.Lines)
	return w
}

// book fans out over batches: inside the execution, and as executions of their own.
func book(b *spec.Workflow[batchIn, batchOut]) *spec.Workflow[bookIn, bookOut] {
	w := spec.New[bookIn, bookOut]("count_book", "Counts the words of a book.")
	fan := spec.Fan(w, fanBatches, spec.Branch("inside", b), spec.PlanBranch("apart", b))
	spec.Connect(w, &fan.In.Batches, &w.In.Batches)
	spec.Connect(w, &w.Out.Reports, &fan.Out.Reports)
	spec.Connect(w, &w.Out.Lines, &fan.Out.Lines)
	return w
}

// TestPlanBranch runs the dynamic task with either branch, and compiles what it
// wrote as the propeller does, launch plan or dynamic task in a dynamic task.
func TestPlanBranch(t *testing.T) {
	b := batch()
	spec.Default(b, &b.In.Settings, example.Settings{Separator: " "})
	child, err := b.Build(options)
	if err != nil {
		t.Fatal(err)
	}
	parent, err := book(b).Build(options)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"count_batch"}, parent.Launches()); d != "" || len(child.Launches()) != 0 {
		t.Errorf("launches: %s, and the child's %q", d, child.Launches())
	}
	plan := providePlan(t, child)
	for _, branch := range []string{"inside", "apart"} {
		t.Run(branch, func(t *testing.T) {
			template, job := futures(t, parent, "fan_batches", branch, []batchIn{{Pages: []int64{1, 2}}, {Pages: []int64{3}}})
			dynamic := &core.WorkflowTemplate{
				Id:        &core.Identifier{ResourceType: core.ResourceType_WORKFLOW, Project: "p", Domain: "d", Name: "dynamic", Version: "v"},
				Nodes:     job.GetNodes(),
				Outputs:   job.GetOutputs(),
				Interface: template.GetInterface(),
			}
			compileWith(t, dynamic, job.GetSubworkflows(), job.GetTasks(), plan)
			id := job.GetNodes()[0].GetWorkflowNode().GetLaunchplanRef()
			if apart := branch == "apart"; apart != (id.GetName() == "count_batch" && id.GetResourceType() == core.ResourceType_LAUNCH_PLAN && id.GetVersion() == "v") {
				t.Errorf("node: %v", job.GetNodes()[0])
			}
			if branch == "inside" {
				// The inner dynamic task has its closure with it.
				for _, s := range job.GetTasks() {
					if s.GetId().GetName() == "fan_pages" {
						c, err := task.ReadClosure(s.GetCustom())
						if err != nil || len(c.Job.GetSubworkflows()) != 1 {
							t.Errorf("the inner closure: %v %v", c, err)
						}
						return
					}
				}
				t.Error("the inner dynamic task is not among the job's")
			}
		})
	}
}

// Nothing of a launched workflow travels, however large it is.
func TestPlanBranchIsSmall(t *testing.T) {
	b := batch()
	w := spec.New[bookIn, bookOut]("count_book", "Counts the words of a book.")
	fan := spec.Fan(w, fanBatches, spec.PlanBranch("apart", b))
	spec.Connect(w, &fan.In.Batches, &w.In.Batches)
	spec.Connect(w, &w.Out.Reports, &fan.Out.Reports)
	spec.Connect(w, &w.Out.Lines, &fan.Out.Lines)
	bundle, err := w.Build(options)
	if err != nil {
		t.Fatal(err)
	}
	c, err := task.ReadClosure(bundle.Tasks[0].GetTemplate().GetCustom())
	if err != nil {
		t.Fatal(err)
	}
	if len(bundle.Tasks) != 1 || len(c.Job.GetTasks()) != 0 || len(c.Job.GetSubworkflows()) != 0 || len(bundle.Workflow.GetSubWorkflows()) != 0 {
		t.Errorf("tasks %d, closure %v", len(bundle.Tasks), c.Job)
	}
}

// launcher uses a workflow by its plan, in a fixed node.
func launcher(name string, b *spec.Workflow[batchIn, batchOut]) *spec.Workflow[batchIn, batchOut] {
	w := spec.New[batchIn, batchOut](name, "Launches.")
	n := spec.UsePlan(w, b)
	spec.Connect(w, &n.In.Pages, &w.In.Pages)
	spec.Connect(w, &w.Out.Reports, &n.Out.Reports)
	spec.Connect(w, &w.Out.Lines, &n.Out.Lines)
	return w
}

func TestUsePlan(t *testing.T) {
	b := batch()
	w := launcher("launcher", b)
	if _, err := w.Build(options); err == nil || !strings.Contains(err.Error(), "node count-batch: nothing feeds settings") {
		t.Errorf("an input without a default: %v", err)
	}
	spec.Default(b, &b.In.Settings, example.Settings{Separator: " "})
	parent, err := w.Build(options)
	if err != nil {
		t.Fatal(err)
	}
	child, err := b.Build(options)
	if err != nil {
		t.Fatal(err)
	}
	register(parent.Workflow.ProtoReflect())
	compileWith(t, parent.Workflow.GetTemplate(), parent.Workflow.GetSubWorkflows(), nil, providePlan(t, child))
}

// TestOrder: what others launch is registered before them, at any depth.
func TestOrder(t *testing.T) {
	chain := []*spec.Workflow[batchIn, batchOut]{batch()}
	spec.Default(chain[0], &chain[0].In.Settings, example.Settings{})
	for i := 1; i <= 6; i++ {
		w := launcher(fmt.Sprintf("a%d", 9-i), chain[i-1]) // against the alphabet
		spec.Default(w, &w.In.Settings, example.Settings{})
		chain = append(chain, w)
	}
	var bundles []*spec.Bundle
	var want []string
	for i, w := range chain {
		b, err := w.Build(options)
		if err != nil {
			t.Fatal(err)
		}
		bundles = append([]*spec.Bundle{b}, bundles...)
		name := b.Workflow.GetTemplate().GetId().GetName()
		want = append(want, fmt.Sprintf("%02d_%s_2.pb", 2*i+1, name), fmt.Sprintf("%02d_%s_3.pb", 2*i+2, name))
	}
	var names []string
	for _, name := range archived(t, bundles...) {
		if !strings.HasSuffix(name, "_1.pb") {
			names = append(names, name)
		}
	}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
	sorted, err := spec.InOrder(bundles...)
	if err != nil || sorted[0] != bundles[len(bundles)-1] || sorted[len(sorted)-1] != bundles[0] {
		t.Errorf("order: %v", err)
	}
	if err := spec.WriteArchive(io.Discard, bundles[0]); err == nil || !strings.Contains(err.Error(), "workflow a3 launches a4; give their workflows' bundles too") {
		t.Errorf("a plan nobody registers: %v", err)
	}
}

// A dynamic task may launch its own workflow, to split once more; a fixed node may not.
func TestRecursion(t *testing.T) {
	type in struct {
		Pages []int64 `flyte:"pages"`
	}
	type out struct {
		Lines []int64 `flyte:"lines"`
	}
	type outs struct {
		Lines [][]int64 `flyte:"lines"`
	}
	fan := task.DefineDynamic[in, in, outs](task.Declaration{Name: "halve", Doc: "Halves."})
	w := spec.New[in, out]("halves", "Halves and halves.")
	n := spec.Fan(w, fan, spec.PlanBranch("again", w))
	spec.Connect(w, &n.In.Pages, &w.In.Pages)
	spec.Const(w, &w.Out.Lines, []int64{1})
	b, err := w.Build(options)
	if err != nil {
		t.Fatal(err)
	}
	if names := archived(t, b); len(names) != 3 {
		t.Errorf("got %q", names)
	}
	spec.Use(w, w)
	if _, err := w.Build(options); err == nil || !strings.Contains(err.Error(), "would never end: halves > halves") {
		t.Errorf("a workflow inside itself: %v", err)
	}
}

// archived lists the files of an archive.
func archived(t *testing.T, bundles ...*spec.Bundle) []string {
	t.Helper()
	var buffer bytes.Buffer
	if err := spec.WriteArchive(&buffer, bundles...); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(&buffer)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

// providePlan is a bundle's plan as FlyteAdmin keeps it: what it expects and gives.
func providePlan(t *testing.T, b *spec.Bundle) common.InterfaceProvider {
	t.Helper()
	plan := proto.CloneOf(b.Plans[0])
	register(plan.ProtoReflect())
	plan.Closure = &admin.LaunchPlanClosure{
		ExpectedInputs:  plan.GetSpec().GetDefaultInputs(),
		ExpectedOutputs: b.Workflow.GetTemplate().GetInterface().GetOutputs(),
	}
	return compiler.NewLaunchPlanInterfaceProvider(plan)
}

// futures runs a dynamic task of a bundle, which decides for these items.
func futures(t *testing.T, b *spec.Bundle, name, branch string, items []batchIn) (*core.TaskTemplate, *core.DynamicJobSpec) {
	t.Helper()
	ctx, store := t.Context(), objstore.NewMemory()
	var template *core.TaskTemplate
	for _, s := range b.Tasks {
		if s.GetTemplate().GetId().GetName() == name {
			template = s.GetTemplate()
		}
	}
	inputs, err := literal.Marshal(bookIn{})
	if err != nil {
		t.Fatal(err)
	}
	for uri, m := range map[string]proto.Message{"mem://b/in.pb": inputs, "mem://b/template.pb": template} {
		raw, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := objstore.WriteFile(ctx, store, uri, raw); err != nil {
			t.Fatal(err)
		}
	}
	process := task.Process{
		Args: []string{"--inputs", "mem://b/in.pb", "--output-prefix", "mem://b/out", "--task-template", "mem://b/template.pb"},
		Env: func(key string) (string, bool) {
			v, ok := map[string]string{"FLYTE_INTERNAL_TASK_PROJECT": "p", "FLYTE_INTERNAL_TASK_DOMAIN": "d", "FLYTE_INTERNAL_TASK_VERSION": "v"}[key]
			return v, ok
		},
		Stdout: io.Discard, Stderr: io.Discard, Store: store,
	}
	if code := fanBatches.Execute(ctx, process, func(context.Context, bookIn) (task.FanOut[batchIn], error) {
		return task.FanOut[batchIn]{Branch: branch, Items: items}, nil
	}); code != 0 {
		t.Fatalf("exit %d", code)
	}
	raw, err := objstore.ReadFile(ctx, store, "mem://b/out/futures.pb")
	if err != nil {
		t.Fatal(err)
	}
	job := &core.DynamicJobSpec{}
	if err := proto.Unmarshal(raw, job); err != nil {
		t.Fatal(err)
	}
	return template, job
}
