// Package cli is what the commands that people type have in common: a signal
// ends them, and what goes wrong is said once, on one line.
package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Main runs the process's command line. It does not return.
func Main(root *cobra.Command, args []string) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// What goes wrong is said once, below; libraries' warnings are for the tasks' logs.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	err := Execute(ctx, root, args, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(fault.Writer(os.Stderr), root.Name()+":", err)
		os.Exit(Status(err))
	}
	os.Exit(0)
}

// Execute runs one command line. What is wrong before its verb begins is its use.
func Execute(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) error {
	began := false
	watch(root, &began)
	root.SilenceErrors, root.SilenceUsage, root.DisableSuggestions = true, true, true // misused has its own
	root.SetArgs(args)
	root.SetOut(fault.Writer(stdout)) // names of files and values of headers are other people's
	root.SetErr(fault.Writer(stderr))
	verb, err := root.ExecuteContextC(ctx)
	if err != nil && !began {
		return misused(verb, err)
	}
	return err
}

// watch notes when a verb begins, and has commands that only hold others name
// the words that are none.
func watch(c *cobra.Command, began *bool) {
	for _, sub := range c.Commands() {
		watch(sub, began)
	}
	run := c.RunE
	c.Flags().VisitAll(asDecimal)
	switch {
	case run != nil:
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := unexpanded(c); err != nil {
				return err
			}
			*began = true
			return run(c, args)
		}
	case c.HasParent() && c.HasSubCommands():
		c.Args = cobra.NoArgs
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		c.DisableFlagsInUseLine = true
	}
}

// Status is the exit status of a failure: 130 for a stop that was asked for, 2
// for a mistyped command line, else 1.
func Status(err error) int {
	switch {
	case fault.KindOf(err) == fault.Canceled:
		return 130
	case fault.CodeOf(err) == CodeUsage:
		return 2
	}
	return 1
}
