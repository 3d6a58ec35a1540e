package task

import (
	"strings"
	"syscall"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// errStopped stands for a context that ended for no known signal.
const errStopped = syscall.SIGTERM

// messageLimit bounds the message of an error document: the engine keeps it in
// the execution's own record.
const messageLimit = 16 << 10

// errorDocument says to the engine what may be done about a failure.
func errorDocument(err error) *core.ErrorDocument {
	kind := fault.KindOf(err)
	e := &core.ContainerError{
		Code:      fault.CodeOf(err),
		Message:   clip(fault.Lines(err.Error()), messageLimit),
		Kind:      core.ContainerError_NON_RECOVERABLE,
		Origin:    core.ExecutionError_USER,
		Timestamp: timestamppb.Now(),
	}
	fallback := ""
	switch kind {
	case fault.BadInput:
		fallback = "BadInput"
	case fault.BadData:
		fallback = "BadData"
	case fault.Bug:
		fallback, e.Origin = "Bug", core.ExecutionError_SYSTEM
	case fault.Transient:
		fallback, e.Kind = "Transient", core.ContainerError_RECOVERABLE
	default:
		// Also what calls itself canceled: nobody asked this process to stop,
		// so a part of it gave up on another.
		fallback, e.Kind = "Unclassified", core.ContainerError_RECOVERABLE
	}
	if e.Code == "" {
		e.Code = fallback
	}
	return &core.ErrorDocument{Error: e}
}

// clip keeps the beginning of a text, as valid UTF-8, which a proto string has to be.
func clip(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + " [...]"
}
