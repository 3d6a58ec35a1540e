package remote

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
)

// Launch is what an execution is created from. Zero values leave things to the
// launch plan and the cluster.
type Launch struct {
	Plan    string
	Version string // empty: the latest that was registered
	Name    string // of the execution; empty: generated
	Inputs  *core.LiteralMap

	Labels, Annotations map[string]string
	MaxParallelism      int
	ServiceAccount      string // Kubernetes'
	RawOutputPrefix     string // URI below which tasks put blobs
	ClusterPool         string // cluster assignment
	OverwriteCache      bool
	Interruptible       *bool
}

// executionName is what FlyteAdmin takes, and Kubernetes as a label's value.
var executionName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// NewName generates a name as FlyteAdmin would: a letter and 19 characters.
func NewName() string { return "a" + strings.ToLower(rand.Text())[:19] }

func checkName(name string) error {
	if !executionName.MatchString(name) {
		return fault.Input("ExecutionNameInvalid", "%q can't be an execution's name", name).
			Fix("lower-case letters, digits and dashes, the first a letter, at most 63")
	}
	return nil
}

// Launch creates an execution. Its inputs are checked against the launch plan
// first. The name is made here, so that an answer that got lost does not leave
// an execution that nobody knows.
func (c *Client) Launch(ctx context.Context, l Launch) (*core.WorkflowExecutionIdentifier, error) {
	if l.Name == "" {
		l.Name = NewName()
	}
	if err := checkName(l.Name); err != nil {
		return nil, err
	}
	plan, err := c.plan(ctx, l.Plan, l.Version)
	if err != nil {
		return nil, err
	}
	if err := check(plan, l.Inputs); err != nil {
		return nil, err
	}
	spec := &admin.ExecutionSpec{
		LaunchPlan:     plan.GetId(),
		Metadata:       &admin.ExecutionMetadata{Mode: admin.ExecutionMetadata_MANUAL},
		Labels:         &admin.Labels{Values: l.Labels},
		Annotations:    &admin.Annotations{Values: l.Annotations},
		MaxParallelism: int32(l.MaxParallelism),
		OverwriteCache: l.OverwriteCache,
	}
	if l.ServiceAccount != "" {
		spec.SecurityContext = &core.SecurityContext{RunAs: &core.Identity{K8SServiceAccount: l.ServiceAccount}}
	}
	if l.RawOutputPrefix != "" {
		spec.RawOutputDataConfig = &admin.RawOutputDataConfig{OutputLocationPrefix: l.RawOutputPrefix}
	}
	if l.ClusterPool != "" {
		spec.ClusterAssignment = &admin.ClusterAssignment{ClusterPoolName: l.ClusterPool}
	}
	if l.Interruptible != nil {
		spec.Interruptible = wrapperspb.Bool(*l.Interruptible)
	}
	sent, stop := undisturbed(ctx)
	defer stop()
	created, err := c.Admin.CreateExecution(sent, &admin.ExecutionCreateRequest{
		Project: c.Project, Domain: c.Domain, Name: l.Name, Spec: spec, Inputs: l.Inputs,
	})
	id := &core.WorkflowExecutionIdentifier{Project: c.Project, Domain: c.Domain, Name: l.Name}
	return c.created(id, created, err)
}

// undisturbed outlives a Ctrl-C for as long as a request takes: else nobody knew
// whether an execution began.
func undisturbed(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}

// created explains what can go wrong when something is begun.
func (c *Client) created(id *core.WorkflowExecutionIdentifier, answer *admin.ExecutionCreateResponse, err error) (*core.WorkflowExecutionIdentifier, error) {
	switch status.Code(err) {
	case codes.OK:
		return answer.GetId(), nil
	case codes.AlreadyExists:
		var e *fault.Error
		if errors.As(err, &e) {
			e.On(Name(id)).Fix("give another --name, or none")
			e.Err = &hidden{errors.New("there is an execution of this name already"), e.Err}
		}
	case codes.Unavailable, codes.DeadlineExceeded:
		return nil, fmt.Errorf("create execution %s (it may have begun: look before you try again): %w", Name(id), err)
	}
	return nil, err
}

// Abort ends an execution. Its pods are stopped; what they wrote stays.
func (c *Client) Abort(ctx context.Context, id *core.WorkflowExecutionIdentifier, reason string) error {
	e, err := c.Execution(ctx, id)
	if err != nil {
		return err
	}
	if Ended(e) {
		return fault.Input("ExecutionEnded", "it has ended: %s", phase(e)).On(Name(id)).Fix("there is nothing to abort")
	}
	_, err = c.Admin.TerminateExecution(ctx, &admin.ExecutionTerminateRequest{Id: id, Cause: reason})
	return err
}

// Recover begins an execution that takes over what succeeded in another one.
func (c *Client) Recover(ctx context.Context, id *core.WorkflowExecutionIdentifier, name string) (*core.WorkflowExecutionIdentifier, error) {
	if name == "" {
		name = NewName()
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	e, err := c.Execution(ctx, id)
	if err != nil {
		return nil, err
	}
	if !Ended(e) {
		return nil, fault.Input("ExecutionActive", "it is still %s", phase(e)).On(Name(id)).Fix("abort it first, or wait for its end")
	}
	sent, stop := undisturbed(ctx)
	defer stop()
	created, err := c.Admin.RecoverExecution(sent, &admin.ExecutionRecoverRequest{
		Id: id, Name: name, Metadata: &admin.ExecutionMetadata{Mode: admin.ExecutionMetadata_RECOVERED, ReferenceExecution: id},
	})
	return c.created(&core.WorkflowExecutionIdentifier{Project: id.GetProject(), Domain: id.GetDomain(), Name: name}, created, err)
}

// Outputs are what a successful execution gave.
func (c *Client) Outputs(ctx context.Context, id *core.WorkflowExecutionIdentifier) (*core.LiteralMap, error) {
	data, err := c.Admin.GetExecutionData(ctx, &admin.WorkflowExecutionGetDataRequest{Id: id})
	if err != nil {
		return nil, err
	}
	return data.GetFullOutputs(), nil
}

// check refuses inputs that the launch plan does not take, all at once.
func check(plan *admin.LaunchPlan, inputs *core.LiteralMap) error {
	name := plan.GetId().GetName()
	expected := plan.GetClosure().GetExpectedInputs().GetParameters()
	fixed := plan.GetSpec().GetFixedInputs().GetLiterals()
	var wrong, strange, lacking []string
	for _, key := range slices.Sorted(maps.Keys(inputs.GetLiterals())) {
		p, known := expected[key]
		switch l := inputs.GetLiterals()[key]; {
		case fixed[key] != nil:
			wrong = append(wrong, fmt.Sprintf("input %q is fixed by the launch plan: leave it out, or use another plan", key))
		case !known:
			strange = append(strange, strconv.Quote(key))
		default:
			if at, ok := fits(p.GetVar().GetType(), l); !ok {
				wrong = append(wrong, fmt.Sprintf("input %q is of type %s, and %s%s does not fit", key, literal.TypeName(p.GetVar().GetType()), literal.Describe(l), at))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(expected)) {
		if p := expected[key]; p.GetRequired() && inputs.GetLiterals()[key] == nil {
			lacking = append(lacking, fmt.Sprintf("%q (%s)", key, literal.TypeName(p.GetVar().GetType())))
		}
	}
	if len(lacking) > 0 {
		wrong = append(wrong, "required and not given: "+strings.Join(lacking, ", "))
	}
	if len(strange) > 0 {
		wrong = append(wrong, fmt.Sprintf("it has no input %s: it takes %s", strings.Join(strange, ", "), strings.Join(slices.Sorted(maps.Keys(expected)), ", ")))
	}
	if len(wrong) > 0 {
		return fault.Input("InputInvalid", "%s", strings.Join(wrong, "; ")).On("launch plan " + name + " " + plan.GetId().GetVersion()).
			Fix("if the plan is of another version of this program, name the right one with --plan-version")
	}
	return nil
}
