package admintest

import (
	"context"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler/common"
)

func key(id *core.Identifier) string {
	return strings.Join([]string{id.GetResourceType().String(), id.GetProject(), id.GetDomain(), id.GetName(), id.GetVersion()}, ":")
}

func complete(id *core.Identifier) error {
	if id.GetProject() == "" || id.GetDomain() == "" || id.GetName() == "" || id.GetVersion() == "" {
		return status.Errorf(codes.InvalidArgument, "missing project, domain, name or version in %v", id)
	}
	return nil
}

// keep registers something once: again the same is AlreadyExists, something
// else under the same version is refused.
func (s *Server) keep(id *core.Identifier, spec proto.Message) error {
	if err := complete(id); err != nil {
		return err
	}
	if old, ok := s.specs[key(id)]; ok {
		if proto.Equal(old.(proto.Message), spec) {
			return status.Errorf(codes.AlreadyExists, "entity with identical structure already exists with id %v", id)
		}
		return status.Errorf(codes.InvalidArgument, "entity with different structure already exists with id %v", id)
	}
	s.specs[key(id)] = spec
	return nil
}

// CreateTask compiles and keeps a task.
func (s *Server) CreateTask(_ context.Context, r *admin.TaskCreateRequest) (*admin.TaskCreateResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	compiled, err := compiler.CompileTask(r.GetSpec().GetTemplate())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if err := s.keep(r.GetId(), r.GetSpec()); err != nil {
		return nil, err
	}
	s.tasks[key(r.GetId())] = compiled
	return &admin.TaskCreateResponse{}, nil
}

// planInterface is what the compiler wants to know about a launch plan.
type planInterface struct{ *admin.LaunchPlan }

func (p planInterface) GetID() *core.Identifier { return p.GetId() }
func (p planInterface) GetExpectedInputs() *core.ParameterMap {
	return p.GetClosure().GetExpectedInputs()
}
func (p planInterface) GetExpectedOutputs() *core.VariableMap {
	return p.GetClosure().GetExpectedOutputs()
}

// CreateWorkflow compiles a workflow with the tasks and launch plans that were
// registered before it, and keeps it.
func (s *Server) CreateWorkflow(_ context.Context, r *admin.WorkflowCreateRequest) (*admin.WorkflowCreateResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := proto.Clone(r.GetSpec()).(*admin.WorkflowSpec)
	needs, err := compiler.GetRequirements(w.GetTemplate(), w.GetSubWorkflows())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	var tasks []*core.CompiledTask
	for _, id := range needs.GetRequiredTaskIds() {
		t := s.tasks[key(id)]
		if t == nil {
			return nil, status.Errorf(codes.InvalidArgument, "task %v is not registered", id)
		}
		tasks = append(tasks, t)
	}
	var plans []common.InterfaceProvider
	for _, id := range needs.GetRequiredLaunchPlanIds() {
		p := s.findPlan(id)
		if p == nil {
			return nil, status.Errorf(codes.InvalidArgument, "launch plan %v is not registered", id)
		}
		plans = append(plans, planInterface{p})
	}
	closure, err := compiler.CompileWorkflow(w.GetTemplate(), w.GetSubWorkflows(), tasks, plans)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if err := s.keep(r.GetId(), r.GetSpec()); err != nil {
		return nil, err
	}
	s.workflows[key(r.GetId())] = closure
	return &admin.WorkflowCreateResponse{}, nil
}

// GetWorkflow gives the compiled workflow.
func (s *Server) GetWorkflow(_ context.Context, r *admin.ObjectGetRequest) (*admin.Workflow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.workflows[key(r.GetId())]
	if w == nil {
		return nil, status.Errorf(codes.NotFound, "missing entity of type WORKFLOW with identifier %v", r.GetId())
	}
	return &admin.Workflow{Id: r.GetId(), Closure: &admin.WorkflowClosure{CompiledWorkflow: w}}, nil
}

// CreateLaunchPlan keeps a launch plan whose inputs are those of its workflow.
func (s *Server) CreateLaunchPlan(_ context.Context, r *admin.LaunchPlanCreateRequest) (*admin.LaunchPlanCreateResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.workflows[key(r.GetSpec().GetWorkflowId())]
	if w == nil {
		return nil, status.Errorf(codes.InvalidArgument, "workflow %v is not registered", r.GetSpec().GetWorkflowId())
	}
	iface := w.GetPrimary().GetTemplate().GetInterface()
	expected := &core.ParameterMap{Parameters: map[string]*core.Parameter{}}
	given := r.GetSpec().GetDefaultInputs().GetParameters()
	for name, p := range given {
		v := iface.GetInputs().GetVariables()[name]
		if v == nil || !proto.Equal(v.GetType(), p.GetVar().GetType()) {
			return nil, status.Errorf(codes.InvalidArgument, "default input %s is not the workflow's", name)
		}
		expected.Parameters[name] = p
	}
	for name, v := range iface.GetInputs().GetVariables() {
		if given[name] == nil && r.GetSpec().GetFixedInputs().GetLiterals()[name] == nil {
			expected.Parameters[name] = &core.Parameter{Var: v, Behavior: &core.Parameter_Required{Required: true}}
		}
	}
	if err := s.keep(r.GetId(), r.GetSpec()); err != nil {
		return nil, err
	}
	s.plans = append(s.plans, &admin.LaunchPlan{Id: r.GetId(), Spec: r.GetSpec(), Closure: &admin.LaunchPlanClosure{
		ExpectedInputs: expected, ExpectedOutputs: iface.GetOutputs(),
	}})
	return &admin.LaunchPlanCreateResponse{}, nil
}

func (s *Server) findPlan(id *core.Identifier) *admin.LaunchPlan {
	for _, p := range s.plans {
		if key(p.GetId()) == key(id) {
			return p
		}
	}
	return nil
}

// GetLaunchPlan gives one version of a launch plan.
func (s *Server) GetLaunchPlan(_ context.Context, r *admin.ObjectGetRequest) (*admin.LaunchPlan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.findPlan(r.GetId()); p != nil {
		return p, nil
	}
	return nil, status.Errorf(codes.NotFound, "missing entity of type LAUNCH_PLAN with identifier %v", r.GetId())
}

// ListLaunchPlans gives the versions of a launch plan, the latest first.
func (s *Server) ListLaunchPlans(_ context.Context, r *admin.ResourceListRequest) (*admin.LaunchPlanList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := &admin.LaunchPlanList{}
	for i := len(s.plans) - 1; i >= 0 && len(list.LaunchPlans) < int(r.GetLimit()); i-- {
		id := s.plans[i].GetId()
		if id.GetProject() == r.GetId().GetProject() && id.GetDomain() == r.GetId().GetDomain() && id.GetName() == r.GetId().GetName() {
			list.LaunchPlans = append(list.LaunchPlans, s.plans[i])
		}
	}
	return list, nil
}

// ListLaunchPlanIds gives the names of a project's launch plans.
func (s *Server) ListLaunchPlanIds(_ context.Context, r *admin.NamedEntityIdentifierListRequest) (*admin.NamedEntityIdentifierList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := &admin.NamedEntityIdentifierList{}
	seen := map[string]bool{}
	for _, p := range s.plans {
		if id := p.GetId(); id.GetProject() == r.GetProject() && id.GetDomain() == r.GetDomain() && !seen[id.GetName()] {
			seen[id.GetName()] = true
			list.Entities = append(list.Entities, &admin.NamedEntityIdentifier{Project: id.GetProject(), Domain: id.GetDomain(), Name: id.GetName()})
		}
	}
	return list, nil
}
