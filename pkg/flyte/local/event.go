package local

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Kind says what happened.
type Kind string

const (
	Queued    Kind = "queued"    // inputs are there; a task waits for a place
	Running   Kind = "running"   // the process of an attempt, or the node around others, started
	Expanded  Kind = "expanded"  // a map or dynamic node knows its Count of elements or children
	Retrying  Kind = "retrying"  // an attempt failed and another follows; Duration is the attempt's
	Succeeded Kind = "succeeded" // Duration is since queued, of elements and nodes alike
	Failed    Kind = "failed"    // for good; Message says why
	Aborted   Kind = "aborted"   // stopped because of a failure elsewhere, or on request
)

// Recovered is the message of nodes and elements that succeeded in an earlier run.
const Recovered = "kept from an earlier run"

// Event is one step of an execution. Events marshal to flat JSON objects, with
// durations in nanoseconds.
type Event struct {
	Time time.Time `json:"time"`
	NodeRef
	Kind     Kind          `json:"kind"`
	Name     string        `json:"name,omitempty"` // of what was queued: what people call the node, if not by its id
	Count    int           `json:"count,omitempty"`
	Message  string        `json:"message,omitempty"`
	Duration time.Duration `json:"duration,omitempty"`
	Cache    CacheStatus   `json:"cache,omitempty"` // of what succeeded
	Failure  *Failure      `json:"-"`               // of what failed or is tried again
	// Outputs are those of a node with one task that succeeded, to be read only.
	Outputs *core.LiteralMap `json:"-"`
}

// NodeRef is a place in an execution.
type NodeRef struct {
	Execution string `json:"execution"`         // of a launch plan's child: the child's
	Node      string `json:"node"`              // ids from the outermost in: "fan/n3/infer"
	Task      string `json:"task,omitempty"`    // name of the task, sub-workflow or launch plan
	Attempt   int    `json:"attempt,omitempty"` // from 0, as FLYTE_ATTEMPT_NUMBER has it
	Element   int    `json:"element"`           // of a map; -1 outside
}

// String is the node's path, with the element where there is one.
func (r NodeRef) String() string {
	if r.Element < 0 {
		return r.Node
	}
	return fmt.Sprintf("%s[%d]", r.Node, r.Element)
}

// Failure is why a node failed: the last attempt's code and message, and where
// to read on. Execute's error holds one for each node at the root of a failed
// execution (errors.As finds the first).
type Failure struct {
	NodeRef
	Code    string
	Message string
	Origin  core.ExecutionError_ErrorKind
	// Recoverable failures were tried again as often as is allowed.
	Recoverable bool
	// Log is where the attempt's output went, if its sink has a name.
	Log   string
	Cause error // the first element's failure, where a map failed; may be nil
	found error // what the engine found, where it was no task that said so
}

func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "node %s", f.NodeRef)
	if f.Task != "" {
		fmt.Fprintf(&b, " (%s, attempt %d)", f.Task, f.Attempt)
	}
	fmt.Fprintf(&b, ": %s: %s", f.Code, f.Message)
	if f.Log != "" {
		fmt.Fprintf(&b, "; log: %s", f.Log)
	}
	if f.Cause != nil {
		fmt.Fprintf(&b, "; first: %v", f.Cause)
	}
	return b.String()
}

// Unwrap is the cause, or else the failure classified: by who found it, or by
// what the task said of it.
func (f *Failure) Unwrap() error {
	kind := fault.Unclassified
	switch {
	case f.Cause != nil:
		return f.Cause
	case fault.KindOf(f.found) != fault.Unclassified:
		return f.found
	case f.Recoverable:
	case f.Origin == core.ExecutionError_SYSTEM:
		kind = fault.Bug
	case f.Origin == core.ExecutionError_USER:
		kind = fault.BadInput
	}
	return fault.New(kind, f.Code, "%s", f.Message)
}

// errAborted is what a node that was stopped returns; who stopped it knows why.
var errAborted = errors.New("aborted")

// joined is the failure of several nodes of one workflow.
type joined []error

const shownFailures = 5

func (j joined) Error() string {
	var b strings.Builder
	for i, err := range j {
		if i == shownFailures {
			fmt.Fprintf(&b, "\nand %d more nodes failed", len(j)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(err.Error())
	}
	return b.String()
}

func (j joined) Unwrap() []error { return j }

func join(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return joined(errs)
}
