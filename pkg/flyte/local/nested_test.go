package local

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

func plan(name, workflow string, defaults, fixed map[string]any) *admin.LaunchPlan {
	d := &core.ParameterMap{Parameters: map[string]*core.Parameter{}}
	for k, v := range defaults {
		d.Parameters[k] = &core.Parameter{Behavior: &core.Parameter_Default{Default: lit(v)}}
	}
	return &admin.LaunchPlan{Id: id(name), Spec: &admin.LaunchPlanSpec{
		WorkflowId: id(workflow), DefaultInputs: d, FixedInputs: literals(fixed),
	}}
}

// tile maps over three numbers and sums.
func tile() *core.WorkflowTemplate {
	return workflowOf("tile", vars{"x": tInt, "do": tString}, vars{"ys": listOf(tInt), "sum": tInt},
		[]*core.Binding{to("ys", from("m.y")), to("sum", from("s.y"))},
		mapNode("m", "work_map", nil, to("do", []any{"ok", from(".do"), "ok"}), to("x", []any{from(".x"), 2, 3})),
		taskNode("s", "sum", to("do", "sum"), to("x", from("m.y"))),
	)
}

// fanned is a workflow whose one dynamic task runs spec.
func fanned(t testing.TB, spec *core.DynamicJobSpec) *Bundle {
	return &Bundle{Tasks: tasks(), Workflow: workflowOf("wf", nil, vars{"y": listOf(tInt)},
		[]*core.Binding{to("y", from("f.y"))},
		taskNode("f", "fan", to("do", futures(t, spec)), to("x", 1)))}
}

func TestDynamic(t *testing.T) {
	tiles := func(do ...string) *core.DynamicJobSpec {
		s := &core.DynamicJobSpec{Tasks: tasks(), Subworkflows: []*core.WorkflowTemplate{tile()}}
		var flat []any
		for i, d := range do {
			n := string(rune('a' + i))
			s.Nodes = append(s.Nodes, subNode(n, "tile", to("x", i+1), to("do", d)))
			// Lists of lists are flattened by attribute paths.
			for j := range 3 {
				flat = append(flat, from(n+".ys["+string(rune('0'+j))+"]"))
			}
			flat = append(flat, from(n+".sum"))
		}
		s.Outputs = []*core.Binding{to("y", flat)}
		return s
	}
	inner := &core.DynamicJobSpec{Tasks: tasks(), Outputs: []*core.Binding{to("y", []any{from("a.y"), from("b.y")})}, Nodes: []*core.Node{
		taskNode("a", "work", to("do", "ok"), to("x", 1)), taskNode("b", "work", to("do", "ok"), to("x", from("a.y"))),
	}}
	nested := &core.DynamicJobSpec{Tasks: tasks(), Outputs: []*core.Binding{to("y", from("f.y"))}, Nodes: []*core.Node{
		taskNode("f", "fan", to("do", futures(t, inner)), to("x", 1)),
	}}
	short := tiles("ok")
	short.Outputs = nil
	bare := tiles("ok")
	bare.Tasks = nil

	for _, tt := range []struct {
		name string
		spec *core.DynamicJobSpec
		want []any
		code string
		says string
	}{
		{name: "sub-workflows with maps", spec: tiles("ok", "ok"), want: []any{10, 20, 30, 60, 20, 20, 30, 70}},
		{name: "nested", spec: nested, want: []any{10, 100}},
		{name: "a child fails", spec: tiles("ok", "error:NoGood:fatal:user"), code: codeArray, says: "node f/b/m (work_map"},
		{name: "no nodes", spec: &core.DynamicJobSpec{}, code: codeDynamic, says: "has no nodes"},
		{name: "outputs not bound", spec: short, code: codeDynamic, says: `output not bound: ["y"]`},
		{name: "templates not there", spec: bare, code: codeDynamic, says: "must hold all it uses"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			out, err := l.Execute(t.Context(), Register(fanned(t, tt.spec), "p", "d", "v"), nil, "exec")
			check(t, out, err, map[string]any{"y": tt.want}, tt.code)
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not say %q", err, tt.says)
			}
			if n := l.count("f", Running); n != 1 {
				t.Errorf("the dynamic task ran %d times", n)
			}
		})
	}
}

// TestDynamicOutputs is a dynamic task that has nothing to do and says so.
func TestDynamicOutputs(t *testing.T) {
	b := &Bundle{Tasks: tasks(), Workflow: workflowOf("wf", nil, vars{"y": tInt},
		[]*core.Binding{to("y", from("f.y"))}, taskNode("f", "fan", to("do", "ok"), to("x", 1)))}
	out, err := newLab(t).Execute(t.Context(), b, nil, "exec")
	check(t, out, err, map[string]any{"y": 10}, "")
}

// TestChildren are sub-workflows and child executions, from a workflow and from a dynamic task.
func TestChildren(t *testing.T) {
	b := &Bundle{
		Tasks: tasks(),
		Workflow: workflowOf("wf", nil, vars{"a": listOf(tInt), "b": listOf(tInt), "c": tInt},
			[]*core.Binding{to("a", from("sub.ys")), to("b", from("child.ys")), to("c", from("child.sum"))},
			subNode("sub", "tile", to("x", 5), to("do", "ok")),
			planNode("child", "tile_plan", to("x", from("sub.ys[1]"))),
		),
		SubWorkflows: []*core.WorkflowTemplate{tile()},
		Plans:        []*admin.LaunchPlan{plan("tile_plan", "tile", map[string]any{"do": "ok"}, nil)},
	}
	l := newLab(t)
	out, err := l.Execute(t.Context(), Register(b, "p", "d", "v"), nil, "exec")
	check(t, out, err, map[string]any{"a": []any{50, 20, 30}, "b": []any{200, 20, 30}, "c": 250}, "")
	children := map[string]string{}
	for _, e := range l.events {
		children[e.Node] = e.Execution
	}
	if c := children["child/m"]; c == "exec" || !strings.HasPrefix(c, "exec-") || children["sub/m"] != "exec" {
		t.Errorf("executions %v: the launch plan's must be another", children)
	}

	spec := &core.DynamicJobSpec{
		Nodes:   []*core.Node{planNode("c", "tile_plan", to("x", 1)), planNode("d", "tile_plan", to("x", 2), to("do", "error:NoGood:fatal:user"))},
		Outputs: []*core.Binding{to("y", from("c.ys"))},
	}
	b.Workflow = fanned(t, spec).Workflow
	_, err = newLab(t).Execute(t.Context(), Register(b, "p", "d", "v"), nil, "exec")
	check(t, nil, err, nil, codeArray)
}

// TestIdentity is what a task is told about itself.
func TestIdentity(t *testing.T) {
	t.Setenv("AWS_SOMETHING", "kept")
	t.Setenv("SECRET_OF_THE_SHELL", "not kept")
	who := task("who", vars{"do": tString, "x": tInt}, vars{"y": tInt, "who": tString},
		"--task-template", "{{.taskTemplatePath}}", "--note", "{{.inputs.x}} {{ .Inputs.do }} {{.perRetryUniqueKey}} {{.unknown}}")
	who.GetContainer().Env = []*core.KeyValuePair{{Key: "FROM_TEMPLATE", Value: "a"}, {Key: "BOTH", Value: "template"}}
	b := &Bundle{Tasks: []*core.TaskTemplate{who}, Workflow: workflowOf("wf", nil, vars{"who": tString},
		[]*core.Binding{to("who", from("n.who"))},
		taskNode("n", "who", to("do", "identity"), to("x", 7)),
	)}
	l := newLab(t)
	l.Environment = append(l.Environment, "BOTH=engine")
	out, err := l.Execute(t.Context(), Register(b, "p", "d", "v1"), nil, "e-1")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Argv, Env            []string
		Template, Note, Raw  string
		Checkpoint, Previous string
	}
	if err := json.Unmarshal([]byte(show(out.Literals["who"]).(string)), &got); err != nil {
		t.Fatal(err)
	}
	root := l.Prefix + "/e-1/n/"
	want := []string{
		"--inputs", root + "data/inputs.pb", "--output-prefix", root + "data/0", "--raw-output-prefix", root + "raw/0",
		"--checkpoint-prefix", root + "raw/0/_flytecheckpoints", "--prev-checkpoint-prefix", `""`,
		"--task-template", root + "data/task.pb", "--note", "7 identity e_1_n_0 {{.unknown}}",
	}
	if d := cmp.Diff(want, got.Argv); d != "" {
		t.Errorf("argv (-want +got):\n%s", d)
	}
	if got.Template != "who" {
		t.Errorf("template of %q", got.Template)
	}
	env := map[string]string{}
	for _, kv := range got.Env {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	for k, v := range map[string]string{
		"FLYTE_INTERNAL_EXECUTION_ID": "e-1", "FLYTE_INTERNAL_EXECUTION_PROJECT": "p", "FLYTE_INTERNAL_EXECUTION_DOMAIN": "d",
		"FLYTE_INTERNAL_EXECUTION_WORKFLOW": "p:d:wf", "FLYTE_INTERNAL_TASK_PROJECT": "p", "FLYTE_INTERNAL_TASK_DOMAIN": "d",
		"FLYTE_INTERNAL_TASK_NAME": "who", "FLYTE_INTERNAL_TASK_VERSION": "v1", "FLYTE_ATTEMPT_NUMBER": "0",
		"FROM_TEMPLATE": "a", "BOTH": "engine", "AWS_SOMETHING": "kept",
	} {
		if env[k] != v {
			t.Errorf("%s=%q, want %q", k, env[k], v)
		}
	}
	if _, ok := env["SECRET_OF_THE_SHELL"]; ok {
		t.Error("the environment of the engine leaks")
	}
	if _, ok := env["FLYTE_K8S_ARRAY_INDEX"]; ok {
		t.Error("an array index without an array")
	}
}

// TestAfresh: what is named is done again when an execution is resumed, wherever
// it lies; the rest is recovered, what a dynamic task asked for, too.
func TestAfresh(t *testing.T) {
	l := newLab(t)
	spec := &core.DynamicJobSpec{Tasks: tasks(), Subworkflows: []*core.WorkflowTemplate{tile()},
		Nodes:   []*core.Node{subNode("a", "tile", to("x", 1), to("do", "ok")), subNode("b", "tile", to("x", 2), to("do", "ok"))},
		Outputs: []*core.Binding{to("y", []any{from("a.sum"), from("b.sum")})}}
	bundle := fanned(t, spec)
	first, err := l.Execute(t.Context(), bundle, literals(nil), "e")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		afresh []string
		want   map[string]int // processes by task
	}{
		"nothing":                    {},
		"a task that is not reached": {afresh: []string{"sum"}},
		"a task and all around it":   {afresh: []string{"sum", "tile", "fan"}, want: map[string]int{"sum": 2}},
		"what is around it alone":    {afresh: []string{"fan"}},
	} {
		l.events = nil
		l.Afresh = func(name string) bool { return slices.Contains(c.afresh, name) }
		out, err := l.Execute(t.Context(), bundle, literals(nil), "e")
		if err != nil || !proto.Equal(first, out) {
			t.Errorf("%s: %v, %v; first %v", name, out, err, first)
		}
		got := map[string]int{}
		for _, e := range l.events {
			if e.Kind == Running && (e.Task == "work" || e.Task == "sum" || e.Task == "fan") {
				got[e.Task]++
			}
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: processes %v, want %v", name, got, c.want)
		}
	}
}
