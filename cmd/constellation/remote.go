package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/remote"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// cluster is which Flyte a verb talks to.
type cluster struct{ file, project, domain string }

func (s *cluster) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.file, "flyte-config", "", "flytectl's configuration file (default: $FLYTECTL_CONFIG, ~/.flyte/config.yaml, or the only ~/.flyte/config-*.yaml)")
	f.StringVarP(&s.project, "project", "p", "", "Flyte project (default: $FLYTE_PROJECT, or as flytectl's file says)")
	f.StringVarP(&s.domain, "domain", "d", "", "Flyte domain (default: $FLYTE_DOMAIN, or as flytectl's file says)")
}

// connect prepares the connection. Where somebody has to log in, how to is
// written to w.
func (s *cluster) connect(w io.Writer) (*remote.Client, error) {
	conf, err := connect.Load(s.file)
	if err != nil {
		return nil, err
	}
	conn, err := connect.Open(conf, connect.Prompt(w))
	if err != nil {
		return nil, err
	}
	return &remote.Client{
		Conn:    conn,
		Project: cmp.Or(s.project, os.Getenv("FLYTE_PROJECT"), conf.Project),
		Domain:  cmp.Or(s.domain, os.Getenv("FLYTE_DOMAIN"), conf.Domain),
	}, nil
}

// placed refuses to go on without a project and domain.
func placed(c *remote.Client) error {
	for _, p := range []struct{ name, value string }{{"project", c.Project}, {"domain", c.Domain}} {
		if p.value == "" {
			return fault.Input("UsageInvalid", "which Flyte %s is not said", p.name).
				Fix("give --%s, set $FLYTE_%s, or task.%s in %s", p.name, strings.ToUpper(p.name), p.name, c.Config.File)
		}
	}
	return nil
}

// with runs something with a connection and the execution that the arguments
// name: "name", or "project/domain/name".
func (s *cluster) with(c *cobra.Command, args []string, do func(ctx context.Context, client *remote.Client, id *core.WorkflowExecutionIdentifier) error) error {
	client, err := s.connect(c.ErrOrStderr())
	if err != nil {
		return err
	}
	defer client.Close()
	var id *core.WorkflowExecutionIdentifier
	if len(args) > 0 {
		if !strings.Contains(args[0], "/") {
			if err := placed(client); err != nil {
				return err
			}
		}
		if id, err = client.ID(args[0]); err != nil {
			return err
		}
	}
	return do(c.Context(), client, id)
}

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
		raw, err := objstore.ReadFile(ctx, store, uri)
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
