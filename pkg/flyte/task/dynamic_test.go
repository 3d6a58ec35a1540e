package task_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/workflow"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
)

// template writes the template of fan_pages, closure and all, as the engine
// does for {{.taskTemplatePath}}.
func template(t *testing.T, uri string) {
	t.Helper()
	b, err := workflow.Text().Build(spec.Options{Image: "example:1", Images: map[string]string{"small": "small:1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range b.Tasks {
		if s.GetTemplate().GetId().GetName() == "fan_pages" {
			raw, err := proto.Marshal(s.GetTemplate())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := objstore.WriteFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), uri, raw); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("the bundle has no fan_pages")
}

func TestFanOut(t *testing.T) {
	onBoth(t, func(t *testing.T, prefix string) {
		uri := objstore.Join(prefix, "template.pb")
		template(t, uri)
		run := func(name string, in example.FanIn) ended {
			return stage{program: "fan-pages", prefix: objstore.Join(prefix, name), inputs: in, args: []string{"--task-template", uri}}.run(t)
		}

		e := run("two", example.FanIn{Pages: []int64{11, 12}, Branch: "cpu", Settings: example.Settings{Depth: 5}})
		job := &core.DynamicJobSpec{}
		e.read(t, "futures.pb", job)
		if e.code != 0 || e.has("outputs.pb") || !e.has("deck.html") {
			t.Errorf("exit %d, outputs %v, deck %v", e.code, e.has("outputs.pb"), e.has("deck.html"))
		}
		if len(job.GetNodes()) != 2 || job.GetMinSuccesses() != 2 {
			t.Fatalf("got %v", job.GetNodes())
		}
		n := job.GetNodes()[1]
		ref := n.GetWorkflowNode().GetSubWorkflowRef()
		if n.GetId() != "n1" || n.GetMetadata().GetName() != "page 12" || ref.GetName() != "page_cpu" || ref.GetProject() != "proj" || ref.GetVersion() != "v9" {
			t.Errorf("got %v", n)
		}
		if b := n.GetInputs()[0]; b.GetVar() != "page" || b.GetBinding().GetScalar().GetPrimitive().GetInteger() != 12 {
			t.Errorf("got %v", n.GetInputs())
		}
		for _, s := range job.GetTasks() {
			if s.GetId().GetProject() != "proj" || s.GetId().GetDomain() != "dom" || s.GetContainer().GetImage() == "" {
				t.Errorf("an incomplete template: %v", s)
			}
		}
		if len(job.GetOutputs()) != 2 || len(job.GetOutputs()[0].GetBinding().GetCollection().GetBindings()) != 2 {
			t.Errorf("got outputs %v", job.GetOutputs())
		}

		e = run("none", example.FanIn{Pages: []int64{}, Branch: "cpu"})
		m := &core.LiteralMap{}
		e.read(t, "outputs.pb", m)
		var out example.FanOut
		if err := literal.Unmarshal(m, &out); err != nil || len(m.GetLiterals()) != 2 || len(out.Lines) != 0 || e.has("futures.pb") {
			t.Errorf("no items: %v, %v", m, err)
		}

		e = run("other", example.FanIn{Pages: []int64{1}, Branch: "tpu"})
		if f := e.failure(t); f.GetCode() != "BranchUnknown" || !strings.Contains(f.GetMessage(), `["gpu" "cpu"]`) {
			t.Errorf("got %v", f)
		}
		e = stage{program: "fan-pages", prefix: objstore.Join(prefix, "by-hand"), inputs: example.FanIn{}}.run(t)
		if f := e.failure(t); f.GetCode() != "ArgumentsInvalid" {
			t.Errorf("no template: %v", f)
		}
		e = stage{program: "fan-pages", prefix: objstore.Join(prefix, "no-closure"), inputs: example.FanIn{}, args: []string{"--task-template", objstore.Join(prefix, "two/count/data/inputs.pb")}}.run(t)
		if f := e.failure(t); f.GetCode() != "TemplateUnreadable" {
			t.Errorf("a template without a closure: %v", f)
		}
	})
}

// fanned runs fan_pages in this process with a template of its own.
func fanned(t *testing.T, uri string, out task.FanOut[example.PageIn]) *core.DynamicJobSpec {
	t.Helper()
	dir := t.TempDir()
	m, err := literal.Marshal(example.FanIn{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	inputs := objstore.Join(dir, "inputs.pb")
	p := process(t, dir)
	if _, err := objstore.WriteFile(t.Context(), p.Store, inputs, raw); err != nil {
		t.Fatal(err)
	}
	identity := map[string]string{"FLYTE_INTERNAL_EXECUTION_ID": "ex1", "FLYTE_INTERNAL_TASK_PROJECT": "proj",
		"FLYTE_INTERNAL_TASK_DOMAIN": "dom", "FLYTE_INTERNAL_TASK_VERSION": "v9"}
	p.Env = func(key string) (string, bool) { v, ok := identity[key]; return v, ok }
	p.Args = append(p.Args, "--inputs", inputs, "--task-template", uri)
	code := example.FanPages.Execute(t.Context(), p, func(context.Context, example.FanIn) (task.FanOut[example.PageIn], error) { return out, nil })
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, p.Stderr)
	}
	job := &core.DynamicJobSpec{}
	raw, err = objstore.ReadFile(t.Context(), p.Store, objstore.Join(dir, "n1/data/0/futures.pb"))
	if err == nil {
		err = proto.Unmarshal(raw, job)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, p.Stderr)
	}
	return job
}

// TestAccelerator: the device is a matter of the run; who asks for no GPU gets none.
func TestAccelerator(t *testing.T) {
	uri := objstore.Join(t.TempDir(), "template.pb")
	template(t, uri)
	for _, device := range []string{"", "nvidia-a100"} {
		want := device
		if want == "" {
			want = "nvidia-l4" // as declared
		}
		with, without := 0, 0
		for _, s := range fanned(t, uri, task.FanOut[example.PageIn]{Branch: "gpu", Accelerator: device, Items: []example.PageIn{{Page: 1}}}).GetTasks() {
			gpu := false
			for _, r := range s.GetContainer().GetResources().GetRequests() {
				gpu = gpu || r.GetName() == core.Resources_GPU
			}
			got := s.GetExtendedResources().GetGpuAccelerator()
			switch {
			case gpu && (got.GetDevice() != want || !got.GetUnpartitioned()):
				t.Errorf("%s: got %v, want %s", s.GetId().GetName(), got, want)
			case !gpu && got != nil:
				t.Errorf("%s asks for no GPU and gets %v", s.GetId().GetName(), got)
			case gpu:
				with++
			default:
				without++
			}
		}
		if with == 0 || without == 0 {
			t.Errorf("%d templates with a GPU, %d without: this tests nothing", with, without)
		}
	}
}

// TestPlanBranch: a branch may be a launch plan, each copy then a child execution.
func TestPlanBranch(t *testing.T) {
	id := &core.Identifier{ResourceType: core.ResourceType_LAUNCH_PLAN, Name: "page_plan"}
	custom, err := task.Closure{Job: &core.DynamicJobSpec{Nodes: []*core.Node{{Id: "plan", Target: &core.Node_WorkflowNode{
		WorkflowNode: &core.WorkflowNode{Reference: &core.WorkflowNode_LaunchplanRef{LaunchplanRef: id}}}}}}}.Custom()
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := example.FanPages.Template(task.TemplateOptions{Image: "i", Custom: custom})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Marshal(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	uri := objstore.Join(t.TempDir(), "template.pb")
	if _, err := objstore.WriteFile(t.Context(), objstore.Open(t.Context(), objstore.Config{}), uri, raw); err != nil {
		t.Fatal(err)
	}
	job := fanned(t, uri, task.FanOut[example.PageIn]{Accelerator: "nvidia-a100", Items: []example.PageIn{{Page: 4}, {Page: 5}}})
	if len(job.GetNodes()) != 2 || len(job.GetTasks()) != 0 {
		t.Fatalf("got %v", job)
	}
	want := &core.Identifier{ResourceType: core.ResourceType_LAUNCH_PLAN, Project: "proj", Domain: "dom", Name: "page_plan", Version: "v9"}
	for i, n := range job.GetNodes() {
		if !proto.Equal(n.GetWorkflowNode().GetLaunchplanRef(), want) {
			t.Errorf("got %v, want %v", n.GetWorkflowNode(), want)
		}
		if name := n.GetMetadata().GetName(); name != fmt.Sprintf("page %d", i+4) || len(n.GetInputs()) != 4 {
			t.Errorf("copy %d is called %q and has inputs %v", i, name, n.GetInputs())
		}
	}
}
