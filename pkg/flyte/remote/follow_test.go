package remote_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/internal/testing/admintest"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/flyte/remote"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
)

// history is what happens in an execution of the example: an attempt that is
// repeated, a map with an element that is repeated and one that is lost, a
// dynamic node with a sub-workflow and a child execution inside, a cache hit,
// and at the end a failure inside a sub-workflow.
func history(t *testing.T) []local.Event {
	t.Helper()
	at := time.Date(2020, 3, 1, 12, 0, 0, 0, time.UTC)
	tasks := map[string]string{}
	for _, n := range bundle(t).Workflow.GetTemplate().GetNodes() {
		switch {
		case n.GetArrayNode() != nil:
			tasks[n.GetId()] = n.GetArrayNode().GetNode().GetTaskNode().GetReferenceId().GetName()
		case n.GetWorkflowNode() != nil:
			tasks[n.GetId()] = n.GetWorkflowNode().GetSubWorkflowRef().GetName()
		default:
			tasks[n.GetId()] = n.GetTaskNode().GetReferenceId().GetName()
		}
	}
	var all []local.Event
	add := func(execution, node, task string, attempt, element int, kind local.Kind, message string) {
		if task == "" && execution == "root" {
			if task = tasks[node]; task == "" {
				t.Fatalf("the example has no node %s", node)
			}
		}
		at = at.Add(time.Second)
		all = append(all, local.Event{Time: at, Kind: kind, Message: message,
			NodeRef: local.NodeRef{Execution: execution, Node: node, Task: task, Attempt: attempt, Element: element}})
	}
	begin := func(execution, node, task string) {
		add(execution, node, task, 0, -1, local.Queued, "")
		add(execution, node, task, 0, -1, local.Running, "")
	}
	expand := func(node, task string, n int) {
		add("root", node, task, 0, -1, local.Expanded, "")
		all[len(all)-1].Count = n
	}
	whole := func(execution, node, task string) {
		begin(execution, node, task)
		add(execution, node, task, 0, -1, local.Succeeded, "")
	}

	begin("root", "split", "")
	add("root", "split", "", 0, -1, local.Retrying, "Busy: come back later")
	add("root", "split", "", 1, -1, local.Running, "")
	add("root", "split", "", 1, -1, local.Succeeded, "")

	begin("root", "whole", "")
	expand("whole", "", 4)
	for i := range 4 {
		add("root", "whole", "", 0, i, local.Queued, "")
		add("root", "whole", "", 0, i, local.Running, "")
	}
	add("root", "whole", "", 0, 0, local.Succeeded, "")
	add("root", "whole", "", 0, 1, local.Retrying, "Busy: element 1 is not ready")
	add("root", "whole", "", 1, 1, local.Running, "")
	add("root", "whole", "", 0, 2, local.Failed, "Refused: element 2 is no good")
	add("root", "whole", "", 1, 1, local.Succeeded, "")
	add("root", "whole", "", 0, 3, local.Succeeded, remote.Cached)
	add("root", "whole", "", 0, -1, local.Succeeded, "")

	begin("root", "fan-pages", "")
	expand("fan-pages", "", 2)
	begin("root", "fan-pages/n0", "page_cpu")
	whole("root", "fan-pages/n0/lines", "lines")
	begin("root", "fan-pages/n0/count-words", "count_words_map")
	expand("fan-pages/n0/count-words", "count_words_map", 0)
	add("root", "fan-pages/n0/count-words", "count_words_map", 0, -1, local.Succeeded, "")
	add("root", "fan-pages/n0", "page_cpu", 0, -1, local.Succeeded, "")
	begin("root", "fan-pages/n1", "page_batch")
	whole("child-1", "fan-pages/n1/lines", "")
	add("root", "fan-pages/n1", "page_batch", 0, -1, local.Succeeded, "")
	add("root", "fan-pages", "", 0, -1, local.Succeeded, "")

	begin("root", "sum", "")
	add("root", "sum", "", 0, -1, local.Succeeded, remote.Cached)

	const again = "one-page"
	begin("root", again, "")
	begin("root", again+"/lines", "lines")
	long := "Refused: page 3 is no good: " + strings.Repeat("so long that a list holds only its beginning; ", 5) + "end"
	add("root", again+"/lines", "lines", 0, -1, local.Failed, long)
	add("root", again, "", 0, -1, local.Failed, long)
	return all
}

// told keeps what the view shows, and what can be the same in both engines.
func told(events []local.Event, execution string) []string {
	var lines []string
	for _, e := range events {
		if e.Kind == local.Queued || e.Kind == local.Running {
			continue
		}
		if e.Execution == "root" {
			e.Execution = execution
		}
		lines = append(lines, fmt.Sprintf("%s %s %s attempt %d: %s %d %s", e.Execution, e.NodeRef, e.Task, e.Attempt, e.Kind, e.Count, e.Message))
	}
	return lines
}

// TestFollow: whatever happens between two looks, the same is told that happened.
func TestFollow(t *testing.T) {
	for step := 1; step <= 9; step++ {
		t.Run(fmt.Sprintf("%d events a look", step), func(t *testing.T) {
			s, c := start(t)
			script := &admintest.Script{Events: history(t), Step: step}
			id := launch(t, s, c, script)
			var got []local.Event
			e, err := c.Follow(t.Context(), id, remote.Follow{
				Observe: func(e local.Event) { got = append(got, e) }, Fetch: s.Fetch, Interval: time.Millisecond, MaxInterval: time.Millisecond,
			})
			want := told(script.Events, id.GetName())
			lines := told(got, id.GetName())
			if step > 2 { // then the child execution may come and go between two looks, and nobody asks what was in it
				inChild := func(line string) bool { return strings.HasPrefix(line, "child-1 ") }
				want, lines = slices.DeleteFunc(want, inChild), slices.DeleteFunc(lines, inChild)
			}
			if step > 1 { // what is seen in one look has no order among nodes that don't depend on each other
				slices.Sort(want)
				slices.Sort(lines)
			}
			if diff := cmp.Diff(want, lines); diff != "" {
				t.Errorf("not what happened (-) was told (+):\n%s", diff)
			}
			inner := slices.IndexFunc(got, func(e local.Event) bool { return e.Node == "one-page/lines" && e.Kind == local.Failed })
			outer := slices.IndexFunc(got, func(e local.Event) bool { return e.Node == "one-page" && e.Kind == local.Failed })
			if inner < 0 || inner > outer {
				t.Errorf("what failed inside is told at %d, the node around it at %d", inner, outer)
			}
			var f *local.Failure
			if !errors.As(err, &f) || f.Node != "one-page/lines" || f.Code != "Refused" || !strings.HasSuffix(f.Message, "end") || f.Log == "" {
				t.Errorf("%v", err)
			}
			if fault.KindOf(err) != fault.BadInput || e.GetClosure().GetPhase() != core.WorkflowExecution_FAILED {
				t.Errorf("%v %v", fault.KindOf(err), e.GetClosure().GetPhase())
			}
		})
	}
}

// TestFollowSuccess: no error, and the outputs are there; without a store to
// read error documents from, elements' messages point to their logs.
func TestFollowSuccess(t *testing.T) {
	s, c := start(t)
	events := history(t)
	events = events[:slices.IndexFunc(events, func(e local.Event) bool { return e.Node == "one-page" })]
	out := &core.LiteralMap{Literals: map[string]*core.Literal{"total": {Value: &core.Literal_Scalar{Scalar: &core.Scalar{}}}}}
	id := launch(t, s, c, &admintest.Script{Events: events, Step: 3, Outputs: out})
	var failed []string
	_, err := c.Follow(t.Context(), id, remote.Follow{Interval: time.Millisecond, MaxInterval: time.Millisecond, Observe: func(e local.Event) {
		if e.Kind == local.Failed {
			failed = append(failed, e.Message)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(failed) != 1 || !strings.Contains(failed[0], "left no message") {
		t.Errorf("%q", failed)
	}
	if got, err := c.Outputs(t.Context(), id); err != nil || !proto.Equal(got, out) {
		t.Errorf("%v %v", got, err)
	}
	if state, err := c.State(t.Context(), remote.Name(id)); state != connect.Succeeded || err != nil {
		t.Errorf("%v %v", state, err)
	}
}

// TestStopFollowing: who stops watching does not stop the execution.
func TestStopFollowing(t *testing.T) {
	s, c := start(t)
	id := launch(t, s, c, &admintest.Script{Events: history(t)[:9], Step: 1, Hold: true})
	ctx, stop := context.WithCancel(t.Context())
	_, err := c.Follow(ctx, id, remote.Follow{Interval: time.Millisecond, MaxInterval: time.Millisecond, Observe: func(e local.Event) {
		if e.Kind == local.Succeeded {
			stop()
		}
	}})
	if fault.KindOf(err) != fault.Canceled {
		t.Errorf("%v", err)
	}
	if state, err := c.State(t.Context(), remote.Name(id)); state != connect.Active || err != nil || s.Calls("TerminateExecution") != 0 {
		t.Errorf("%v %v", state, err)
	}
}

// TestServerAway: a FlyteAdmin that restarts is waited for.
func TestServerAway(t *testing.T) {
	s, c := start(t)
	script := &admintest.Script{Events: history(t), Step: 2}
	id := launch(t, s, c, script)
	var lost, back atomic.Int32
	var got []local.Event
	_, err := c.Follow(t.Context(), id, remote.Follow{
		Observe: func(e local.Event) {
			if got = append(got, e); len(got) == 5 {
				s.Stop()
			}
		},
		Lost: func(err error) {
			if err != nil {
				lost.Add(1)
				s.Restart(t)
			} else {
				back.Add(1)
			}
		},
		Fetch: s.Fetch, Interval: time.Millisecond, MaxInterval: 50 * time.Millisecond,
	})
	var f *local.Failure
	if !errors.As(err, &f) {
		t.Fatalf("%v", err)
	}
	if lost.Load() != 1 || back.Load() != 1 {
		t.Errorf("lost %d times, back %d times", lost.Load(), back.Load())
	}
	want, lines := told(script.Events, id.GetName()), told(got, id.GetName()) // a child execution that came and went in between is not asked for
	inChild := func(line string) bool { return strings.HasPrefix(line, "child-1 ") }
	want, lines = slices.DeleteFunc(want, inChild), slices.DeleteFunc(lines, inChild)
	slices.Sort(want)
	slices.Sort(lines)
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("not what happened (-) was told (+):\n%s", diff)
	}
	s.Stop()
	_, err = c.Follow(t.Context(), id, remote.Follow{})
	if fault.KindOf(err) != fault.Transient {
		t.Errorf("%v", err)
	}
}

// TestRequests: a look takes no more requests than it may, however much runs,
// and in time everything is looked at.
func TestRequests(t *testing.T) {
	s, c := start(t)
	var events []local.Event
	at := time.Date(2020, 3, 1, 12, 0, 0, 0, time.UTC)
	add := func(node, task string, kind local.Kind, count int) {
		events = append(events, local.Event{Time: at, Kind: kind, Count: count, NodeRef: local.NodeRef{Execution: "root", Node: node, Task: task, Element: -1}})
	}
	const tiles = 60
	add("fan-pages", "fan_pages", local.Running, 0)
	add("fan-pages", "fan_pages", local.Expanded, tiles)
	for i := range tiles {
		tile := fmt.Sprintf("fan-pages/n%d", i)
		add(tile, "page_cpu", local.Running, 0)
		add(tile+"/lines", "lines", local.Running, 0)
	}
	id := launch(t, s, c, &admintest.Script{Events: events, Hold: true})
	ctx, stop := context.WithCancel(t.Context())
	seen := map[string]bool{}
	const budget = 10
	before, worst := s.Requests(), 0
	looks := s.Calls("GetExecution")
	_, err := c.Follow(ctx, id, remote.Follow{Requests: budget, Interval: time.Millisecond, MaxInterval: time.Millisecond, Observe: func(e local.Event) {
		if n := s.Calls("GetExecution"); n > looks {
			worst, before, looks = max(worst, s.Requests()-before), s.Requests(), n
		}
		if strings.HasSuffix(e.Node, "/lines") {
			if seen[e.Node] = true; len(seen) == tiles {
				stop()
			}
		}
	}})
	if fault.KindOf(err) != fault.Canceled {
		t.Fatal(err)
	}
	if worst == 0 || worst > budget+5 {
		t.Errorf("a look took %d requests", worst)
	}
}
