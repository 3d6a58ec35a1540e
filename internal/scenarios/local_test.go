package scenarios

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/internal/testing/await"
	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// TestLocal holds the local engine to what the real one did.
func TestLocal(t *testing.T) {
	stages := filepath.Join(t.TempDir(), "stages")
	buildStages(t, stages)
	for _, s := range Suite() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			compare(t, readGolden(t, s.Name), onLocal(t, s, stages), s.Except)
		})
	}
}

// onLocal runs a scenario's steps.
func onLocal(t *testing.T, s Scenario, stages string) []Record {
	t.Helper()
	ctx := t.Context()
	place := t.TempDir()
	bundle := registered(t, s)
	engine := local.Engine{
		Store:      objstore.Open(ctx, objstore.Config{}),
		Prefix:     t.TempDir(),
		Program:    local.Directory(stages),
		Parallel:   2,
		RetryDelay: time.Millisecond,
	}
	var records []Record
	var id string
	var given Step
	for i, step := range s.Steps {
		for _, name := range step.Switches {
			if err := os.WriteFile(filepath.Join(place, name), []byte("on"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range step.Remove {
			if err := os.Remove(filepath.Join(place, name)); err != nil {
				t.Fatal(err)
			}
		}
		if !step.Recover { // which goes on with the execution before
			id, given = "e"+strconv.Itoa(i), step
		}
		e := engine
		if step.Overwrite {
			e.Cache = local.CacheOverwrite
		}
		watch := watcher{nodes: map[string]*Node{}}
		e.Log = watch.process
		e.Observe = func(ev local.Event) {
			watch.observe(ev)
			for _, f := range step.Faults {
				if ev.Kind == local.Running && ev.Node == f.Node && ev.Element == f.Element && ev.Attempt == f.Attempt {
					dir := filepath.Join(e.Prefix, id, f.Node, "data")
					if f.Element >= 0 {
						dir = filepath.Join(dir, "0", strconv.Itoa(f.Element))
					}
					go end(t, filepath.Join(dir, strconv.Itoa(f.Attempt), "pid"), f.Action)
				}
			}
		}
		out, err := e.Execute(ctx, bundle, inputs(t, given, place, "salt"), id)
		records = append(records, watch.record(out, err))
	}
	return records
}

func registered(t *testing.T, s Scenario) *local.Bundle {
	t.Helper()
	all := &local.Bundle{}
	known := map[string]bool{}
	for i, w := range append([]Builder{s.Workflow}, s.Children...) {
		b, err := w.Build(spec.Options{Image: image})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range b.Tasks {
			if name := x.GetTemplate().GetId().GetName(); !known[name] {
				known[name] = true
				all.Tasks = append(all.Tasks, x.GetTemplate())
			}
		}
		if i == 0 {
			all.Workflow = b.Workflow.GetTemplate()
		} else {
			all.SubWorkflows = append(all.SubWorkflows, b.Workflow.GetTemplate())
		}
		all.SubWorkflows = append(all.SubWorkflows, b.Workflow.GetSubWorkflows()...)
		all.Plans = append(all.Plans, b.Plans...)
	}
	return local.Register(all, project, domain, "v1")
}

// end ends a process as a cluster would.
func end(t *testing.T, file string, a Action) {
	var raw []byte
	if !await.Until(t, file+": a process says that it hangs", func() bool { raw, _ = os.ReadFile(file); return len(raw) > 0 }) {
		return
	}
	pid, err := strconv.Atoi(string(raw))
	if err != nil {
		t.Error(err)
		return
	}
	signal := syscall.SIGKILL
	if a == Asked {
		signal = syscall.SIGTERM
	}
	if err := syscall.Kill(pid, signal); err != nil {
		t.Error(err)
	}
}

// watcher makes a record of events.
type watcher struct {
	mu    sync.Mutex
	nodes map[string]*Node
	pods  int
}

// node finds or makes a node. The caller holds mu.
func (w *watcher) node(ref local.NodeRef) *Node {
	n := w.nodes[ref.String()]
	if n == nil {
		n = &Node{Node: ref.String()}
		w.nodes[ref.String()] = n
	}
	return n
}

// process is asked for a log when a process starts.
func (w *watcher) process(ref local.NodeRef) io.WriteCloser {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.node(ref).Attempts++
	w.pods++
	return nil
}

func (w *watcher) observe(e local.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.node(e.NodeRef)
	switch e.Kind {
	case local.Succeeded:
		n.Phase, n.Cache = "SUCCEEDED", string(e.Cache)
		if e.Message == local.Recovered {
			n.Phase = "RECOVERED"
		}
	case local.Aborted:
		n.Phase = "ABORTED"
	case local.Failed:
		n.Phase = "FAILED"
		code, _ := classified(e.Failure)
		if code == "Timeout" {
			n.Phase, code = "TIMED_OUT", ""
		}
		if e.Element < 0 { // the engine has no error for elements
			n.Code = code
		}
	}
}

// classified is the code and kind of a failure as the real engine has them: a
// map that failed has none, and hides its elements'.
func classified(f *local.Failure) (code, kind string) {
	if f.Code == "ArrayNodeFailing" {
		return "", "UNKNOWN"
	}
	return f.Code, f.Origin.String()
}

func (w *watcher) record(out *core.LiteralMap, err error) Record {
	r := Record{Phase: "SUCCEEDED", Outputs: plain(out), Pods: w.pods}
	for _, n := range w.nodes {
		r.Nodes = append(r.Nodes, *n)
	}
	r.Sort()
	if f := new(local.Failure); errors.As(err, &f) {
		r.Phase = "FAILED"
		code, kind := classified(f)
		r.Error = &Error{Code: code, Kind: kind}
		if f.Recoverable && code != "" {
			r.Error = &Error{Code: code, Exhausted: true}
		}
	} else if err != nil {
		r.Phase = fmt.Sprintf("not an execution's failure: %v", err)
	}
	return r
}
