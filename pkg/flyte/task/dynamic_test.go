package task_test

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
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
