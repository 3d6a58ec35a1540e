package main

import (
	"cmp"
	"context"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/remote"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
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
