package admintest

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// listed is how much of a node's error a list holds, in bytes.
const listed = 100

// ListNodeExecutions gives an execution's own nodes, or those that a node holds.
func (s *Server) ListNodeExecutions(_ context.Context, r *admin.NodeExecutionListRequest) (*admin.NodeExecutionList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.found(r.GetWorkflowExecutionId())
	if err != nil {
		return nil, err
	}
	var all []*admin.NodeExecution
	for _, n := range e.nodes {
		if n.parent != r.GetUniqueParentId() {
			continue
		}
		record := proto.Clone(n.record).(*admin.NodeExecution)
		if n.whole != nil {
			short := proto.Clone(n.whole).(*core.ExecutionError)
			short.Message = short.Message[:min(listed, len(short.Message))]
			record.Closure.OutputResult = &admin.NodeExecutionClosure_Error{Error: short}
		}
		all = append(all, record)
	}
	from := 0
	if r.GetToken() != "" {
		if from, err = strconv.Atoi(r.GetToken()); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "invalid pagination token %s for ListNodeExecutions", r.GetToken())
		}
	}
	if r.GetLimit() == 0 {
		return nil, status.Error(codes.InvalidArgument, "invalid value for limit")
	}
	to := min(from+int(r.GetLimit()), len(all))
	list := &admin.NodeExecutionList{NodeExecutions: all[from:to]}
	if len(list.NodeExecutions) == int(r.GetLimit()) {
		list.Token = strconv.Itoa(to)
	}
	return list, nil
}

func (s *Server) foundNode(id *core.NodeExecutionIdentifier) (*execution, *nodeRecord, error) {
	e, err := s.found(id.GetExecutionId())
	if err != nil {
		return nil, nil, err
	}
	for _, n := range e.nodes {
		if n.record.GetId().GetNodeId() == id.GetNodeId() {
			return e, n, nil
		}
	}
	return nil, nil, status.Errorf(codes.NotFound, "missing entity of type node execution with identifier %v", id)
}

// GetNodeExecution gives a node with its whole error.
func (s *Server) GetNodeExecution(_ context.Context, r *admin.NodeExecutionGetRequest) (*admin.NodeExecution, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, n, err := s.foundNode(r.GetId())
	if err != nil {
		return nil, err
	}
	record := proto.Clone(n.record).(*admin.NodeExecution)
	if n.whole != nil {
		record.Closure.OutputResult = &admin.NodeExecutionClosure_Error{Error: n.whole}
	}
	return record, nil
}

// GetNodeExecutionData gives the inputs of a map: a list as long as it.
func (s *Server) GetNodeExecutionData(_ context.Context, r *admin.NodeExecutionGetDataRequest) (*admin.NodeExecutionGetDataResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, n, err := s.foundNode(r.GetId())
	if err != nil {
		return nil, err
	}
	in := &core.LiteralMap{Literals: map[string]*core.Literal{}}
	if n.length >= 0 {
		in.Literals["over"] = &core.Literal{Value: &core.Literal_Collection{Collection: &core.LiteralCollection{Literals: make([]*core.Literal, n.length)}}}
	}
	return &admin.NodeExecutionGetDataResponse{FullInputs: in}, nil
}

// ListTaskExecutions gives a node's attempts.
func (s *Server) ListTaskExecutions(_ context.Context, r *admin.TaskExecutionListRequest) (*admin.TaskExecutionList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, n, err := s.foundNode(r.GetNodeExecutionId())
	if err != nil {
		return nil, err
	}
	list := &admin.TaskExecutionList{}
	for _, t := range n.attempts {
		list.TaskExecutions = append(list.TaskExecutions, proto.Clone(t).(*admin.TaskExecution))
	}
	return list, nil
}

// GetDynamicNodeWorkflow gives the nodes that a dynamic node made, with the
// compiler's own start and end.
func (s *Server) GetDynamicNodeWorkflow(_ context.Context, r *admin.GetDynamicNodeWorkflowRequest) (*admin.DynamicNodeWorkflowResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, n, err := s.foundNode(r.GetId())
	if err != nil {
		return nil, err
	}
	if !n.record.GetMetadata().GetIsDynamic() {
		return nil, status.Error(codes.NotFound, "node does not contain dynamic workflow")
	}
	for _, e := range s.executions {
		if e.script != nil || e.last != nil {
			if closure := e.played().closure(n.path); closure != nil {
				return &admin.DynamicNodeWorkflowResponse{CompiledWorkflow: closure}, nil
			}
		}
	}
	return nil, status.Error(codes.Internal, "no script made this node")
}

// closure is the workflow that a dynamic node of the script made; nil where the
// script has no such node.
func (s *Script) closure(path string) *core.CompiledWorkflowClosure {
	subs := map[string]*core.CompiledWorkflow{}
	primary := s.template(path, subs)
	if len(primary.GetNodes()) == 0 {
		return nil
	}
	primary.Nodes = append(primary.Nodes, &core.Node{Id: "start-node"}, &core.Node{Id: "end-node"})
	closure := &core.CompiledWorkflowClosure{Primary: &core.CompiledWorkflow{Template: primary}}
	for _, w := range subs {
		closure.SubWorkflows = append(closure.SubWorkflows, w)
	}
	return closure
}

func (s *Script) template(path string, subs map[string]*core.CompiledWorkflow) *core.WorkflowTemplate {
	w := &core.WorkflowTemplate{Id: &core.Identifier{Name: s.shape(path).task}}
	seen := map[string]bool{}
	for _, e := range s.Events {
		rest, below := strings.CutPrefix(e.Node, path+"/")
		if !below || strings.Contains(rest, "/") || seen[rest] {
			continue
		}
		seen[rest] = true
		sh := s.shape(e.Node)
		task := &core.Node{Id: rest, Target: &core.Node_TaskNode{TaskNode: &core.TaskNode{Reference: &core.TaskNode_ReferenceId{ReferenceId: &core.Identifier{Name: sh.task}}}}}
		switch {
		case sh.array:
			w.Nodes = append(w.Nodes, &core.Node{Id: rest, Target: &core.Node_ArrayNode{ArrayNode: &core.ArrayNode{Node: task}}})
		case sh.child != "":
			w.Nodes = append(w.Nodes, &core.Node{Id: rest, Target: &core.Node_WorkflowNode{WorkflowNode: &core.WorkflowNode{
				Reference: &core.WorkflowNode_LaunchplanRef{LaunchplanRef: &core.Identifier{Name: sh.task}},
			}}})
		case sh.holder && !sh.dynamic:
			w.Nodes = append(w.Nodes, &core.Node{Id: rest, Target: &core.Node_WorkflowNode{WorkflowNode: &core.WorkflowNode{
				Reference: &core.WorkflowNode_SubWorkflowRef{SubWorkflowRef: &core.Identifier{Name: sh.task}},
			}}})
			subs[sh.task] = &core.CompiledWorkflow{Template: s.template(e.Node, subs)}
		default:
			w.Nodes = append(w.Nodes, task)
		}
	}
	return w
}

// Fetch reads the error document of a map's element, as a store would give it.
func (s *Server) Fetch(_ context.Context, uri string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.executions {
		if e.script == nil && e.last == nil {
			continue
		}
		for _, event := range e.played().Events {
			if event.Element < 0 || event.Kind != local.Failed && event.Kind != local.Retrying ||
				!strings.HasSuffix(uri, fmt.Sprintf("/%s/data/0/%d/%d/error.pb", event.Node, event.Element, event.Attempt)) {
				continue
			}
			return document(event), nil
		}
	}
	return nil, fmt.Errorf("%s: no such object", uri)
}

// played is the script of an execution, also when it is over.
func (e *execution) played() *Script {
	if e.script != nil {
		return e.script
	}
	return e.last
}

// document is what an element's attempt leaves of its failure.
func document(e local.Event) []byte {
	code, message, _ := strings.Cut(e.Message, ": ")
	kind := core.ContainerError_RECOVERABLE
	if e.Kind == local.Failed {
		kind = core.ContainerError_NON_RECOVERABLE
	}
	raw, err := proto.Marshal(&core.ErrorDocument{Error: &core.ContainerError{Code: code, Message: message, Kind: kind}})
	if err != nil {
		return nil // text that is not UTF-8: the follower will say that there is no message
	}
	return raw
}
