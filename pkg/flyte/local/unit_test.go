package local

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

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
	queue := func(ctx context.Context, name string, gpu bool, key ...int32) {
		before := len(s.wait[0]) + len(s.wait[1])
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
		for {
			s.mu.Lock()
			n := len(s.wait[0]) + len(s.wait[1])
			s.mu.Unlock()
			if n > before {
				return
			}
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
	for len(s.wait[0]) > 3 {
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
