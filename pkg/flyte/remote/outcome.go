package remote

import (
	"context"
	"errors"
	"fmt"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// Codes for what FlyteAdmin leaves without one, as the local engine has them.
const (
	codeTimeout = "TimeoutExpired"
	codeArray   = "ArrayNodeFailing"
)

// failure is why a node failed: what its last attempt said, or else the node's
// own error. Lists hold only the beginning of that.
func (t *tracker) failure(ctx context.Context, n *node) (*local.Failure, error) {
	f := &local.Failure{NodeRef: n.ref(n.told.retries, -1), Recoverable: n.told.retries > 0, Log: n.told.log}
	said := n.told.last
	if said == nil && n.at.GetClosure().GetError() != nil {
		t.requests++
		whole, err := t.client.Admin.GetNodeExecution(ctx, &admin.NodeExecutionGetRequest{Id: n.at.GetId()})
		if err != nil {
			return nil, err
		}
		said = whole.GetClosure().GetError()
	}
	f.Code, f.Message, f.Origin = said.GetCode(), trimmed(said.GetMessage()), said.GetKind()
	switch {
	case f.Code != "":
	case n.phase() == core.NodeExecution_TIMED_OUT:
		f.Code, f.Message = codeTimeout, tooLong(n)
	case n.kind() == mapped:
		f.Code = codeArray
	default:
		f.Code = n.phase().String()
	}
	return f, nil
}

// outcome is the error of an execution that did not succeed.
func (t *tracker) outcome(e *admin.Execution) error {
	id := Name(e.GetId())
	switch e.GetClosure().GetPhase() {
	case core.WorkflowExecution_SUCCEEDED:
		return nil
	case core.WorkflowExecution_ABORTED:
		return fault.New(fault.Canceled, "ExecutionAborted", "it was aborted%s", abortCause(e)).On(id)
	}
	if len(t.failures) > 0 {
		return fmt.Errorf("%s: %w", id, errors.Join(t.failures...))
	}
	said := e.GetClosure().GetError()
	return fault.New(fault.Unclassified, said.GetCode(), "%s: %s", phase(e), trimmed(said.GetMessage())).On(id)
}

func abortCause(e *admin.Execution) string {
	m := e.GetClosure().GetAbortMetadata()
	cause := ""
	if m.GetPrincipal() != "" {
		cause = " by " + m.GetPrincipal()
	}
	if m.GetCause() != "" {
		cause += ": " + m.GetCause()
	}
	return cause
}
