package admintest

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/event"

	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// Cached is the message of an event whose node's outputs came from the cache.
const Cached = "from the cache"

// Script is what happens in an execution, in the words of the local engine: a
// recording of one of its runs, or one made up.
type Script struct {
	Events  []local.Event
	Outputs *core.LiteralMap
	Step    int  // events from one look at the execution to the next; 0: all at once
	Hold    bool // go on running when the events are used up

	next int
}

// ReadScript reads a recording: the events that a run wrote.
func ReadScript(t testing.TB, file string) *Script {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &Script{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e local.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		s.Events = append(s.Events, e)
	}
	if len(s.Events) == 0 {
		t.Fatalf("%s holds no events", file)
	}
	return s
}

// nodeRecord is a node execution and what FlyteAdmin keeps beside it.
type nodeRecord struct {
	record   *admin.NodeExecution
	parent   string // unique id of the node that holds it
	path     string
	whole    *core.ExecutionError
	attempts []*admin.TaskExecution
	length   int // of a map
}

// advance plays the next events.
func (s *Server) advance(e *execution) {
	if e.script == nil {
		return
	}
	c := e.record.Closure
	c.Phase = core.WorkflowExecution_RUNNING
	left := e.script.Events[e.script.next:]
	if step := e.script.Step; step > 0 && step < len(left) {
		left = left[:step]
	}
	for _, event := range left {
		s.apply(e, event)
	}
	e.script.next += len(left)
	if e.script.next < len(e.script.Events) || e.script.Hold {
		return
	}
	e.outputs = e.script.Outputs
	phase := core.WorkflowExecution_SUCCEEDED
	for _, n := range e.nodes {
		if n.parent == "" && n.record.GetClosure().GetPhase() == core.NodeExecution_FAILED {
			phase = core.WorkflowExecution_FAILED
			c.OutputResult = &admin.ExecutionClosure_Error{Error: n.whole}
		}
	}
	e.end(phase)
}

// shape says what a node of the script is: what it holds shows further on.
type shape struct {
	array, holder, dynamic bool
	child                  string // name of the execution that it began
	task                   string
	length                 int // of a map; -1 for what is none
}

func (s *Script) shape(path string) (sh shape) {
	expanded, inner, count := false, false, 0
	own := ""
	for _, e := range s.Events {
		switch {
		case e.Node == path:
			own, sh.task = e.Execution, e.Task
			expanded, count = expanded || e.Kind == local.Expanded, max(count, e.Count)
			sh.array = sh.array || e.Element >= 0
		case strings.HasPrefix(e.Node, path+"/"):
			inner = true
			if rest := e.Node[len(path)+1:]; !strings.Contains(rest, "/") && own != "" && e.Execution != own {
				sh.child = e.Execution
			}
		}
	}
	sh.array, sh.length = sh.array || expanded && !inner, -1
	if sh.array {
		sh.length = count
	}
	sh.holder = inner && sh.child == "" && !sh.array
	sh.dynamic = sh.holder && expanded
	return sh
}

// apply makes an event into records.
func (s *Server) apply(root *execution, e local.Event) {
	x := root
	if e.Execution != root.script.Events[0].Execution {
		x = s.childOf(root, e.Execution)
	}
	n := s.node(root, x, e)
	if e.Element >= 0 {
		n.element(e)
		if s.Metadata != "" && (e.Kind == local.Failed || e.Kind == local.Retrying) {
			file := filepath.Join(strings.TrimSuffix(n.record.GetInputUri(), "inputs.pb"), "0", strconv.Itoa(e.Element), strconv.Itoa(e.Attempt), "error.pb")
			if err := cmp.Or(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, document(e), 0o666)); err != nil {
				s.t.Error(err)
			}
		}
		return
	}
	switch e.Kind {
	case local.Queued:
		n.phase(core.NodeExecution_QUEUED, e.Time)
	case local.Running:
		if n.record.Closure.StartedAt == nil {
			n.record.Closure.StartedAt = timestamppb.New(e.Time)
		}
		n.phase(core.NodeExecution_RUNNING, e.Time)
		n.attempt(e.Attempt, core.TaskExecution_RUNNING, e)
	case local.Expanded:
		if !n.record.Metadata.IsArray {
			n.record.Metadata.IsDynamic, n.record.Metadata.IsParentNode = true, true
			n.phase(core.NodeExecution_DYNAMIC_RUNNING, e.Time)
		}
	case local.Retrying:
		n.attempt(e.Attempt, core.TaskExecution_FAILED, e)
	case local.Succeeded:
		switch e.Message {
		case local.Recovered:
			n.phase(core.NodeExecution_RECOVERED, e.Time)
			return
		case Cached:
			n.record.Closure.TargetMetadata = &admin.NodeExecutionClosure_TaskNodeMetadata{
				TaskNodeMetadata: &admin.TaskNodeMetadata{CacheStatus: core.CatalogCacheStatus_CACHE_HIT},
			}
		}
		n.phase(core.NodeExecution_SUCCEEDED, e.Time)
		n.attempt(e.Attempt, core.TaskExecution_SUCCEEDED, e)
	case local.Failed:
		n.whole = said(e)
		n.phase(core.NodeExecution_FAILED, e.Time)
		n.attempt(e.Attempt, core.TaskExecution_FAILED, e)
	case local.Aborted:
		n.phase(core.NodeExecution_ABORTED, e.Time)
		n.attempt(e.Attempt, core.TaskExecution_ABORTED, e)
	}
	if x != root && n.parent == "" && e.Kind == local.Failed {
		x.end(core.WorkflowExecution_FAILED)
	}
}

// childOf finds or begins the execution of a launch plan's node.
func (s *Server) childOf(root *execution, name string) *execution {
	id := proto.Clone(root.record.GetId()).(*core.WorkflowExecutionIdentifier)
	id.Name = name
	if x := s.find(id); x != nil {
		return x
	}
	x := &execution{record: &admin.Execution{Id: id, Spec: &admin.ExecutionSpec{}, Closure: &admin.ExecutionClosure{Phase: core.WorkflowExecution_RUNNING, CreatedAt: timestamppb.Now()}}}
	s.executions = append(s.executions, x)
	return x
}

// node finds or makes the record that an event is about.
func (s *Server) node(root, x *execution, e local.Event) *nodeRecord {
	for _, n := range x.nodes {
		if n.path == e.Node {
			return n
		}
	}
	dir, spec := "", e.Node
	if i := strings.LastIndex(e.Node, "/"); i >= 0 {
		dir, spec = e.Node[:i], e.Node[i+1:]
	}
	parent := ""
	for _, n := range x.nodes {
		if n.path == dir {
			parent = n.record.GetId().GetNodeId()
		}
	}
	sh := root.script.shape(e.Node)
	n := &nodeRecord{parent: parent, path: e.Node, length: sh.length, record: &admin.NodeExecution{
		Id:       &core.NodeExecutionIdentifier{ExecutionId: x.record.GetId(), NodeId: strings.ReplaceAll(e.Node, "/", "-0-")},
		InputUri: cmp.Or(s.Metadata, "s3://metadata") + "/" + x.record.GetId().GetName() + "/" + e.Node + "/data/inputs.pb",
		Metadata: &admin.NodeExecutionMetaData{SpecNodeId: spec, IsArray: sh.array, IsParentNode: sh.holder && !sh.dynamic},
		Closure:  &admin.NodeExecutionClosure{CreatedAt: timestamppb.New(e.Time)},
	}}
	if sh.child != "" {
		child := proto.Clone(x.record.GetId()).(*core.WorkflowExecutionIdentifier)
		child.Name = sh.child
		n.record.Closure.TargetMetadata = &admin.NodeExecutionClosure_WorkflowNodeMetadata{WorkflowNodeMetadata: &admin.WorkflowNodeMetadata{ExecutionId: child}}
		s.childOf(root, sh.child)
	}
	x.nodes = append(x.nodes, n)
	return n
}

func (n *nodeRecord) phase(p core.NodeExecution_Phase, at time.Time) {
	n.record.Closure.Phase, n.record.Closure.UpdatedAt = p, timestamppb.New(at)
}

func ended(p core.NodeExecution_Phase) bool {
	switch p {
	case core.NodeExecution_SUCCEEDED, core.NodeExecution_FAILED, core.NodeExecution_ABORTED, core.NodeExecution_RECOVERED:
		return true
	}
	return false
}

// said is an event's message as an error.
func said(e local.Event) *core.ExecutionError {
	code, message, _ := strings.Cut(e.Message, ": ")
	return &core.ExecutionError{Code: code, Message: message, Kind: core.ExecutionError_USER}
}

// attempt records an attempt of a task; a sub-workflow has none, a map only the first.
func (n *nodeRecord) attempt(number int, p core.TaskExecution_Phase, e local.Event) {
	m := n.record.Metadata
	switch {
	case m.IsParentNode && !m.IsDynamic, n.record.GetClosure().GetWorkflowNodeMetadata() != nil:
		return
	case m.IsArray && p == core.TaskExecution_FAILED:
		t := n.task(0)
		t.Closure.Phase, t.Closure.OutputResult = p, &admin.TaskExecutionClosure_Error{Error: said(e)}
		return
	}
	t := n.task(number)
	t.Closure.Phase, t.Closure.UpdatedAt = p, timestamppb.New(e.Time)
	if p == core.TaskExecution_FAILED && !(m.IsParentNode && e.Kind == local.Failed) {
		t.Closure.OutputResult = &admin.TaskExecutionClosure_Error{Error: said(e)}
	}
}

func (n *nodeRecord) task(number int) *admin.TaskExecution {
	for len(n.attempts) <= number {
		id := &core.TaskExecutionIdentifier{NodeExecutionId: n.record.GetId(), RetryAttempt: uint32(len(n.attempts))}
		n.attempts = append(n.attempts, &admin.TaskExecution{Id: id, Closure: &admin.TaskExecutionClosure{
			Metadata: &event.TaskExecutionMetadata{},
			Logs:     []*core.TaskLog{{Name: "pod", Uri: "https://logs.example.org/" + n.record.GetId().GetNodeId()}},
		}})
	}
	return n.attempts[number]
}

// element records an attempt of a map's element. Why it failed stands only in
// the document that it wrote.
func (n *nodeRecord) element(e local.Event) {
	m := n.task(0).Closure.Metadata
	var r *event.ExternalResourceInfo
	for _, known := range m.ExternalResources {
		if known.GetIndex() == uint32(e.Element) && known.GetRetryAttempt() == uint32(e.Attempt) {
			r = known
		}
	}
	if r == nil {
		r = &event.ExternalResourceInfo{Index: uint32(e.Element), RetryAttempt: uint32(e.Attempt)}
		m.ExternalResources = append(m.ExternalResources, r)
	}
	switch e.Kind {
	case local.Queued:
		r.Phase = core.TaskExecution_QUEUED
	case local.Running:
		r.Phase = core.TaskExecution_RUNNING
	case local.Succeeded:
		r.Phase = core.TaskExecution_SUCCEEDED
		if e.Message == Cached {
			r.CacheStatus = core.CatalogCacheStatus_CACHE_HIT
		}
	case local.Aborted:
		r.Phase = core.TaskExecution_ABORTED
	case local.Failed, local.Retrying:
		r.Phase = core.TaskExecution_FAILED
	}
}
