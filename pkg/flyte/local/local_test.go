package local

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
)

// one is a workflow of a single task, which does as it is told.
func one(do string, set ...func(*core.Node)) *Bundle {
	n := taskNode("n", "work", to("do", do), to("x", 4))
	for _, f := range set {
		f(n)
	}
	return &Bundle{Tasks: tasks(), Workflow: workflowOf("wf", nil, vars{"y": tInt}, []*core.Binding{to("y", from("n.y"))}, n)}
}

func retries(n uint32) func(*core.Node) {
	return func(node *core.Node) { node.Metadata.Retries = &core.RetryStrategy{Retries: n} }
}

// mapOf maps over x, every element doing what do says of it, and sums.
func mapOf(do, x []any, set func(*core.ArrayNode)) *Bundle {
	return &Bundle{Tasks: tasks(), Workflow: workflowOf("wf", nil, vars{"y": listOf(tInt), "sum": tInt},
		[]*core.Binding{to("y", from("m.y")), to("sum", from("s.y"))},
		mapNode("m", "work_map", set, to("do", do), to("x", x)),
		taskNode("s", "sum", to("do", "sum"), to("x", from("m.y"))),
	)}
}

func ratio(f float32) func(*core.ArrayNode) {
	return func(a *core.ArrayNode) { a.SuccessCriteria = &core.ArrayNode_MinSuccessRatio{MinSuccessRatio: f} }
}

// TestExecute is the table of what can happen to one task and to a map.
func TestExecute(t *testing.T) {
	fatal := "error:NoGood:fatal:user"
	half := []any{"ok", fatal, "ok", fatal}
	four := []any{1, 2, 3, 4}
	for _, tt := range []struct {
		name    string
		bundle  *Bundle
		want    map[string]any
		code    string // of the failure
		says    string // in the error
		kind    fault.Kind
		retried int // events of node n or m
	}{
		{name: "success", bundle: one("ok"), want: map[string]any{"y": 40}},
		{name: "user error fails at once", bundle: one(fatal, retries(3)), code: "NoGood", says: "node n (work, attempt 0): NoGood: as I was told", kind: fault.BadInput},
		{name: "a bug too", bundle: one("error:Panic:fatal:system", retries(3)), code: "Panic", kind: fault.Bug},
		{name: "transient, within retries", bundle: one("until:2:error:Throttled:recoverable:user", retries(2)), want: map[string]any{"y": 40}, retried: 2},
		{name: "transient, retries spent", bundle: one("until:2:error:Throttled:recoverable:user", retries(1)), code: "Throttled", says: "attempt 1", retried: 1},
		{name: "system retries are apart", bundle: one("until:3:error:Node:recoverable:system"), want: map[string]any{"y": 40}, retried: 3},
		{name: "preempted", bundle: one("until:3:exit:137"), want: map[string]any{"y": 40}, retried: 3},
		{name: "preempted too often", bundle: one("exit:137", retries(9)), code: codeInterrupted, says: "exit code 137", retried: 3},
		{name: "killed", bundle: one("killed"), code: codeInterrupted, says: "exit code 137 (killed)", retried: 3},
		{name: "error.pb counts only with exit 0", bundle: one("error:NoGood:fatal:user:badly"), code: codeInterrupted, says: "doing [error NoGood", retried: 3},
		{name: "no outputs", bundle: one("silent", retries(1)), code: codeNoOutputs, retried: 1},
		{name: "outputs that are none", bundle: one("garbage"), code: codeUnreadable, retried: 3},
		{name: "outputs too large", bundle: one("huge", retries(2)), code: codeTooLarge},
		{name: "an output missing shows where it is used", bundle: one("partial"), code: codeBinding, says: `"y" is not among the outputs of node n`},

		{name: "map", bundle: mapOf([]any{"ok", "ok", "ok", "ok"}, four, nil), want: map[string]any{"y": []any{10, 20, 30, 40}, "sum": 100}},
		{name: "map, all must succeed", bundle: mapOf(half, four, nil), code: codeArray, says: "first: node m[", kind: fault.BadInput},
		{name: "map, half is enough", bundle: mapOf(half, four, ratio(0.5)), want: map[string]any{"y": []any{10, nil, 30, nil}, "sum": 2_000_040}},
		{name: "map, half is too little", bundle: mapOf(half, four, ratio(0.6)), code: codeArray, says: "had to succeed"},
		{name: "map, none need succeed", bundle: mapOf([]any{fatal, fatal}, []any{1, 2}, ratio(0)), want: map[string]any{"y": []any{nil, nil}, "sum": 2_000_000}},
		{name: "map, a number need", bundle: mapOf(half, four, func(a *core.ArrayNode) { a.SuccessCriteria = &core.ArrayNode_MinSuccesses{MinSuccesses: 2} }), want: map[string]any{"y": []any{10, nil, 30, nil}, "sum": 2_000_040}},
		{name: "map over nothing", bundle: mapOf([]any{}, []any{}, nil), want: map[string]any{"y": []any{}, "sum": 0}},
		{name: "map of unlike lengths", bundle: mapOf([]any{"ok"}, four, nil), code: codeLength},
		{name: "retries are each element's", bundle: mapOf([]any{"until:1:error:T:recoverable:user", "until:1:error:T:recoverable:user", "until:2:exit:1"}, []any{1, 2, 3},
			func(a *core.ArrayNode) { retries(1)(a.Node) }), want: map[string]any{"y": []any{10, 20, 30}, "sum": 60}, retried: 4},
		{name: "an element is not dynamic", bundle: mapOf([]any{futures(t, &core.DynamicJobSpec{})}, []any{1}, nil), code: codeArray, says: "wrote futures.pb"},
		{name: "an element without its output", bundle: mapOf([]any{"partial", "ok"}, []any{1, 2}, nil), code: codeBinding, says: "shift the list"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			out, err := l.Execute(t.Context(), Register(tt.bundle, "p", "d", "v1"), nil, "exec")
			check(t, out, err, tt.want, tt.code)
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not say %q", err, tt.says)
			}
			if tt.kind != 0 && fault.KindOf(err) != tt.kind {
				t.Errorf("error of kind %v, want %v", fault.KindOf(err), tt.kind)
			}
			if n := l.count("n", Retrying) + l.count("m", Retrying); n != tt.retried {
				t.Errorf("retried %d times, want %d: %v", n, tt.retried, l.events)
			}
			if o := l.orphans(t); len(o) > 0 {
				t.Errorf("processes left: %v", o)
			}
		})
	}
}

// check compares what an execution gave with wanted outputs, or a failure's code.
func check(t *testing.T, out *core.LiteralMap, err error, want map[string]any, code string) {
	t.Helper()
	if code != "" {
		f := new(Failure)
		if !errors.As(err, &f) || f.Code != code {
			t.Fatalf("error %v, want a failure of code %s", err, code)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for k, l := range out.GetLiterals() {
		got[k] = show(l)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("outputs (-want +got):\n%s", d)
	}
}

// TestLaunch holds the way an execution is started to what the engine's admin does.
func TestLaunch(t *testing.T) {
	in := vars{"a": tInt, "b": tInt}
	b := &Bundle{
		Tasks: tasks(),
		Workflow: workflowOf("wf", in, vars{"y": tInt}, []*core.Binding{to("y", from("n.y"))},
			taskNode("n", "sum", to("do", "sum"), to("x", []any{from(".a"), from("start-node.b"), 7}))),
	}
	withPlan := *b
	withPlan.Plans = append(withPlan.Plans, plan("wf", "wf", map[string]any{"a": 5}, map[string]any{"b": 100}))
	for _, tt := range []struct {
		name   string
		bundle *Bundle
		in     map[string]any
		want   any
		says   string
	}{
		{"all given", b, map[string]any{"a": 1, "b": 2}, 10, ""},
		{"missing", b, map[string]any{"a": 1}, nil, `needs inputs ["b"]`},
		{"unknown", b, map[string]any{"a": 1, "b": 2, "c": 3}, nil, `there is no input "c"; workflow "wf" takes ["a" "b"]`},
		{"default and fixed", &withPlan, nil, 112, ""},
		{"default given", &withPlan, map[string]any{"a": 1}, 108, ""},
		{"fixed given", &withPlan, map[string]any{"b": 1}, nil, "is fixed by launch plan"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := newLab(t).Execute(t.Context(), Register(tt.bundle, "p", "d", "v"), literals(tt.in), "exec")
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) || fault.KindOf(err) != fault.BadInput {
					t.Errorf("error %v, want bad input that says %q", err, tt.says)
				}
				return
			}
			check(t, out, err, map[string]any{"y": tt.want}, "")
		})
	}
}

// TestRefused are bundles that must not begin to run.
func TestRefused(t *testing.T) {
	ok := func() *core.Node { return taskNode("n", "work", to("do", "ok"), to("x", 1)) }
	gate := &core.Node{Id: "g", Target: &core.Node_GateNode{GateNode: &core.GateNode{}}}
	branch := &core.Node{Id: "b", Target: &core.Node_BranchNode{BranchNode: &core.BranchNode{}}}
	a, b := taskNode("a", "work", to("do", "ok"), to("x", from("b.y"))), taskNode("b", "work", to("do", "ok"), to("x", from("a.y")))
	self := mapNode("m", "work_map", nil, to("do", []any{}), to("x", []any{}))
	self.GetArrayNode().Node = subNode("inner", "wf")
	for _, tt := range []struct {
		says  string
		nodes []*core.Node
		set   func(*Bundle)
	}{
		{`node "g": is a gate node, which the local engine does not run`, []*core.Node{gate}, nil},
		{`node "b": is a branch node`, []*core.Node{branch}, nil},
		{"cycle", []*core.Node{a, b}, nil},
		{"maps over a workflow node", []*core.Node{self}, nil},
		{`node id "n" is empty or used twice`, []*core.Node{ok(), ok()}, nil},
		{`input not bound: ["x"]`, []*core.Node{taskNode("n", "work", to("do", "ok"))}, nil},
		{`binds input "z"`, []*core.Node{taskNode("n", "work", to("do", "ok"), to("x", 1), to("z", 1))}, nil},
		{`task "nowhere" is not in the bundle`, []*core.Node{taskNode("n", "nowhere")}, nil},
		{`refers to node "q"`, []*core.Node{taskNode("n", "work", to("do", "ok"), to("x", from("q.y")))}, nil},
		{`sub-workflow "nowhere" is not in the bundle`, []*core.Node{subNode("n", "nowhere")}, nil},
		{`launch plan "nowhere" is not in the bundle`, []*core.Node{planNode("n", "nowhere")}, nil},
		{"copilot", []*core.Node{ok()}, func(b *Bundle) { b.Tasks[0].GetContainer().DataConfig = &core.DataLoadingConfig{Enabled: true} }},
		{"containers only", []*core.Node{ok()}, func(b *Bundle) { b.Tasks[0].Target = nil }},
		{"failure node", []*core.Node{ok()}, func(b *Bundle) { b.Workflow.FailureNode = ok() }},
		{"no executable for task", []*core.Node{ok()}, func(b *Bundle) { b.Tasks[0].GetContainer().Command[0] = "/bin/other" }},
		{"there twice", []*core.Node{ok()}, func(b *Bundle) { b.Tasks = append(b.Tasks, task("work", nil, nil)) }},
	} {
		t.Run(tt.says, func(t *testing.T) {
			b := &Bundle{Tasks: tasks(), Workflow: workflowOf("wf", nil, nil, nil, tt.nodes...)}
			if tt.set != nil {
				tt.set(b)
			}
			l := newLab(t)
			_, err := l.Execute(context.Background(), b, nil, "exec")
			if err == nil || !strings.Contains(err.Error(), tt.says) || fault.KindOf(err) != fault.BadInput {
				t.Errorf("error %v, want bad input that says %q", err, tt.says)
			}
			if len(l.events) > 0 {
				t.Errorf("something ran: %v", l.events)
			}
		})
	}
}
