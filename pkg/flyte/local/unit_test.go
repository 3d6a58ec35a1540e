package local

import (
	"context"
	"encoding/json"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

func TestSlots(t *testing.T) {
	s := newSlots(1, 1)
	release, err := s.acquire(t.Context(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		order []string
		wait  sync.WaitGroup
	)
	waiting := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.wait[0]) + len(s.wait[1])
	}
	queue := func(ctx context.Context, name string, gpu bool, key ...int32) {
		before := waiting()
		wait.Go(func() {
			release, err := s.acquire(ctx, key, gpu)
			if err != nil {
				return
			}
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			release()
		})
		for waiting() <= before {
			runtime.Gosched()
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	queue(t.Context(), "second tile", false, 0, 2)
	queue(t.Context(), "first tile, later stage", true, 0, 1, -1, 1)
	queue(t.Context(), "first tile, first stage", false, 0, 1, 0, 0)
	queue(canceled, "gone", false, -9)
	queue(t.Context(), "deeper", false, -1)
	cancel()
	for waiting() > 4 { // all but the one that is gone
		time.Sleep(time.Millisecond)
	}
	release()
	wait.Wait()
	want := []string{"deeper", "first tile, later stage", "first tile, first stage", "second tile"}
	if !slices.Equal(order, want) {
		t.Errorf("served %q, want %q", order, want)
	}
	if s.free != 1 || s.gpus != 1 {
		t.Errorf("%d places and %d GPUs left, want 1 and 1", s.free, s.gpus)
	}
}

func TestDescend(t *testing.T) {
	s, err := structpb.NewStruct(map[string]any{"a": []any{1, "two", map[string]any{"b": true}}})
	if err != nil {
		t.Fatal(err)
	}
	nested := collection([]*core.Literal{
		{Value: &core.Literal_Map{Map: literals(map[string]any{"k": 5})}},
		scalar(&core.Scalar{Value: &core.Scalar_Generic{Generic: s}}),
	})
	for _, tt := range []struct {
		path []any
		want string
		fail bool
	}{
		{[]any{0, "k"}, "5", false},
		{[]any{1, "a", 1}, "two", false},
		{[]any{1, "a", 0}, "1", false},
		{[]any{1, "a", 2, "b"}, "true", false},
		{[]any{2}, "", true},
		{[]any{-1}, "", true},
		{[]any{0, "z"}, "", true},
		{[]any{0, "k", 0}, "", true},
		{[]any{1, "a", 9}, "", true},
		{[]any{1, "z"}, "", true},
	} {
		var path []*core.PromiseAttribute
		for _, p := range tt.path {
			switch p := p.(type) {
			case int:
				path = append(path, &core.PromiseAttribute{Value: &core.PromiseAttribute_IntValue{IntValue: int32(p)}})
			case string:
				path = append(path, &core.PromiseAttribute{Value: &core.PromiseAttribute_StringValue{StringValue: p}})
			}
		}
		l, err := descend(nested, path)
		if (err != nil) != tt.fail {
			t.Errorf("%v: error %v", tt.path, err)
			continue
		}
		if err == nil {
			if got, err := text(l); err != nil || got != tt.want {
				t.Errorf("%v: %q, %v; want %q", tt.path, got, err, tt.want)
			}
		}
	}
}

func TestRegister(t *testing.T) {
	b := &Bundle{Tasks: tasks(), Workflow: workflowOf("wf", nil, nil, nil,
		mapNode("m", "work_map", nil), planNode("p", "plan"), subNode("s", "tile"))}
	b.Workflow.Id.Version = "mine"
	r := Register(b, "p", "d", "v")
	for _, got := range []*core.Identifier{
		r.Tasks[0].GetId(), r.Workflow.Nodes[0].GetArrayNode().GetNode().GetTaskNode().GetReferenceId(),
		r.Workflow.Nodes[1].GetWorkflowNode().GetLaunchplanRef(), r.Workflow.Nodes[2].GetWorkflowNode().GetSubWorkflowRef(),
	} {
		if got.Project != "p" || got.Domain != "d" || got.Version != "v" {
			t.Errorf("not filled: %v", got)
		}
	}
	if v := r.Workflow.Id.Version; v != "mine" {
		t.Errorf("a version that was set became %q", v)
	}
	if b.Tasks[0].Id.Project != "" {
		t.Error("the original was changed")
	}
}

func TestBind(t *testing.T) {
	g, err := newGraph([]*core.Node{{Id: "a", OutputAliases: []*core.Alias{{Var: "y", Alias: "alias"}}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &values{graph: g, inputs: literals(map[string]any{"in": "put"}), nodes: []*core.LiteralMap{literals(map[string]any{"y": []any{1, nil}})}}
	for _, tt := range []struct {
		name    string
		binding *core.BindingData
		want    any
		says    string
	}{
		{"scalar", data("text"), "text", ""},
		{"input", data(from(".in")), "put", ""},
		{"output", data(from("a.y")), []any{1, nil}, ""},
		{"alias and index", data(from("a.alias[0]")), 1, ""},
		{"list", data([]any{from("a.y[0]"), 2, []any{from(".in")}}), []any{1, 2, []any{"put"}}, ""},
		{"none passes", data(from("a.y[1]")), nil, ""},
		{"no such output", data([]any{from("a.z")}), nil, `[0]: "z" is not among the outputs of node a`},
		{"no such input", data(from(".z")), nil, `"z" is not among the workflow's inputs`},
		{"no such element", data(from("a.y[2]")), nil, `"y" of the outputs of node a: index 2 is out of a list of 2`},
		{"no binding", nil, nil, "can't be resolved"},
	} {
		l, err := v.resolve(tt.binding)
		if tt.says != "" {
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: error %v, want one that says %q", tt.name, err, tt.says)
			}
			continue
		}
		if got := show(l); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
	m := &core.BindingData{Value: &core.BindingData_Map{Map: &core.BindingDataMap{Bindings: map[string]*core.BindingData{"k": data(from(".in"))}}}}
	if l, err := v.resolve(m); err != nil || show(l.GetMap().GetLiterals()["k"]) != "put" {
		t.Errorf("map: %v, %v", l, err)
	}
	ids := 0
	if err := promises(m, func(string) error { ids++; return nil }); err != nil || ids != 1 {
		t.Errorf("%d promises in a map, %v", ids, err)
	}
}

func TestArguments(t *testing.T) {
	blob := scalar(&core.Scalar{Value: &core.Scalar_Blob{Blob: &core.Blob{Uri: "s3://b/k"}}})
	in := literals(map[string]any{"n": 7, "s": "a {{.input}}", "l": []any{1, "x"}, "none": nil})
	in.Literals["blob"] = blob
	in.Literals["when"] = primitive(&core.Primitive{Value: &core.Primitive_Datetime{Datetime: timestamppb.New(time.Unix(0, 0))}})
	in.Literals["f"] = primitive(&core.Primitive{Value: &core.Primitive_FloatValue{FloatValue: 0.5}})
	for arg, want := range map[string]string{
		"{{.input}}": "IN", "{{ $Input }}x": "INx", "a{{.INPUT}}b{{.input}}": "aINbIN", "{{.unknown}}": "{{.unknown}}", "{{.input.x}}": "{{.input.x}}",
		"{{.inputs.n}}": "7", "{{.Inputs.s}}": "a {{.input}}", "{{.inputs.l}}": "[1,x]", "{{.inputs.blob}}": "s3://b/k", "{{.inputs.f}}": "0.5",
		"{{.inputs.when}}": "1970-01-01T00:00:00Z", "{{.inputs.none}}": "!only primitives", "{{.inputs.zz}}": "!no such input",
	} {
		got, err := arguments([]string{arg}, map[string]string{"input": "IN"}, in)
		if says, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: error %v, want one that says %q", arg, err, says)
			}
		} else if err != nil || got[0] != want {
			t.Errorf("%s: %q, %v; want %q", arg, got, err, want)
		}
	}
}

func TestWantsGPU(t *testing.T) {
	gpu := func(n string) *core.Resources {
		return &core.Resources{Limits: []*core.Resources_ResourceEntry{{Name: core.Resources_CPU, Value: "2"}, {Name: core.Resources_GPU, Value: n}}}
	}
	for _, tt := range []struct {
		own, override *core.Resources
		want          bool
	}{{nil, nil, false}, {gpu("1"), nil, true}, {gpu("0"), nil, false}, {nil, gpu("1"), true}, {gpu("1"), gpu("0"), false}} {
		j := &job{task: task("t", nil, nil), node: taskNode("n", "t")}
		j.task.GetContainer().Resources = tt.own
		j.node.GetTaskNode().Overrides = &core.TaskNodeOverrides{Resources: tt.override}
		if got := wantsGPU(j); got != tt.want {
			t.Errorf("%v with %v in its place: %t", tt.own, tt.override, got)
		}
	}
}

func TestEventJSON(t *testing.T) {
	e := Event{Time: time.Unix(0, 0).UTC(), NodeRef: NodeRef{Execution: "e", Node: "a/b", Task: "t", Attempt: 1, Element: 3}, Kind: Retrying, Message: "m", Duration: time.Second}
	got, err := json.Marshal(e)
	want := `{"time":"1970-01-01T00:00:00Z","execution":"e","node":"a/b","task":"t","attempt":1,"element":3,"kind":"retrying","message":"m","duration":1000000000}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}
