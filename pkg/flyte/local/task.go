package local

import (
	"context"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// runTask runs a task until an attempt succeeds or no retry is left, then what
// its futures.pb asks for. It also says which attempt gave the outputs.
//
// The retry budgets are the engine's: a failure of the system (a process that
// did not exit with 0, or a task that says so) may be repeated MaxSystemRetries
// times, any other recoverable one as often as the node says, or else the task.
func (r *run) runTask(ctx context.Context, j *job, rec record) (*core.LiteralMap, int, error) {
	if rec.Phase == phaseExpanded {
		spec := new(core.DynamicJobSpec)
		if ok, err := r.read(ctx, j.output(rec.Attempt, futuresPB), spec); err == nil && ok {
			out, err := r.expand(ctx, j, rec.Attempt, spec, time.Now())
			return out, rec.Attempt, err
		}
	}
	retries := int(j.node.GetMetadata().GetRetries().GetRetries())
	if retries == 0 {
		retries = int(j.task.GetMetadata().GetRetries().GetRetries())
	}
	attempt, err := r.firstAttempt(ctx, j)
	if err != nil {
		return nil, 0, j.storeFailed(err)
	}
	user, system := retries, r.MaxSystemRetries
	var spent time.Duration
	for delay := r.RetryDelay; ; delay = min(2*delay, time.Minute) {
		o := r.attempt(ctx, j, attempt, spent)
		switch {
		case o.err != nil:
			return nil, attempt, o.err
		case o.failure != nil && ctx.Err() != nil:
			return nil, attempt, errAborted // what failed was perhaps the reading of its outputs, by the end of ctx
		case o.futures != nil:
			if err := r.note(ctx, j, phaseExpanded, attempt); err != nil {
				return nil, attempt, j.storeFailed(err)
			}
			j.vacate()
			out, err := r.expand(ctx, j, attempt, o.futures, o.begun)
			return out, attempt, err
		case o.failure == nil:
			return o.outputs, attempt, nil
		}
		spent += time.Since(o.begun)
		budget := &user
		if o.failure.Origin == core.ExecutionError_SYSTEM {
			budget = &system
		}
		if !o.failure.Recoverable || *budget <= 0 {
			return nil, attempt, o.failure
		}
		*budget--
		r.observe(Event{NodeRef: j.ref(attempt), Kind: Retrying, Message: o.failure.Code + ": " + o.failure.Message, Duration: time.Since(o.begun), Failure: o.failure})
		j.vacate()
		if err := pause(ctx, delay); err != nil {
			return nil, attempt, errAborted
		}
		attempt++
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// expand runs the nodes of a dynamic task's futures.pb under its directory and
// binds its outputs from theirs. What can't be run is a user's error without
// retry, and so is the failure of a node inside.
func (r *run) expand(ctx context.Context, j *job, attempt int, spec *core.DynamicJobSpec, begun time.Time) (*core.LiteralMap, error) {
	w, lib, err := j.build(spec)
	if err != nil {
		f := j.fail(codeDynamic, "%w", err)
		f.Attempt = attempt
		return nil, f
	}
	r.observe(Event{NodeRef: j.ref(attempt), Kind: Expanded, Count: len(spec.GetNodes())})
	limited := newLimit(ctx, begun, j.timeout())
	defer limited.stop()
	out, err := r.workflow(limited.ctx, j.inside(lib, j.output(attempt)), w, j.inputs)
	if limited.expired(err) {
		f := j.fail(codeTimeout, "not done after %s", limited.after)
		f.Attempt = attempt
		return nil, f
	}
	if err != nil {
		return nil, err
	}
	// An error that the task wrote beside futures.pb counts now, and here at once.
	doc := new(core.ErrorDocument)
	if ok, err := r.read(ctx, j.output(attempt, errorPB), doc); err != nil {
		return nil, j.storeFailed(err)
	} else if e := doc.GetError(); ok {
		return nil, &Failure{NodeRef: j.ref(attempt), Code: e.GetCode(), Message: e.GetMessage(), Origin: e.GetOrigin()}
	}
	if err := r.write(ctx, j.output(attempt, outputsPB), out); err != nil {
		return nil, j.storeFailed(err)
	}
	return out, nil
}

// build checks a dynamic job as the engine's compiler would.
func (j *job) build(spec *core.DynamicJobSpec) (*workflow, *library, error) {
	if len(spec.GetNodes()) == 0 {
		return nil, nil, invalid("futures.pb has no nodes").Fix("write outputs.pb where there is nothing to do")
	}
	lib, err := newLibrary(spec.GetTasks(), spec.GetSubworkflows(), nil, j.library.root)
	if err != nil {
		return nil, nil, err
	}
	iface := &core.TypedInterface{Inputs: j.task.GetInterface().GetInputs(), Outputs: j.declared}
	w, err := newWorkflow(&core.Identifier{Name: "dynamic_" + j.path}, iface, spec.GetNodes(), spec.GetOutputs())
	if err != nil {
		return nil, nil, err
	}
	return w, lib, lib.check(w)
}

// templateURI is where {{.taskTemplatePath}} points.
func (j *job) templateURI() string { return objstore.Join(j.dir, "data", "task.pb") }
