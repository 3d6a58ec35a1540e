package remote

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/event"

	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// task tells of the attempts of a task. That another one follows is known when
// it is there: FlyteAdmin's record of a failed attempt doesn't tell.
func (t *tracker) task(ctx context.Context, n *node) error {
	attempts, err := t.attempts(ctx, n)
	if err != nil {
		return err
	}
	for i, a := range attempts {
		number := int(a.GetId().GetRetryAttempt())
		if i == len(attempts)-1 {
			n.told.last, n.told.log = a.GetClosure().GetError(), firstLog(a.GetClosure().GetLogs())
			continue
		}
		if number < n.told.retries {
			continue
		}
		n.told.retries = number + 1
		t.changed = true
		t.follow.Observe(local.Event{
			Time: a.GetClosure().GetUpdatedAt().AsTime(), NodeRef: n.ref(number, -1), Kind: local.Retrying,
			Message: attemptError(n, a), Duration: a.GetClosure().GetDuration().AsDuration(),
		})
	}
	return nil
}

// attemptError is why an attempt failed. The engine ends one that takes too long
// without an error.
func attemptError(n *node, a *admin.TaskExecution) string {
	e := a.GetClosure().GetError()
	if e == nil && a.GetClosure().GetPhase() == core.TaskExecution_ABORTED {
		return codeTimeout + ": " + tooLong(n)
	}
	return e.GetCode() + ": " + trimmed(e.GetMessage())
}

func tooLong(n *node) string {
	if limit := n.template.GetMetadata().GetTimeout().AsDuration(); limit > 0 {
		return fmt.Sprintf("not done after %s", limit)
	}
	return "not done in time"
}

func firstLog(logs []*core.TaskLog) string {
	if len(logs) == 0 {
		return ""
	}
	return logs[0].GetUri()
}

// array tells of a map's elements. They stand in the metadata of its one task
// execution, attempt by attempt.
func (t *tracker) array(ctx context.Context, n *node) error {
	if !n.told.expanded {
		count, err := t.length(ctx, n)
		if err != nil {
			return err
		}
		if count >= 0 {
			t.say(n, local.Event{Kind: local.Expanded, Count: count})
		}
		n.told.expanded = true
		n.told.elements, n.told.over = map[uint32]int{}, map[uint32]bool{}
		n.told.messages = map[uint64]*said{}
	}
	attempts, err := t.attempts(ctx, n)
	if err != nil {
		return err
	}
	if len(attempts) > 0 {
		n.told.last = attempts[len(attempts)-1].GetClosure().GetError()
	}
	all := elements(attempts)
	for i, e := range all {
		last := i == len(all)-1 || all[i+1].GetIndex() != e.GetIndex()
		if err := t.element(ctx, n, e, last); err != nil {
			return err
		}
	}
	return nil
}

// element tells of one attempt of an element. One that failed and is the last so
// far may be tried again: its end is told when that can't be any more.
func (t *tracker) element(ctx context.Context, n *node, e *event.ExternalResourceInfo, last bool) error {
	index, attempt := e.GetIndex(), int(e.GetRetryAttempt())
	if n.told.over[index] {
		return nil
	}
	if !last {
		if attempt >= n.told.elements[index] {
			n.told.elements[index] = attempt + 1
			t.sayElement(n, e, local.Retrying, t.said(ctx, n, e).text)
		}
		return nil
	}
	switch e.GetPhase() {
	case core.TaskExecution_SUCCEEDED:
		message := ""
		if e.GetCacheStatus() == core.CatalogCacheStatus_CACHE_HIT {
			message = Cached
		}
		t.sayElement(n, e, local.Succeeded, message)
	case core.TaskExecution_FAILED:
		if s := t.said(ctx, n, e); n.ended() || s.final {
			t.sayElement(n, e, local.Failed, s.text)
		} else {
			return nil
		}
	default:
		if !n.ended() {
			return nil
		}
		t.sayElement(n, e, local.Aborted, "")
	}
	n.told.over[index] = true
	return nil
}

func (t *tracker) sayElement(n *node, e *event.ExternalResourceInfo, k local.Kind, message string) {
	t.changed = true
	t.follow.Observe(local.Event{Time: n.updated(), NodeRef: n.ref(int(e.GetRetryAttempt()), int(e.GetIndex())), Kind: k, Message: message})
}

// said is what an element's attempt left as its error.
type said struct {
	text  string
	final bool // it said that trying again is of no use
}

// fetched is how many error documents of one map are read.
const fetched = 20

// said finds the message of a failed attempt in the error document that it
// wrote, where that can be read: FlyteAdmin does not keep it.
func (t *tracker) said(ctx context.Context, n *node, e *event.ExternalResourceInfo) *said {
	key := uint64(e.GetIndex())<<32 | uint64(e.GetRetryAttempt())
	s := n.told.messages[key]
	if s != nil {
		return s
	}
	s = &said{text: "it left no message, and FlyteAdmin keeps none of a map's element"}
	if log := firstLog(e.GetLogs()); log != "" {
		s.text += ", its log: " + log
	}
	if uri := errorURI(n, e); t.follow.Fetch != nil && uri != "" && len(n.told.messages) < fetched {
		if raw, err := t.follow.Fetch(ctx, uri); err == nil {
			document := new(core.ErrorDocument)
			if proto.Unmarshal(raw, document) == nil && document.GetError() != nil {
				d := document.GetError()
				s.text = d.GetCode() + ": " + d.GetMessage()
				s.final = d.GetKind() == core.ContainerError_NON_RECOVERABLE
			}
		} // an attempt that was killed left none
	}
	n.told.messages[key] = s
	return s
}

// errorURI is where an element's attempt writes its error document.
func errorURI(n *node, e *event.ExternalResourceInfo) string {
	dir, found := strings.CutSuffix(n.at.GetInputUri(), "/inputs.pb")
	if !found {
		return ""
	}
	return fmt.Sprintf("%s/0/%d/%d/error.pb", dir, e.GetIndex(), e.GetRetryAttempt())
}

func trimmed(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
