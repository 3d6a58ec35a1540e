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

// Alive tells whether an execution is still at work. It is not known of a name
// that is no execution's, or of one that this FlyteAdmin never had: that may be
// another cluster's, or this machine's.
func (c *Conn) Alive(ctx context.Context, id string) (alive, known bool, err error) {
	state, err := c.State(ctx, id)
	if fault.CodeOf(err) == codeID || state == Missing {
		return false, false, nil
	}
	return !state.Ended(), err == nil, err
}

// codeID is the code of what is no execution's name.
const codeID = "ExecutionIDInvalid"

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
		return nil, fault.Input(codeID, "%q does not name an execution", id).Fix("write project/domain/name")
	}
	return &core.WorkflowExecutionIdentifier{Project: parts[0], Domain: parts[1], Name: parts[2]}, nil
}
