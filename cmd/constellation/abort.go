package main

import (
	"context"
	"fmt"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/flyte/remote"
)

func abortCommand() *cobra.Command {
	var s cluster
	var reason string
	c := &cobra.Command{
		Use:     "abort EXECUTION",
		Short:   "Abort an execution on a Flyte cluster",
		Example: `  constellation abort shear/development/a7dh3k2m5q9x4w8z1c6v --reason "wrong tiles"`,
		Args:    cobra.ExactArgs(1),
	}
	s.flags(c)
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever looks later")
	c.RunE = func(c *cobra.Command, args []string) error {
		return s.with(c, args, func(ctx context.Context, client *remote.Client, id *core.WorkflowExecutionIdentifier) error {
			if reason == "" {
				reason = "aborted with constellation"
				if u, err := user.Current(); err == nil {
					reason += " by " + u.Username
				}
			}
			if err := client.Abort(ctx, id, reason); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is being aborted; what succeeded is kept by\n  constellation recover %s\n", remote.Name(id), remote.Name(id))
			return nil
		})
	}
	return c
}
