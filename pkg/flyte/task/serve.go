package task

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Program is a task with its code, one of several in an executable.
type Program struct {
	name    string // of its own executable
	execute func(context.Context, Process) int
}

// Stage is a task with its code, for [Serve] and [Become].
func Stage[In, Out any](t *Task[In, Out], run func(context.Context, In) (Out, error)) Program {
	return Program{t.decl.Executable(), func(ctx context.Context, p Process) int { return t.Execute(ctx, p, run) }}
}

// DynamicStage is a dynamic task with its code, for [Serve] and [Become].
func DynamicStage[In, Item, Out any](t *Dynamic[In, Item, Out], run func(context.Context, In) (FanOut[Item], error)) Program {
	return Program{t.decl.Executable(), func(ctx context.Context, p Process) int { return t.Execute(ctx, p, run) }}
}

// Become makes this process the one of several tasks by whose name it was
// started, as a link or otherwise; then all that [Main] says holds, and it does
// not return. It returns where it was started by none of their names.
func Become(programs ...Program) {
	called := filepath.Base(os.Args[0])
	for _, p := range programs {
		if p.name == called {
			program(p.execute)
		}
	}
}

// Serve is the main function of an executable that is nothing but several tasks.
// By another name than theirs it says which there are, one on a line, and that
// this is no way to start it. It does not return.
func Serve(programs ...Program) {
	Become(programs...)
	for _, p := range programs {
		fmt.Println(p.name)
	}
	fmt.Fprintf(os.Stderr, "%s: this executable is the stages above, each by a link of its name: none was called\n", filepath.Base(os.Args[0]))
	os.Exit(2)
}
