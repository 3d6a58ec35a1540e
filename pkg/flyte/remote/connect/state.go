package connect

import (
	"context"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
)

// State is how an execution stands, for those who only need to know whether
// something is still to be expected of it.
type State string

const (
	Active    State = "active" // queued, running, or on its way to an end
	Succeeded State = "succeeded"
	Failed    State = "failed" // timed out, too
	Aborted   State = "aborted"
	Missing   State = "missing" // FlyteAdmin knows no such execution
)

// Ended tells whether nothing more will come of the execution.
func (s State) Ended() bool { return s != Active }

// State asks how an execution stands; id is "project/domain/name". One request.
func (c *Conn) State(ctx context.Context, id string) (State, error) {
	exec, err := ParseID(id, "", "")
	if err != nil {
		return "", err
	}
	e, err := c.Admin.GetExecution(ctx, &admin.WorkflowExecutionGetRequest{Id: exec})
	if status.Code(err) == codes.NotFound {
		return Missing, nil
	} else if err != nil {
		return "", err
	}
	return StateOf(e.GetClosure().GetPhase()), nil
}

// StateOf sums a phase up.
func StateOf(p core.WorkflowExecution_Phase) State {
	switch p {
	case core.WorkflowExecution_SUCCEEDED:
		return Succeeded
	case core.WorkflowExecution_FAILED, core.WorkflowExecution_TIMED_OUT:
		return Failed
	case core.WorkflowExecution_ABORTED:
		return Aborted
	}
	return Active
}

// ParseID reads "project/domain/name", or "name" where defaults say the rest.
func ParseID(id, project, domain string) (*core.WorkflowExecutionIdentifier, error) {
	parts := strings.Split(id, "/")
	if len(parts) == 1 && project != "" && domain != "" {
		parts = []string{project, domain, id}
	}
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return nil, fault.Input("ExecutionIDInvalid", "%q does not name an execution", id).Fix("write project/domain/name")
	}
	return &core.WorkflowExecutionIdentifier{Project: parts[0], Domain: parts[1], Name: parts[2]}, nil
}
