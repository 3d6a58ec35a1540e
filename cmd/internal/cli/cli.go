// Package cli is what the commands that people type have in common: a signal
// ends them, and what goes wrong is said once, on one line.
package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Main runs the process's command line. It does not return.
func Main(root *cobra.Command, args []string) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A reader that went away ends no run: what it missed is said. Unlike an ignored
	// signal, one that is taken is as ever in the processes that this one starts.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
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
	report := &written{w: stdout}
	root.SetOut(fault.Writer(report)) // names of files and values of headers are other people's
	root.SetErr(fault.Writer(stderr))
	verb, err := root.ExecuteContextC(ctx)
	lost := report.lost()
	if err != nil && !began && lost == nil {
		return misused(verb, err)
	}
	if !began { // cobra's own verbs make an error of it themselves
		return cmp.Or(lost, err)
	}
	return cmp.Or(stopped(ctx, err), lost)
}

// stopped is a verb's error. Whatever it is of which a signal was the cause, it is
// a stop that was asked for.
func stopped(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || fault.KindOf(err) == fault.Canceled {
		return err
	}
	return fault.New(fault.Canceled, "Stopped", "stopped: %w", err)
}

// written remembers that something could not be written: of what verbs print,
// nobody looks whether it arrives.
type written struct {
	w   io.Writer
	mu  sync.Mutex
	err error
}

func (w *written) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.err = cmp.Or(w.err, err)
	}
	return n, err
}

// lost says that not all of the report arrived.
func (w *written) lost() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		return nil
	}
	return fault.New(fault.Unclassified, "ReportLost", "what it did is done, and not all of its report could be written: %w", w.err).
		Fix("see that whoever reads it reads to the end, and that its disk has room")
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
