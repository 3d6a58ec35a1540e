package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/flyte/remote"
)

func recoverCommand() *cobra.Command {
	var s watching
	var name string
	var detach bool
	c := &cobra.Command{
		Use:   "recover EXECUTION",
		Short: "Run an execution on a Flyte cluster again, keeping what succeeded",
		Long: `Recover begins a new execution of the same version with the same inputs, which
takes over every node that succeeded in the given one.`,
		Example: `  constellation recover shear/development/a7dh3k2m5q9x4w8z1c6v`,
		Args:    cobra.ExactArgs(1),
	}
	s.flags(c)
	c.Flags().StringVar(&name, "name", "", "name of the new execution (default: generated)")
	c.Flags().BoolVar(&detach, "detach", false, "begin, and don't watch")
	c.RunE = func(c *cobra.Command, args []string) error {
		return s.with(c, args, func(ctx context.Context, client *remote.Client, id *core.WorkflowExecutionIdentifier) error {
			w := c.OutOrStdout()
			fresh, err := client.Recover(ctx, id, name)
			if err != nil {
				return err
			}
			begun(w, client, fresh)
			if detach {
				fmt.Fprintf(w, "  watch   constellation status %s --follow\n", remote.Name(fresh))
				return nil
			}
			if err := s.watch(ctx, w, client, fresh); err != nil {
				return err
			}
			outputs, err := client.Outputs(ctx, fresh)
			if err == nil {
				printOutputs(w, outputs)
			}
			return err
		})
	}
	return c
}
