package remote_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/internal/testing/admintest"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/flyte/remote"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/workflow"
)

const plan = "count_text"

func bundle(t *testing.T) *spec.Bundle {
	t.Helper()
	b, err := workflow.Text().Build(spec.Options{Image: "example:1", Images: map[string]string{"small": "small:1"}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// start gives a server with the example workflow in it, and a client of it.
func start(t *testing.T) (*admintest.Server, *remote.Client) {
	t.Helper()
	s := admintest.Start(t)
	conn, err := connect.Open(s.Config(), connect.TokenCache(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &remote.Client{Conn: conn, Project: "shear", Domain: "development"}
	if err := c.Register(t.Context(), bundle(t), "v1"); err != nil {
		t.Fatal(err)
	}
	return s, c
}

func inputs(t *testing.T) *core.LiteralMap {
	t.Helper()
	m, err := literal.Marshal(workflow.In{Text: literal.Blob{URI: "s3://b/text", Format: "txt"}, Branch: "cpu", Skip: []string{"the"}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// launch launches the example, and lets the events be what happens in it.
func launch(t *testing.T, s *admintest.Server, c *remote.Client, script *admintest.Script) *core.WorkflowExecutionIdentifier {
	t.Helper()
	s.OnLaunch(func(*admin.Execution) *admintest.Script { return script })
	id, err := c.Launch(t.Context(), remote.Launch{Plan: plan, Inputs: inputs(t)})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestRegister(t *testing.T) {
	_, c := start(t)
	if err := c.Register(t.Context(), bundle(t), "v1"); err != nil {
		t.Errorf("the same again: %v", err)
	}
	other := bundle(t)
	other.Tasks[0].Template.GetContainer().Image = "example:2"
	err := c.Register(t.Context(), other, "v1")
	if fault.KindOf(err) != fault.BadInput || !strings.Contains(fmt.Sprint(err), "give another version") {
		t.Errorf("something else under the same version: %v", err)
	}
	if err := c.Register(t.Context(), other, "v2"); err != nil {
		t.Error(err)
	}
	broken := bundle(t)
	broken.Workflow.Template.Nodes[1].Inputs = nil
	if err := c.Register(t.Context(), broken, "v3"); err == nil {
		t.Error("the compiler let a node without inputs pass")
	}
	if other.Tasks[0].Template.Id.Project != "" {
		t.Error("Register wrote into what it was given")
	}
}

func TestLaunch(t *testing.T) {
	s, c := start(t)
	if err := c.Register(t.Context(), bundle(t), "v2"); err != nil {
		t.Fatal(err)
	}
	yes := true
	id, err := c.Launch(t.Context(), remote.Launch{
		Plan: plan, Name: "my-run-1", Inputs: inputs(t), Labels: map[string]string{"owner": "me"}, Annotations: map[string]string{"note": "n"},
		MaxParallelism: 7, ServiceAccount: "robot", RawOutputPrefix: "s3://raw", ClusterPool: "gpus", OverwriteCache: true, Interruptible: &yes,
	})
	if err != nil {
		t.Fatal(err)
	}
	if remote.Name(id) != "shear/development/my-run-1" {
		t.Error(remote.Name(id))
	}
	got, in := s.Launched(id)
	if v := got.GetLaunchPlan().GetVersion(); v != "v2" {
		t.Errorf("the latest is v2, it was %s", v)
	}
	if got.GetLabels().GetValues()["owner"] != "me" || got.GetAnnotations().GetValues()["note"] != "n" || got.GetMaxParallelism() != 7 ||
		got.GetSecurityContext().GetRunAs().GetK8SServiceAccount() != "robot" || got.GetRawOutputDataConfig().GetOutputLocationPrefix() != "s3://raw" ||
		got.GetClusterAssignment().GetClusterPoolName() != "gpus" || !got.GetOverwriteCache() || !got.GetInterruptible().GetValue() {
		t.Errorf("%v", got)
	}
	if !proto.Equal(in.GetLiterals()["text"], inputs(t).GetLiterals()["text"]) {
		t.Errorf("%v", in)
	}
	old, err := c.Launch(t.Context(), remote.Launch{Plan: plan, Version: "v1", Inputs: inputs(t)})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Launched(old); got.GetLaunchPlan().GetVersion() != "v1" || got.GetInterruptible() != nil {
		t.Errorf("%v", got)
	}
}

func TestLaunchRefused(t *testing.T) {
	s, c := start(t)
	if _, err := c.Launch(t.Context(), remote.Launch{Plan: plan, Name: "taken", Inputs: inputs(t)}); err != nil {
		t.Fatal(err)
	}
	created := s.Calls("CreateExecution")
	with := func(name string, l *core.Literal) *core.LiteralMap {
		m := inputs(t)
		m.Literals[name] = l
		return m
	}
	encode := func(v any) *core.Literal {
		l, err := literal.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	without := inputs(t)
	delete(without.Literals, "text")
	for name, test := range map[string]struct {
		launch remote.Launch
		want   []string
		sent   bool
	}{
		"no such plan":     {launch: remote.Launch{Plan: "count_txt"}, want: []string{`has no launch plan "count_txt"`, "there is count_text"}},
		"no such version":  {launch: remote.Launch{Plan: plan, Version: "v9"}, want: []string{`"v9"`, "there is v1"}},
		"bad name":         {launch: remote.Launch{Plan: plan, Name: "My_Run"}, want: []string{`"My_Run"`, "lower-case"}},
		"long name":        {launch: remote.Launch{Plan: plan, Name: strings.Repeat("a", 64)}, want: []string{"at most 63"}},
		"unknown input":    {launch: remote.Launch{Plan: plan, Inputs: with("color", encode("red"))}, want: []string{`"color"`, "it takes branch, limit, skip, text"}},
		"wrong type":       {launch: remote.Launch{Plan: plan, Inputs: with("branch", encode(int64(3)))}, want: []string{`"branch"`, "string", "an integer"}},
		"wrong in a list":  {launch: remote.Launch{Plan: plan, Inputs: with("skip", encode([]int64{1}))}, want: []string{`"skip"`, "list<string>", "element 0"}},
		"another format":   {launch: remote.Launch{Plan: plan, Inputs: with("text", encode(literal.Blob{URI: "s3://b/x", Format: "fits"}))}, want: []string{`"text"`, "blob(txt)"}},
		"missing required": {launch: remote.Launch{Plan: plan, Inputs: without}, want: []string{`required and not given: "text" (blob(txt))`}},
		"taken":            {launch: remote.Launch{Plan: plan, Name: "taken", Inputs: inputs(t)}, want: []string{"shear/development/taken", "another --name"}, sent: true},
	} {
		if test.launch.Inputs == nil {
			test.launch.Inputs = inputs(t)
		}
		before := s.Calls("CreateExecution")
		_, err := c.Launch(t.Context(), test.launch)
		if fault.KindOf(err) != fault.BadInput {
			t.Errorf("%s: %v is %v", name, err, fault.KindOf(err))
		}
		for _, want := range test.want {
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%s: %v does not say %q", name, err, want)
			}
		}
		if sent := s.Calls("CreateExecution") > before; sent != test.sent {
			t.Errorf("%s: sent to the server: %v", name, sent)
		}
	}
	if s.Calls("CreateExecution") != created+1 {
		t.Error("more than the taken name was tried")
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		name := remote.NewName()
		if len(name) != 20 || seen[name] || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || name[0] != 'a' {
			t.Fatalf("%q", name)
		}
		seen[name] = true
	}
	_, c := start(t)
	for _, name := range []string{"night-12", "night-13", "other"} {
		if _, err := c.Launch(t.Context(), remote.Launch{Plan: plan, Name: name, Inputs: inputs(t)}); err != nil {
			t.Fatal(err)
		}
	}
	id, err := c.ID("night-1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Execution(t.Context(), id)
	if fault.CodeOf(err) != connect.CodeNotFound || !strings.Contains(fmt.Sprint(err), "there is night-13, night-12, other") {
		t.Errorf("%v", err)
	}
}

func TestAbortAndRecover(t *testing.T) {
	s, c := start(t)
	id := launch(t, s, c, &admintest.Script{Events: history(t)[:9], Hold: true})
	if _, err := c.Recover(t.Context(), id, ""); fault.CodeOf(err) != "ExecutionActive" {
		t.Errorf("recovering what runs: %v", err)
	}
	if err := c.Abort(t.Context(), id, "wrong text"); err != nil {
		t.Fatal(err)
	}
	if err := c.Abort(t.Context(), id, "again"); fault.CodeOf(err) != "ExecutionEnded" {
		t.Errorf("aborting what has ended: %v", err)
	}
	var last local.Event
	_, err := c.Follow(t.Context(), id, remote.Follow{Observe: func(e local.Event) { last = e }})
	if fault.KindOf(err) != fault.Canceled || !strings.Contains(fmt.Sprint(err), "wrong text") || last.Kind != local.Aborted {
		t.Errorf("%v, last %v", err, last)
	}
	s.OnLaunch(func(*admin.Execution) *admintest.Script { return &admintest.Script{Events: history(t)[:5]} })
	fresh, err := c.Recover(t.Context(), id, "second-try")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Launched(fresh); fresh.GetName() != "second-try" || got.GetMetadata().GetReferenceExecution().GetName() != id.GetName() {
		t.Errorf("%v %v", fresh, got)
	}
	if _, err := c.Recover(t.Context(), id, "second-try"); fault.CodeOf(err) != connect.CodeExists {
		t.Errorf("%v", err)
	}
}

func TestStatus(t *testing.T) {
	s, c := start(t)
	events := history(t)
	id := launch(t, s, c, &admintest.Script{Events: events})
	e, err := c.Execution(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	show := func(wanted string) map[string]*remote.Node {
		nodes, err := c.Status(t.Context(), e, wanted)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]*remote.Node{}
		var walk func([]*remote.Node)
		walk = func(nodes []*remote.Node) {
			for _, n := range nodes {
				all[n.Path] = n
				walk(n.Inside)
			}
		}
		walk(nodes)
		return all
	}
	all := show("")
	if n := all["one-page/lines"]; n == nil || n.Phase != "failed" || !strings.HasSuffix(n.Error.GetMessage(), "end") || len(n.Logs) != 1 {
		t.Errorf("what failed: %+v", n)
	}
	if n := all["whole"]; n == nil || len(n.Elements) != 4 || n.Elements[1].Attempt != 1 || n.Elements[2].Phase != "failed" ||
		!strings.HasSuffix(n.Elements[2].ErrorURI, "/whole/data/0/2/0/error.pb") {
		t.Errorf("the map: %+v", n)
	}
	if n := all["sum"]; n == nil || !n.Cached {
		t.Errorf("the cache hit: %+v", n)
	}
	if all["fan-pages/n0"] != nil || all["split"].Attempts != 0 {
		t.Error("what is well was looked into")
	}
	all = show("fan-pages/n0")
	if n := all["fan-pages/n0/lines"]; n == nil || n.Attempts != 1 {
		t.Errorf("what was asked for: %+v", n)
	}
	if all["fan-pages/n1/lines"] != nil {
		t.Error("what was not asked for was looked into")
	}
}
