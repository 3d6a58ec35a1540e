package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Engine runs executions. The fields are settings, not state: one engine may
// run several executions, also at the same time, each with its own bounds.
type Engine struct {
	// Store reads and writes what the engine exchanges with its tasks.
	Store objstore.Store
	// Prefix is the directory or URI under which executions lie.
	Prefix string
	// Program says which executable a template's command means; see [Directory].
	Program func(*core.TaskTemplate) (path string, err error)
	// Parallel bounds the processes at once. Zero: one per CPU.
	Parallel int
	// GPUs bounds those of them whose task asks for a GPU. Zero: Parallel alone does.
	GPUs int
	// Environment is added to what every task gets ("KEY=value"), and wins.
	Environment []string
	// Observe is told what happens, one event at a time and in order. It holds
	// up the engine while it runs. May be nil.
	Observe func(Event)
	// Log opens what takes an attempt's output (stdout and stderr together).
	// Where it has a method Name() string, as files have, failures name it.
	// Nil, or a nil sink: only the end is kept, for the message of a failure.
	Log func(NodeRef) io.WriteCloser
	// MaxSystemRetries is how often an attempt that the task isn't to blame for
	// (a process that was killed or crashed) is made again, apart from the
	// task's own retries. Zero: 3, as the engine has it; negative: never.
	MaxSystemRetries int
	// GracePeriod is the time between SIGTERM and SIGKILL. Zero: 10 s.
	GracePeriod time.Duration
	// RetryDelay precedes the first retry and doubles with each, up to a minute. Zero: 1 s.
	RetryDelay time.Duration
	// MaxOutput bounds outputs.pb, in bytes. Zero: 10 MiB, what Flyte's Helm chart sets.
	MaxOutput int64
	// Afresh names tasks, and the workflows and dynamic tasks that they lie in, which
	// a resumed execution does again although they succeeded: those that look at, or
	// write to, what may have changed since. Nil: there are none. A dynamic task of
	// these goes on with the nodes that it asked for.
	Afresh func(name string) bool
	// Cache is what is done with tasks whose outputs may be cached. What is kept
	// lies below Prefix, by project, domain and task, and is shared by all executions.
	Cache CachePolicy
}

// run is one call of Execute.
type run struct {
	Engine
	slots   *slots
	threads *starter
	scratch string        // directory on this machine, removed at the end
	held    *os.File      // the lock on it
	io      chan struct{} // bounds the requests to Store at once
	resumed bool          // an earlier run of this execution left something
	mu      sync.Mutex    // serialises Observe

	reserving sync.Mutex
	reserved  map[string]chan struct{} // keys of the cache that a task is at work on
	borrowed  sync.Map                 // files of outputs from the cache, by URI: the NodeRef that made them
}

// execution is a workflow being executed: the one asked for, or a launch plan's child.
type execution struct {
	id       string
	workflow *core.Identifier
	policy   core.WorkflowMetadata_OnFailurePolicy
}

var executionID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Execute runs the bundle's workflow and returns its outputs. The launch plan
// of the workflow's own name, if the bundle has one, gives defaults and fixed
// inputs. Executing again under the same execution id resumes. An execution
// that fails is an error that holds a [Failure]; one whose context ends is of
// kind [fault.Canceled]. No process is left when it returns.
func (e *Engine) Execute(ctx context.Context, b *Bundle, inputs *core.LiteralMap, execution string) (*core.LiteralMap, error) {
	if !executionID.MatchString(execution) {
		return nil, fault.Input("ExecutionInvalid", "%q can't name an execution", execution).Fix("use letters, digits, '.', '_' and '-'")
	}
	lib, err := newLibrary(b.Tasks, append([]*core.WorkflowTemplate{b.Workflow}, b.SubWorkflows...), b.Plans, nil)
	if err != nil {
		return nil, err
	}
	w := lib.workflows[b.Workflow.GetId().GetName()]
	plan := lib.plans[w.id.GetName()]
	if plan.GetSpec().GetWorkflowId().GetName() != w.id.GetName() {
		plan = nil
	}
	for _, t := range b.Tasks {
		if _, err := e.Program(t); t.GetContainer() != nil && err != nil {
			return nil, err
		}
	}
	r, err := e.start(ctx, execution)
	if err != nil {
		return nil, fmt.Errorf("start execution %s: %w", execution, err)
	}
	defer r.close()
	out, err := r.execute(ctx, lib, w, plan, inputs, execution, &scope{})
	if errors.Is(err, errAborted) {
		err = fault.New(fault.Canceled, "Aborted", "%w", context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("execution %s: %w", execution, err)
	}
	return out, nil
}

// start completes the settings and prepares the machine.
func (e *Engine) start(ctx context.Context, execution string) (*run, error) {
	r := &run{Engine: *e, io: make(chan struct{}, 32), reserved: map[string]chan struct{}{}}
	if !strings.Contains(r.Prefix, "://") {
		abs, err := filepath.Abs(r.Prefix)
		if err != nil {
			return nil, err
		}
		r.Prefix = abs
	}
	r.Parallel = cmp.Or(r.Parallel, runtime.NumCPU())
	r.MaxSystemRetries = cmp.Or(r.MaxSystemRetries, 3)
	r.GracePeriod = cmp.Or(r.GracePeriod, 10*time.Second)
	r.RetryDelay = cmp.Or(r.RetryDelay, time.Second)
	r.MaxOutput = cmp.Or(r.MaxOutput, 10<<20)

	found := errors.New("found")
	err := r.Store.List(ctx, objstore.Join(r.Prefix, execution)+"/", func(objstore.Info) error { return found })
	if r.resumed = errors.Is(err, found); err != nil && !r.resumed && fault.CodeOf(err) != notFound {
		return nil, err
	}
	if r.scratch, r.held, err = newScratch(execution); err != nil {
		return nil, err
	}
	r.slots = newSlots(r.Parallel, r.GPUs)
	r.threads = newStarter()
	return r, nil
}

func (r *run) close() {
	r.threads.close()
	os.RemoveAll(r.scratch)
	_ = r.held.Close() // only a lock goes with it
}

// execute runs a workflow as an execution of its own. In at only path and key
// are set: where it stands among others, for people and for the order of work.
func (r *run) execute(ctx context.Context, lib *library, w *workflow, plan *admin.LaunchPlan, inputs *core.LiteralMap, id string, at *scope) (*core.LiteralMap, error) {
	in, err := launch(plan, w, inputs)
	if err != nil {
		return nil, fault.Input("InputInvalid", "%w", err)
	}
	sc := &scope{
		execution: &execution{id: id, workflow: w.id, policy: w.policy},
		library:   lib.root,
		dir:       objstore.Join(r.Prefix, id),
		path:      at.path,
		key:       at.key,
	}
	out, err := r.workflow(ctx, sc, w, in)
	if err != nil {
		return nil, err
	}
	return out, r.write(ctx, objstore.Join(sc.dir, "end-node/data/0/outputs.pb"), out)
}

func (r *run) observe(e Event) {
	if r.Observe == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Time = time.Now()
	r.Observe(e)
}

// Directory finds programs by the last element of their template's command in
// a directory of executables: /bin/read-footprints means dir/read-footprints.
func Directory(dir string) func(*core.TaskTemplate) (string, error) {
	return func(t *core.TaskTemplate) (string, error) {
		command := t.GetContainer().GetCommand()
		if len(command) == 0 {
			return "", invalid("task %q has no command", t.GetId().GetName()).Fix("give the executable in the template: an image's entry point is unknown here")
		}
		path, err := filepath.Abs(filepath.Join(dir, filepath.Base(command[0])))
		if err != nil {
			return "", err
		}
		info, err := os.Stat(path)
		if at := new(fs.PathError); errors.As(err, &at) {
			err = at.Err // the path is said below
		}
		if err == nil && (info.IsDir() || info.Mode()&0o111 == 0) {
			err = errors.New("is not an executable file")
		}
		if err != nil {
			return "", fault.Input("ProgramNotFound", "no executable for task %q: %w", t.GetId().GetName(), err).On(path).Fix("build the tasks into that directory")
		}
		return path, nil
	}
}
