package admintest

import (
	"context"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler/validators"
)

var executionID = regexp.MustCompile(`^[a-z][a-z\-0-9]*$`)

// execution is one that was launched, and what its script has made of it.
type execution struct {
	record  *admin.Execution
	inputs  *core.LiteralMap
	outputs *core.LiteralMap
	script  *Script
	last    *Script // when it is over
	nodes   []*nodeRecord
}

// OnLaunch says what happens in executions that are launched from now on.
func (s *Server) OnLaunch(script func(*admin.Execution) *Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// CreateExecution checks a launch as FlyteAdmin does.
func (s *Server) CreateExecution(_ context.Context, r *admin.ExecutionCreateRequest) (*admin.ExecutionCreateResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !executionID.MatchString(strings.ToLower(r.GetName())) || len(r.GetName()) > 63 {
		return nil, status.Errorf(codes.InvalidArgument, "invalid name format: %s", r.GetName())
	}
	plan := s.findPlan(r.GetSpec().GetLaunchPlan())
	if plan == nil {
		return nil, status.Errorf(codes.NotFound, "missing entity of type LAUNCH_PLAN with identifier %v", r.GetSpec().GetLaunchPlan())
	}
	inputs, err := launchInputs(r.GetInputs(), plan)
	if err != nil {
		return nil, err
	}
	return s.begin(&core.WorkflowExecutionIdentifier{Project: r.GetProject(), Domain: r.GetDomain(), Name: r.GetName()}, r.GetSpec(), inputs, plan)
}

// launchInputs completes the inputs of a launch, and refuses those that the plan
// does not take: FlyteAdmin's rules, by the compiler's idea of a literal's type.
func launchInputs(given *core.LiteralMap, plan *admin.LaunchPlan) (*core.LiteralMap, error) {
	expected := plan.GetClosure().GetExpectedInputs().GetParameters()
	all := map[string]*core.Literal{}
	for name, l := range given.GetLiterals() {
		p := expected[name]
		if p == nil {
			return nil, status.Errorf(codes.InvalidArgument, "invalid input %s", name)
		}
		got := validators.LiteralTypeForLiteral(l)
		if err := validators.ValidateLiteralType(got); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "failed to validate literal type for %s: %v", name, err)
		}
		if !validators.AreTypesCastable(got, p.GetVar().GetType()) {
			return nil, status.Errorf(codes.InvalidArgument, "invalid %s input wrong type. Expected %v, but got %v", name, p.GetVar().GetType(), got)
		}
		all[name] = l
	}
	for name, p := range expected {
		switch {
		case all[name] != nil:
		case p.GetRequired():
			return nil, status.Errorf(codes.InvalidArgument, "expected_inputs %s missing", name)
		default:
			all[name] = p.GetDefault()
		}
	}
	for name, l := range plan.GetSpec().GetFixedInputs().GetLiterals() {
		if all[name] != nil {
			return nil, status.Errorf(codes.InvalidArgument, "fixed_inputs %s cannot be overridden", name)
		}
		all[name] = l
	}
	return &core.LiteralMap{Literals: all}, nil
}

func (s *Server) begin(id *core.WorkflowExecutionIdentifier, spec *admin.ExecutionSpec, inputs *core.LiteralMap, plan *admin.LaunchPlan) (*admin.ExecutionCreateResponse, error) {
	if s.find(id) != nil {
		return nil, status.Error(codes.AlreadyExists, "value with matching already exists (duplicate key value violates unique constraint \"executions_pkey\")")
	}
	now := timestamppb.Now()
	e := &execution{inputs: inputs, record: &admin.Execution{Id: id, Spec: spec, Closure: &admin.ExecutionClosure{
		Phase: core.WorkflowExecution_QUEUED, CreatedAt: now, UpdatedAt: now, StartedAt: now, WorkflowId: plan.GetSpec().GetWorkflowId(),
	}}}
	if s.script != nil {
		e.script = s.script(e.record)
	}
	s.executions = append(s.executions, e)
	return &admin.ExecutionCreateResponse{Id: id}, nil
}

func (s *Server) find(id *core.WorkflowExecutionIdentifier) *execution {
	for _, e := range s.executions {
		if proto.Equal(e.record.GetId(), id) {
			return e
		}
	}
	return nil
}

func (s *Server) found(id *core.WorkflowExecutionIdentifier) (*execution, error) {
	if e := s.find(id); e != nil {
		return e, nil
	}
	return nil, status.Errorf(codes.NotFound, "missing entity of type execution with identifier %v", id)
}

// Launched gives what an execution was created from.
func (s *Server) Launched(id *core.WorkflowExecutionIdentifier) (*admin.ExecutionSpec, *core.LiteralMap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(id)
	return e.record.GetSpec(), e.inputs
}

// GetExecution plays the next part of the script, so that each look finds something new.
func (s *Server) GetExecution(_ context.Context, r *admin.WorkflowExecutionGetRequest) (*admin.Execution, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.found(r.GetId())
	if err != nil {
		return nil, err
	}
	s.advance(e)
	return proto.Clone(e.record).(*admin.Execution), nil
}

// GetExecutionData gives inputs and outputs.
func (s *Server) GetExecutionData(_ context.Context, r *admin.WorkflowExecutionGetDataRequest) (*admin.WorkflowExecutionGetDataResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.found(r.GetId())
	if err != nil {
		return nil, err
	}
	return &admin.WorkflowExecutionGetDataResponse{FullInputs: e.inputs, FullOutputs: e.outputs}, nil
}

// ListExecutions gives a project's executions, the latest first.
func (s *Server) ListExecutions(_ context.Context, r *admin.ResourceListRequest) (*admin.ExecutionList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := &admin.ExecutionList{}
	for i := len(s.executions) - 1; i >= 0 && len(list.Executions) < int(r.GetLimit()); i-- {
		if id := s.executions[i].record.GetId(); id.GetProject() == r.GetId().GetProject() && id.GetDomain() == r.GetId().GetDomain() {
			list.Executions = append(list.Executions, proto.Clone(s.executions[i].record).(*admin.Execution))
		}
	}
	return list, nil
}

// TerminateExecution ends an execution and what runs in it.
func (s *Server) TerminateExecution(_ context.Context, r *admin.ExecutionTerminateRequest) (*admin.ExecutionTerminateResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.found(r.GetId())
	if err != nil {
		return nil, err
	}
	c := e.record.Closure
	c.OutputResult = &admin.ExecutionClosure_AbortMetadata{AbortMetadata: &admin.AbortMetadata{Cause: r.GetCause()}}
	e.end(core.WorkflowExecution_ABORTED)
	for _, n := range e.nodes {
		if !ended(n.record.GetClosure().GetPhase()) {
			n.phase(core.NodeExecution_ABORTED, time.Now())
		}
	}
	return &admin.ExecutionTerminateResponse{}, nil
}

// RecoverExecution begins an execution from another one.
func (s *Server) RecoverExecution(_ context.Context, r *admin.ExecutionRecoverRequest) (*admin.ExecutionCreateResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.found(r.GetId())
	if err != nil {
		return nil, err
	}
	spec := proto.Clone(e.record.GetSpec()).(*admin.ExecutionSpec)
	spec.Metadata = &admin.ExecutionMetadata{Mode: admin.ExecutionMetadata_RECOVERED, ReferenceExecution: r.GetId()}
	id := &core.WorkflowExecutionIdentifier{Project: r.GetId().GetProject(), Domain: r.GetId().GetDomain(), Name: r.GetName()}
	return s.begin(id, spec, e.inputs, s.findPlan(spec.GetLaunchPlan()))
}

func (e *execution) end(p core.WorkflowExecution_Phase) {
	c := e.record.Closure
	c.Phase, c.UpdatedAt = p, timestamppb.Now()
	c.Duration = durationpb.New(c.UpdatedAt.AsTime().Sub(c.CreatedAt.AsTime()))
	if e.script != nil {
		e.script, e.last = nil, e.script
	}
}
