package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/remote"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// watching is how an execution on a cluster is shown.
type watching struct {
	cluster
	events string
}

func (s *watching) flags(c *cobra.Command) {
	s.cluster.flags(c)
	c.Flags().StringVar(&s.events, "events", "", "write what happens to this file, one JSON object a line")
}

// watch shows an execution as a local run is shown, until it ends. A stop that
// was asked for leaves the execution alone and says how to come back to it.
func (s *watching) watch(ctx context.Context, w io.Writer, client *remote.Client, id *core.WorkflowExecutionIdentifier) error {
	e, err := client.Execution(ctx, id)
	if err != nil {
		return detached(ctx, w, id, err)
	}
	v, err := newView(w, id.GetName(), s.events)
	if err != nil {
		return err
	}
	if at := e.GetClosure().GetCreatedAt(); at != nil {
		v.start = at.AsTime()
	}
	_, err = client.Follow(ctx, id, remote.Follow{
		Observe: v.observe,
		Fetch:   fetch(ctx),
		Lost: func(err error) {
			if err != nil {
				v.note("%v; the execution goes on without us, and we go on asking", err)
				return
			}
			v.note("FlyteAdmin answers again")
		},
	})
	return detached(ctx, w, id, v.done(err))
}

// detached says how to come back to an execution that goes on.
func detached(ctx context.Context, w io.Writer, id *core.WorkflowExecutionIdentifier, err error) error {
	if ctx.Err() == nil {
		return err
	}
	name := remote.Name(id)
	fmt.Fprintf(w, "\n%s goes on\n  watch   constellation status %s --follow\n  abort   constellation abort %s\n", name, name, name)
	return fault.New(fault.Canceled, "Detached", "no longer watching %s", name)
}

// fetch reads error documents from the cluster's store. Who can't read there
// is not kept waiting: after one failure no other is tried.
func fetch(ctx context.Context) func(context.Context, string) ([]byte, error) {
	store := objstore.Open(ctx, objstore.Config{})
	var refused error
	return func(ctx context.Context, uri string) ([]byte, error) {
		if refused != nil {
			return nil, refused
		}
		ctx, stop := context.WithTimeout(ctx, 5*time.Second)
		defer stop()
		raw, err := objstore.ReadAtMost(ctx, store, uri, 1<<20)
		if err != nil && !objstore.IsNotFound(err) {
			refused = err
		}
		return raw, err
	}
}

// printOutputs lists what an execution gave.
func printOutputs(w io.Writer, m *core.LiteralMap) {
	for _, name := range slices.Sorted(maps.Keys(m.GetLiterals())) {
		fmt.Fprintf(w, "%-10s %s\n", name, shown(m.GetLiterals()[name]))
	}
}

// shown is a literal on a line.
func shown(l *core.Literal) string {
	s := l.GetScalar()
	if u := s.GetUnion(); u != nil {
		return shown(u.GetValue())
	}
	if b := s.GetBlob(); b != nil {
		return b.GetUri()
	}
	switch v := s.GetPrimitive().GetValue().(type) {
	case *core.Primitive_Integer:
		return fmt.Sprint(v.Integer)
	case *core.Primitive_FloatValue:
		return fmt.Sprint(v.FloatValue)
	case *core.Primitive_Boolean:
		return fmt.Sprint(v.Boolean)
	case *core.Primitive_StringValue:
		return oneLine(v.StringValue)
	}
	return literal.Describe(l)
}
