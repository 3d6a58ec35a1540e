package spec_test

import (
	"context"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/workflow"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler/common"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler/validators"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var options = spec.Options{Image: "example:1", Images: map[string]string{"small": "small:1"}}

func build(t *testing.T) *spec.Bundle {
	t.Helper()
	b, err := workflow.Text().Build(options)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// register fills project, domain and version into every identifier, as flytectl does.
func register(m protoreflect.Message) {
	if i, ok := m.Interface().(*core.Identifier); ok {
		i.Project, i.Domain, i.Version = "p", "d", "v"
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, e protoreflect.Value) bool { register(e.Message()); return true })
		case f.IsMap() || f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				register(v.List().Get(i).Message())
			}
		default:
			register(v.Message())
		}
		return true
	})
}

// compile compiles as FlyteAdmin does at registration, and as the propeller
// does with a dynamic task's job.
func compile(t *testing.T, w *core.WorkflowTemplate, subs []*core.WorkflowTemplate, tasks []*core.TaskTemplate) {
	t.Helper()
	compileWith(t, w, subs, tasks)
}

func compileWith(t *testing.T, w *core.WorkflowTemplate, subs []*core.WorkflowTemplate, tasks []*core.TaskTemplate, plans ...common.InterfaceProvider) {
	t.Helper()
	compiled := []*core.CompiledTask{} // the engine never gives nil
	for _, s := range tasks {
		c, err := compiler.CompileTask(s)
		if err != nil {
			t.Fatalf("task %s: %v", s.GetId().GetName(), err)
		}
		compiled = append(compiled, c)
	}
	if _, err := compiler.GetRequirements(w, subs); err != nil {
		t.Fatal(err)
	}
	if _, err := compiler.CompileWorkflow(w, subs, compiled, plans); err != nil {
		t.Fatalf("workflow %s: %v", w.GetId().GetName(), err)
	}
}

func TestCompile(t *testing.T) {
	b := build(t)
	var tasks []*core.TaskTemplate
	for _, s := range b.Tasks {
		register(s.ProtoReflect())
		tasks = append(tasks, s.GetTemplate())
	}
	register(b.Workflow.ProtoReflect())
	compile(t, b.Workflow.GetTemplate(), b.Workflow.GetSubWorkflows(), tasks)
}

// TestCompileJob compiles what the dynamic task writes: a list of lists with
// optional elements, made of array nodes inside sub-workflows.
func TestCompileJob(t *testing.T) {
	ctx := t.Context()
	store := objstore.NewMemory()
	var fan *core.TaskTemplate
	for _, s := range build(t).Tasks {
		if s.GetTemplate().GetId().GetName() == "fan_pages" {
			fan = s.GetTemplate()
		}
	}
	write := func(uri string, m proto.Message) {
		raw, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := objstore.WriteFile(ctx, store, uri, raw); err != nil {
			t.Fatal(err)
		}
	}
	inputs, err := literal.Marshal(example.FanIn{Branch: "gpu"})
	if err != nil {
		t.Fatal(err)
	}
	write("mem://b/in.pb", inputs)
	write("mem://b/template.pb", fan)
	process := task.Process{
		Args: []string{"--inputs", "mem://b/in.pb", "--output-prefix", "mem://b/out", "--task-template", "mem://b/template.pb"},
		Env: func(key string) (string, bool) {
			v, ok := map[string]string{"FLYTE_INTERNAL_TASK_PROJECT": "p", "FLYTE_INTERNAL_TASK_DOMAIN": "d", "FLYTE_INTERNAL_TASK_VERSION": "v"}[key]
			return v, ok
		},
		Stdout: io.Discard, Stderr: io.Discard, Store: store,
	}
	title := "a title"
	code := example.FanPages.Execute(ctx, process, func(context.Context, example.FanIn) (task.FanOut[example.PageIn], error) {
		return task.FanOut[example.PageIn]{Branch: "gpu", Items: []example.PageIn{
			{Page: 1, Skip: []string{}}, {Page: 2, Title: &title, Skip: []string{"a"}},
		}}, nil
	})
	if code != 0 {
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
	compile(t, &core.WorkflowTemplate{
		Id:        &core.Identifier{ResourceType: core.ResourceType_WORKFLOW, Project: "p", Domain: "d", Name: "dynamic", Version: "v"},
		Nodes:     job.GetNodes(),
		Outputs:   job.GetOutputs(),
		Interface: fan.GetInterface(),
	}, job.GetSubworkflows(), job.GetTasks())
}

// The engine's own rule of what feeds what, against ours.
func TestAcceptsLikeTheEngine(t *testing.T) {
	var types []*core.LiteralType
	for _, side := range []*core.TypedInterface{example.CountWords.Interface(), example.CountWords.MappedInterface(), example.FanPages.Interface(), example.Sum.Interface()} {
		for _, m := range []*core.VariableMap{side.GetInputs(), side.GetOutputs()} {
			for _, v := range m.GetVariables() {
				types = append(types, v.GetType())
			}
		}
	}
	for _, dst := range types {
		for _, src := range types {
			if ours, theirs := literal.Accepts(dst, src), validators.AreTypesCastable(src, dst); ours != theirs {
				t.Errorf("%s from %s: we say %v, the engine %v", literal.TypeName(dst), literal.TypeName(src), ours, theirs)
			}
		}
	}
}

// FlyteAdmin holds defaults, and the engine cached outputs, to the declared types.
func TestLiteralsHaveTheirTypes(t *testing.T) {
	p := build(t).Plans[0].GetSpec().GetDefaultInputs().GetParameters()
	for name, v := range p {
		if d := v.GetDefault(); d != nil && !validators.AreTypesCastable(validators.LiteralTypeForLiteral(d), v.GetVar().GetType()) {
			t.Errorf("the default of %s is no %s", name, literal.TypeName(v.GetVar().GetType()))
		}
	}
	if !p["text"].GetRequired() || p["limit"].GetDefault() == nil || p["branch"].GetDefault() == nil {
		t.Errorf("got %v", p)
	}
	blob := &literal.Blob{URI: "s3://b/x"}
	for _, out := range []example.FanOut{
		{}, {Reports: [][]*literal.Blob{{}, {nil}, {blob}, {blob, nil}}, Lines: [][]int64{{}, {1}}},
	} {
		m, err := literal.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		for name, l := range m.GetLiterals() {
			want := example.FanPages.Interface().GetOutputs().GetVariables()[name].GetType()
			if got := validators.LiteralTypeForLiteral(l); !validators.AreTypesCastable(got, want) {
				t.Errorf("%s: %s is no %s", name, got, literal.TypeName(want))
			}
		}
	}
}

// Why a dynamic task that lists lists of optionals can't be cached: the type
// that the engine sees in what array nodes gave depends on which elements failed.
func TestFailedElementsHideTheType(t *testing.T) {
	none := &core.Literal{Value: &core.Literal_Scalar{Scalar: &core.Scalar{Value: &core.Scalar_NoneType{NoneType: &core.Void{}}}}}
	one, err := literal.Encode(int64(1))
	if err != nil {
		t.Fatal(err)
	}
	list := func(l ...*core.Literal) *core.Literal {
		return &core.Literal{Value: &core.Literal_Collection{Collection: &core.LiteralCollection{Literals: l}}}
	}
	want := example.Sum.Interface().GetInputs().GetVariables()["lines"].GetType()
	for _, tt := range []struct {
		l  *core.Literal
		ok bool
	}{
		{list(list(one, none), list(none, one)), true},
		{list(list(one), list()), true},
		{list(list(one), list(none)), false},
	} {
		if got := validators.AreTypesCastable(validators.LiteralTypeForLiteral(tt.l), want); got != tt.ok {
			t.Errorf("%v: castable %v: the rule about caching dynamic tasks rests on this", tt.l, got)
		}
		var lines [][]*int64 // we read all of them
		if err := literal.Decode(tt.l, &lines); err != nil {
			t.Error(err)
		}
	}
}

// What a workflow's inputs embed goes on as one: each variable from its own.
func TestConnectAll(t *testing.T) {
	type in struct {
		First string `flyte:"first"`
		example.SplitIn
	}
	type out struct {
		example.SplitOut
	}
	w := spec.New[in, out]("whole", "Hands all of it on.")
	n := spec.Add(w, example.Split)
	spec.ConnectAll(w, &n.In, &w.In.SplitIn)
	spec.ConnectAll(w, &w.Out.SplitOut, &n.Out)
	b, err := w.Build(spec.Options{Image: "registry/example:1"})
	if err != nil {
		t.Fatal(err)
	}
	template := b.Workflow.GetTemplate()
	from := func(bindings []*core.Binding) map[string]string {
		m := map[string]string{}
		for _, b := range bindings {
			p := b.GetBinding().GetPromise()
			m[b.GetVar()] = p.GetNodeId() + "." + p.GetVar()
		}
		return m
	}
	want := map[string]string{"text": ".text", "limit": ".limit"}
	if got := from(template.GetNodes()[0].GetInputs()); !maps.Equal(got, want) {
		t.Errorf("the node is fed %v", got)
	}
	want = map[string]string{"pages": "split.pages", "settings": "split.settings"}
	if got := from(template.GetOutputs()); !maps.Equal(got, want) {
		t.Errorf("the workflow gives %v", got)
	}

	w = spec.New[in, out]("half", "Hands half of it on.")
	n = spec.Add(w, example.Split)
	spec.Connect(w, &n.In.Text, &w.In.Text)
	spec.ConnectAll(w, &n.In, &w.In.SplitIn)
	spec.ConnectAll(w, nil, &n.Out)
	_, err = w.Build(spec.Options{Image: "registry/example:1"})
	for _, say := range []string{"split.In.text is fed twice", "a nil *example.SplitOut is no field"} {
		if err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%v does not say %q", err, say)
		}
	}
}

// What our builder refuses, it refuses in words.
func TestRefusals(t *testing.T) {
	type none struct {
		N int64 `flyte:"n"`
	}
	type in struct {
		Pages []int64           `flyte:"pages"`
		JSON  literal.Blob      `flyte:"json,format=json"`
		Text  literal.Blob      `flyte:"text,format=txt"`
		S     example.Settings  `flyte:"s"`
		Some  [][]*literal.Blob `flyte:"some,format=json"`
	}
	type w = *spec.Workflow[in, none]
	tests := []struct {
		name string
		wire func(w w)
		want []string
	}{
		{"nothing", func(w w) {}, []string{"the workflow has no nodes", "nothing feeds the workflow's output n"}},
		{"unfed", func(w w) { spec.Add(w, example.CountWords) }, []string{"compile_test.go:", "node count-words: nothing feeds mode, line, skip, settings"}},
		{"twice the same id", func(w w) { spec.Add(w, example.Lines); spec.Add(w, example.Lines) }, []string{`node id "lines" is taken at compile_test.go:`}},
		{"id", func(w w) { spec.Add(w, example.Lines, spec.ID("My_Node")) }, []string{`node id "My_Node": use a-z`}},
		{"reserved id", func(w w) { spec.Add(w, example.Lines, spec.ID("start-node")) }, []string{"not start-node"}},
		{"element's id", func(w w) {
			spec.Map(w, example.CountWords, spec.ID("a"))
			spec.Add(w, example.Lines, spec.ID("a-element"))
		}, []string{`node id "a-element" is taken`}},
		{"cycle", func(w w) {
			a := spec.Add(w, example.Lines, spec.ID("a"))
			b := spec.Map(w, example.CountWords, spec.ID("b"))
			spec.Each(w, &b.In.Line, &a.Out.Lines)
			spec.After(w, a, b)
		}, []string{"nodes wait for each other: a <- b <- a"}},
		{"fed twice", func(w w) {
			n := spec.Add(w, example.Split)
			spec.Connect(w, &n.In.Text, &w.In.Text)
			spec.Connect(w, &n.In.Text, &w.In.Text)
		}, []string{"split.In.text is fed twice"}},
		{"format", func(w w) {
			n := spec.Add(w, example.Split)
			spec.Connect(w, &n.In.Text, &w.In.JSON)
		}, []string{"In.json is blob(json), which does not go into split.In.text, blob(txt)"}},
		{"wrong way", func(w w) {
			n := spec.Add(w, example.Split)
			spec.Connect(w, &w.In.Pages, &n.Out.Pages)
		}, []string{"In.pages is not a destination"}},
		{"wrong start", func(w w) {
			n := spec.Add(w, example.Split)
			spec.Connect(w, &n.In.Text, &n.In.Text)
		}, []string{"split.In.text is not a source"}},
		{"part of a field", func(w w) {
			n := spec.Add(w, example.Sum)
			spec.Connect(w, &n.In.Factor, &w.In.S.Weight)
		}, []string{"a *float64 is no field of this workflow or its nodes: give the address of a whole field"}},
		{"somewhere else", func(w w) {
			n := spec.Add(w, example.Sum)
			var x float64
			spec.Const(w, &x, 1)
			spec.Connect(w, &n.In.Factor, nil)
		}, []string{"destination: a *float64 is no field", "a *float64, nil or no pointer, is no field"}},
		{"map output as a value", func(w w) {
			n := spec.Map(w, example.CountWords)
			spec.Connect(w, &w.Out.N, &n.Out.Words)
		}, []string{"count-words.Out.words is an output of a map, a list of what its elements gave: use Gather"}},
		{"gather a value", func(w w) {
			n := spec.Add(w, example.CountWords)
			s := spec.Add(w, example.Sum)
			spec.GatherSome(w, &s.In.Some, &n.Out.Words)
		}, []string{"count-words.Out.words is not an output of a map: use Connect"}},
		{"gather what may be missing", func(w w) {
			n := spec.Map(w, example.CountWords, spec.MinSuccess(0.9))
			f := spec.Fan(w, example.FanPages)
			spec.Gather(w, &f.In.Pages, &n.Out.Words)
		}, []string{"may have failed elements", "use GatherSome"}},
		{"value onto a mapped input", func(w w) {
			n := spec.Map(w, example.CountWords)
			spec.Const(w, &n.In.Line, 1)
		}, []string{"the map runs over count-words.In.line: feed it by Each"}},
		{"each onto a plain input", func(w w) {
			n := spec.Add(w, example.Lines)
			spec.Each(w, &n.In.Page, &w.In.Pages)
		}, []string{"lines.In.page is not an input that a map runs over: use Connect"}},
		{"no list to map", func(w w) { spec.Map(w, example.Lines) }, []string{"task lines can't be mapped"}},
		{"options of a map", func(w w) {
			spec.Add(w, example.Lines, spec.Concurrency(3), spec.MinSuccess(0))
			spec.Map(w, example.CountWords, spec.MinSuccess(1.5))
		}, []string{"Concurrency(3) is for maps", "MinSuccess(0) is for maps", "MinSuccess(1.5)"}},
		{"variant", func(w w) { spec.Add(w, example.CountWords, spec.Variant("_tpu")) }, []string{`task count_words has no variant "_tpu"`}},
		{"no branch", func(w w) { spec.Fan(w, example.FanPages) }, []string{"needs a Branch"}},
		{"branch of another kind", func(w w) {
			spec.Fan(w, example.FanPages, spec.Branch("x", spec.New[example.LinesIn, example.LinesOut]("sub", "")))
		}, []string{"branch x takes example.LinesIn, and fan_pages multiplies by example.PageIn", "branch x gives no reports (list<optional blob(json)>), which fan_pages lists"}},
		{"default of a node", func(w w) {
			n := spec.Add(w, example.Lines)
			spec.Default(w, &n.In.Page, 1)
		}, []string{"lines.In.page is not an input of the workflow"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := spec.New[in, none]("broken", "")
			tt.wire(w)
			_, err := w.Build(options)
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in\n%v", want, err)
				}
			}
		})
	}
	if _, err := workflow.Text().Build(spec.Options{Image: "x"}); err == nil || !strings.Contains(err.Error(), `task count_words: no container image for role "small" is given`) {
		t.Errorf("no image: %v", err)
	}
	if _, err := spec.New[in, none]("Bad-Name", "").Build(options); err == nil || !strings.Contains(err.Error(), `compile_test.go:`) {
		t.Errorf("workflow name: %v", err)
	}
}
