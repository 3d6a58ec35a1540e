package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// TestCancel stops an execution in the middle: a polite task, one that ignores
// the request, one that waits for a place, and elements of a map.
func TestCancel(t *testing.T) {
	b := &Bundle{Tasks: tasks(), Workflow: workflowOf("wf", nil, nil, nil,
		taskNode("polite", "work", to("do", "hang"), to("x", 1)),
		taskNode("stubborn", "work", to("do", "stubborn"), to("x", 1)),
		mapNode("m", "work_map", nil, to("do", []any{"hang", "stubborn", "hang"}), to("x", []any{1, 2, 3})),
		taskNode("after", "work", to("do", "ok"), to("x", from("polite.y"))),
	)}
	l := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	running := 0
	observe := l.Observe
	l.Observe = func(e Event) {
		observe(e)
		if e.Kind == Running && e.Node != "m" || e.Element >= 0 && e.Kind == Running {
			if running++; running == l.Parallel {
				time.AfterFunc(100*time.Millisecond, cancel)
			}
		}
	}
	_, err := l.Execute(ctx, b, nil, "exec")
	if fault.KindOf(err) != fault.Canceled || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of kind %v, want canceled", err, fault.KindOf(err))
	}
	if o := l.orphans(t); len(o) > 0 {
		t.Errorf("processes left: %v", o)
	}
	for _, n := range []string{"polite", "stubborn", "m"} {
		if l.count(n, Aborted) == 0 || l.count(n, Failed) > 0 || l.count(n, Retrying) > 0 {
			t.Errorf("node %s was not simply aborted: %v", n, l.events)
		}
	}
	if l.count("after", Queued) > 0 {
		t.Error("a node began after the end")
	}
}

// TestLitter is a task that exits and leaves a process that holds its output, for
// longer than any test may take.
func TestLitter(t *testing.T) {
	l := newLab(t)
	out, err := l.Execute(t.Context(), one("litter"), nil, "exec")
	check(t, out, err, map[string]any{"y": 40}, "")
	if o := l.orphans(t); len(o) > 0 {
		t.Errorf("processes left: %v", o)
	}
}

func TestTimeout(t *testing.T) {
	limited := func(d time.Duration) func(*core.Node) {
		return func(n *core.Node) { n.Metadata.Timeout = durationpb.New(d) }
	}
	t.Run("per attempt, twice in all", func(t *testing.T) {
		l := newLab(t)
		_, err := l.Execute(t.Context(), one("hang", limited(300*time.Millisecond), retries(5)), nil, "exec")
		check(t, nil, err, nil, codeAllTimeout)
		if n := l.count("n", Retrying); n != 1 {
			t.Errorf("%d retries, want 1: all attempts have twice the time of one", n)
		}
	})
	t.Run("of a map", func(t *testing.T) {
		b := mapOf([]any{"ok", "hang"}, []any{1, 2}, nil)
		limited(500 * time.Millisecond)(b.Workflow.Nodes[0])
		l := newLab(t)
		_, err := l.Execute(t.Context(), b, nil, "exec")
		check(t, nil, err, nil, codeTimeout)
		if o := l.orphans(t); len(o) > 0 {
			t.Errorf("processes left: %v", o)
		}
	})
}

// TestPolicy: what becomes of the others when a node fails.
func TestPolicy(t *testing.T) {
	failed := filepath.Join(t.TempDir(), "failed") // appears when the first node has
	b := &Bundle{Tasks: tasks(), Workflow: workflowOf("wf", nil, nil, nil,
		taskNode("bad", "work", to("do", "error:NoGood:fatal:user"), to("x", 1)),
		taskNode("never", "work", to("do", "ok"), to("x", from("bad.y"))),
		taskNode("slow", "work", to("do", "wait:"+failed), to("x", 1)),
		taskNode("last", "work", to("do", "ok"), to("x", from("slow.y"))),
		taskNode("worse", "work", to("do", "error:Worse:fatal:user"), to("x", from("last.y"))),
	)}
	l := newLab(t)
	_, err := l.Execute(t.Context(), b, nil, "exec")
	check(t, nil, err, nil, "NoGood")
	if l.count("slow", Aborted) != 1 || l.count("last", Queued) != 0 {
		t.Error("a failure did not stop the others at once")
	}
	b.Workflow.Metadata.OnFailure = core.WorkflowMetadata_FAIL_AFTER_EXECUTABLE_NODES_COMPLETE
	l = newLab(t)
	observe := l.Observe
	l.Observe = func(e Event) {
		observe(e)
		if e.Node == "bad" && e.Kind == Failed {
			if err := os.WriteFile(failed, nil, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
	_, err = l.Execute(t.Context(), b, nil, "exec")
	check(t, nil, err, nil, "NoGood")
	if l.count("last", Succeeded) != 1 || l.count("never", Queued) != 0 || !strings.Contains(err.Error(), "Worse") {
		t.Errorf("what could run did not run to its end: %v", err)
	}
}

// TestResume interrupts by failure, mends, and executes again.
func TestResume(t *testing.T) {
	l := newLab(t)
	broken := filepath.Join(t.TempDir(), "spec.pb") // does not exist: the dynamic task fails
	spec := &core.DynamicJobSpec{Tasks: tasks(), Subworkflows: []*core.WorkflowTemplate{tile()}, Nodes: []*core.Node{
		subNode("a", "tile", to("x", 1), to("do", "ok")),
		subNode("b", "tile", to("x", 2), to("do", "until:1:error:T:fatal:user")),
	}, Outputs: []*core.Binding{to("y", []any{from("a.sum"), from("b.sum")})}}
	do := futures(t, spec)
	mended := strings.TrimPrefix(do, "futures:")
	if err := os.Rename(mended, broken); err != nil {
		t.Fatal(err)
	}
	b := &Bundle{Tasks: tasks(), Workflow: workflowOf("wf", vars{"x": tInt}, vars{"y": listOf(tInt)},
		[]*core.Binding{to("y", from("f.y"))},
		taskNode("before", "work", to("do", "ok"), to("x", from(".x"))),
		taskNode("f", "fan", to("do", do), to("x", from("before.y"))),
	)}
	l.MaxSystemRetries = -1
	l.Parallel = 1 // so that nothing is under way when an element fails
	b.Workflow.Metadata.OnFailure = core.WorkflowMetadata_FAIL_AFTER_EXECUTABLE_NODES_COMPLETE
	execute := func(x int) (*core.LiteralMap, map[string]int, error) {
		l.events = nil
		out, err := l.Execute(t.Context(), Register(b, "p", "d", "v"), literals(map[string]any{"x": x}), "exec")
		ran := map[string]int{}
		for _, e := range l.events {
			if e.Kind == Running && e.Task != "tile" && (e.Task != "work_map" || e.Element >= 0) {
				ran[e.String()]++
			}
		}
		return out, ran, err
	}
	want := func(ran map[string]int, nodes ...string) {
		t.Helper()
		for _, n := range nodes {
			if ran[n] != 1 {
				t.Errorf("%s ran %d times", n, ran[n])
			}
			delete(ran, n)
		}
		if len(ran) > 0 {
			t.Errorf("ran, but was done before: %v", ran)
		}
	}

	_, ran, err := execute(1)
	check(t, nil, err, nil, codeInterrupted)
	want(ran, "before", "f")

	if err := os.Rename(broken, mended); err != nil {
		t.Fatal(err)
	}
	_, ran, err = execute(1)
	check(t, nil, err, nil, codeArray)
	want(ran, "f", "f/a/m[0]", "f/a/m[1]", "f/a/m[2]", "f/a/s", "f/b/m[0]", "f/b/m[1]")

	// Only the element that failed runs again, as attempt 1, and what comes after it.
	out, ran, err := execute(1)
	check(t, out, err, map[string]any{"y": []any{60, 70}}, "")
	want(ran, "f/b/m[1]", "f/b/m[2]", "f/b/s")
	if !slices.ContainsFunc(l.events, func(e Event) bool { return e.String() == "f/b/m[1]" && e.Kind == Running && e.Attempt == 1 }) {
		t.Error("the resumed element does not go on counting attempts")
	}

	out, ran, err = execute(1)
	check(t, out, err, map[string]any{"y": []any{60, 70}}, "")
	want(ran)

	// Other inputs are other work, also for what a dynamic task makes of them.
	_, ran, err = execute(2)
	check(t, nil, err, nil, codeArray)
	want(ran, "before", "f", "f/a/m[0]", "f/a/m[1]", "f/a/m[2]", "f/a/s", "f/b/m[0]", "f/b/m[1]")
}

// TestS3 runs with an object store in place of the directory.
func TestS3(t *testing.T) {
	s := s3test.Start(t)
	s.Setenv(t)
	s.Bucket(t, "flyte")
	l := newLab(t)
	l.Store = objstore.Open(t.Context(), objstore.Config{})
	l.Prefix = "s3://flyte/metadata/"
	spec := &core.DynamicJobSpec{Tasks: tasks(), Subworkflows: []*core.WorkflowTemplate{tile()},
		Nodes:   []*core.Node{subNode("a", "tile", to("x", 1), to("do", "ok"))},
		Outputs: []*core.Binding{to("y", from("a.ys"))}}
	for range 2 { // the second finds all done
		out, err := l.Execute(t.Context(), Register(fanned(t, spec), "p", "d", "v"), nil, "exec")
		check(t, out, err, map[string]any{"y": []any{10, 20, 30}}, "")
	}
	if n := l.count("f", Running); n != 2 {
		// The futures file lies elsewhere each time, so the inputs differ and all runs again.
		t.Errorf("ran %d times", n)
	}
	out, err := l.Execute(t.Context(), one("ok"), nil, "one")
	check(t, out, err, map[string]any{"y": 40}, "")
	l.events = nil
	out, err = l.Execute(t.Context(), one("ok"), nil, "one")
	check(t, out, err, map[string]any{"y": 40}, "")
	if l.count("n", Running) != 0 {
		t.Error("ran again what was done")
	}
	_, err = l.Execute(t.Context(), one("error:NoGood:fatal:user"), nil, "bad")
	check(t, nil, err, nil, "NoGood")
}

// TestPipeline: a tile goes on as soon as it is prepared, tiles that were begun
// are finished first, and a GPU that is busy holds up nobody else.
func TestPipeline(t *testing.T) {
	prepare := task("prepare", vars{"do": tString, "x": tInt}, vars{"y": tInt})
	infer := task("infer", vars{"do": tString, "x": tInt}, vars{"y": tInt})
	infer.ExtendedResources = &core.ExtendedResources{GpuAccelerator: &core.GPUAccelerator{Device: "any"}}
	w := workflowOf("wf", nil, nil, nil)
	tiles := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, n := range tiles {
		w.Nodes = append(w.Nodes, subNode(n, "one_tile", to("x", 1)))
	}
	prepared := filepath.Join(t.TempDir(), "prepared")
	b := &Bundle{Tasks: []*core.TaskTemplate{prepare, infer}, Workflow: w, SubWorkflows: []*core.WorkflowTemplate{
		workflowOf("one_tile", vars{"x": tInt}, nil, nil,
			taskNode("prepare", "prepare", to("do", "sleep:30ms"), to("x", from(".x"))),
			taskNode("infer", "infer", to("do", "wait:"+prepared), to("x", from("prepare.y")))),
	}}
	l := newLab(t)
	l.Parallel, l.GPUs = 2, 1
	observe, done := l.Observe, 0
	l.Observe = func(e Event) {
		observe(e)
		if e.Task == "prepare" && e.Kind == Succeeded {
			if done++; done == len(tiles) {
				os.WriteFile(prepared, nil, 0o644)
			}
		}
	}
	// The first inference holds the GPU until all tiles are prepared.
	if _, err := l.Execute(t.Context(), b, nil, "exec"); err != nil {
		t.Fatal(err)
	}
	var running, inferred []string
	prepares := 0
	for _, e := range l.events {
		switch {
		case e.Kind == Running && e.Task == "prepare":
			running = append(running, e.Node)
			prepares++
		case e.Kind == Running && e.Task == "infer":
			if len(inferred) == 0 && prepares == len(tiles) {
				t.Error("inference waits for all tiles to be prepared")
			}
			running = append(running, e.Node)
			inferred = append(inferred, e.Node)
		case e.Kind == Succeeded && e.Task != "one_tile":
			running = slices.DeleteFunc(running, func(n string) bool { return n == e.Node })
		}
		gpus := slices.DeleteFunc(slices.Clone(running), func(n string) bool { return !strings.HasSuffix(n, "infer") })
		if len(running) > l.Parallel || len(gpus) > l.GPUs {
			t.Fatalf("too much at once: %q", running)
		}
	}
	if len(inferred) != len(tiles) || !slices.IsSorted(inferred[1:]) {
		t.Errorf("tiles out of order: %q", inferred)
	}
}

// TestStore: a store that refuses is named, and its kind of failure kept.
func TestStore(t *testing.T) {
	l := newLab(t)
	if err := os.WriteFile(filepath.Join(l.Prefix, "exec"), nil, 0o644); err != nil { // a file where a directory must be
		t.Fatal(err)
	}
	_, err := l.Execute(t.Context(), one("ok"), nil, "exec")
	if err == nil || !strings.Contains(err.Error(), l.Prefix) || fault.KindOf(err) != fault.BadInput {
		t.Errorf("error %v of kind %v, want bad input that names the place", err, fault.KindOf(err))
	}
	if _, err := l.Execute(t.Context(), one("ok"), nil, "../exec"); fault.CodeOf(err) != "ExecutionInvalid" {
		t.Errorf("error %v", err)
	}
}
