package task

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// Process is what a task's executable is given by its surroundings.
type Process struct {
	Args           []string // without the program's name
	Env            func(key string) (string, bool)
	Stdout, Stderr io.Writer
	Store          objstore.Store
	Grace          time.Duration      // for a run that was told to stop; 0 is 20 s
	OnLog          func(*slog.Logger) // is given the attempt's log; may be nil
}

// Main is the main function of a task's executable: everything between Flyte
// and run. It does not return.
//
// A context that SIGTERM or SIGINT ends is passed to run, which should stop
// soon; what it has to save before it goes it saves in its [Checkpoint]. A run that
// does not heed its context is left behind after 20 seconds. A second signal ends the process at once. A panic in a
// goroutine that run started can't be caught: it ends the process.
func Main[In, Out any](t *Task[In, Out], run func(context.Context, In) (Out, error)) {
	program(Stage(t, run).execute)
}

// MainDynamic is the main function of a dynamic task's executable.
func MainDynamic[In, Item, Out any](t *Dynamic[In, Item, Out], run func(context.Context, In) (FanOut[Item], error)) {
	program(DynamicStage(t, run).execute)
}

// stopped is why a context ended: a signal.
type stopped struct{ signal os.Signal }

func (s stopped) Error() string { return fmt.Sprintf("stopped by signal: %v", s.signal) }

// exit is the code that says so. The engine takes 137 for a lost machine and
// tries again at its own cost; the customary 143 would use up a retry of the task.
func (s stopped) exit() int {
	if s.signal == syscall.SIGINT {
		return 130
	}
	return 137
}

func program(execute func(context.Context, Process) int) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a reader that went away ends no task
	go func() {
		s := <-signals
		signal.Reset(syscall.SIGTERM, syscall.SIGINT)
		cancel(stopped{s})
	}()
	os.Exit(execute(ctx, Process{
		Args: os.Args[1:], Env: os.LookupEnv, Stdout: os.Stdout, Stderr: os.Stderr,
		Store: objstore.Open(context.WithoutCancel(ctx), objstore.Config{}),
		OnLog: slog.SetDefault, // also of package log: libraries' lines say which attempt wrote them
	}))
}
