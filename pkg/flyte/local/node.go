package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// Codes of failures that the engine itself finds, in its own words where it has them.
const (
	codeBinding     = "BindingResolutionFailure"
	codeInterrupted = "Interrupted"
	codeNoOutputs   = "OutputsNotFound"
	codeTooLarge    = "OutputSizeExceeded"
	codeTimeout     = "TimeoutExpired" // of one attempt
	codeAllTimeout  = "Timeout"        // of all attempts together
	codeDynamic     = "DynamicWorkflowBuildFailed"
	codeLength      = "InvalidArrayLength"
	codeArray       = "ArrayNodeFailing"
	codeUnreadable  = "OutputsUnreadable"
	codeStart       = "StartFailed"
	codeTemplate    = "TemplateInvalid"
	codeStore       = "StoreFailed"
	codeInput       = "InputInvalid"
)

// job is a node, or a map's element, being run.
type job struct {
	*scope
	node     *core.Node // its metadata counts; an element's is the array's inner node
	name     string     // of the task, sub-workflow or launch plan
	task     *core.TaskTemplate
	path     string
	dir      string // URI; data and raw lie below
	sub      string // what an element's files have before the attempt: "0/<element>"
	key      []int32
	element  int              // -1 where it is none
	inputs   *core.LiteralMap // as templates see them
	digest   string           // of inputs.pb
	declared *core.VariableMap
	begun    time.Time
	cache    CacheStatus
	cachedBy NodeRef       // who made the outputs, where they came from the cache
	hits     *atomic.Int64 // of a map's elements in the cache; nil where it is no map
	release  func()        // gives back the place of the last attempt; nil where there is none
}

// vacate gives back the place of a process that has ended.
func (j *job) vacate() {
	if j.release != nil {
		j.release()
		j.release = nil
	}
}

func (j *job) ref(attempt int) NodeRef {
	return NodeRef{Execution: j.execution.id, Node: j.path, Task: j.name, Attempt: attempt, Element: j.element}
}

// fail makes a failure that no retry would mend.
func (j *job) fail(code string, format string, a ...any) *Failure {
	err := fmt.Errorf(format, a...)
	return &Failure{NodeRef: j.ref(0), Code: code, Message: err.Error(), Origin: core.ExecutionError_USER, found: err}
}

// inside is the scope of nodes that this one holds.
func (j *job) inside(lib *library, dir string) *scope {
	return &scope{execution: j.execution, library: lib, dir: dir, path: j.path, key: j.key}
}

// node runs one node to its end: its outputs, a [Failure], or errAborted.
func (r *run) node(ctx context.Context, sc *scope, g *graph, i int, in *core.LiteralMap, unbound error) (*core.LiteralMap, error) {
	n := g.nodes[i]
	j := &job{
		scope: sc, node: n, element: -1, inputs: in, begun: time.Now(),
		path: below(sc.path, n.GetId()),
		dir:  objstore.Join(sc.dir, n.GetId()),
		key:  keyOf(sc, g, i),
	}
	j.resolve()
	if unbound != nil {
		f := j.fail(codeBinding, "%w", unbound)
		f.Origin = core.ExecutionError_SYSTEM
		return r.finish(ctx, j, nil, 0, f)
	}
	r.observe(Event{NodeRef: j.ref(0), Kind: Queued, Name: Title(j.node, j.name)})
	raw, err := marshal(in)
	if err != nil {
		return r.finish(ctx, j, nil, 0, j.fail(codeInput, "encode inputs: %w", err))
	}
	j.digest = digest(raw)
	rec, err := r.recall(ctx, j)
	if err != nil {
		return r.finish(ctx, j, nil, 0, j.storeFailed(err))
	}
	if out, err := r.recover(ctx, j, rec); err != nil {
		return r.finish(ctx, j, nil, 0, j.storeFailed(err))
	} else if out != nil {
		r.observe(Event{NodeRef: j.ref(rec.Attempt), Kind: Succeeded, Message: Recovered, Outputs: j.shown(out)})
		return out, nil
	}
	if err := r.writeRaw(ctx, objstore.Join(j.dir, "data", inputsPB), raw); err != nil {
		return r.finish(ctx, j, nil, 0, j.storeFailed(err))
	}
	if j.task != nil && n.GetArrayNode() == nil {
		out, attempt, err := r.cached(ctx, j, rec)
		return r.finish(ctx, j, out, attempt, err)
	}
	out, err := r.hold(ctx, j)
	if err == nil {
		if err = r.write(ctx, j.output(0, outputsPB), out); err != nil {
			err = j.storeFailed(err)
		}
	}
	return r.finish(ctx, j, out, 0, err)
}

// resolve finds what the node stands for; check has seen to it that it is there.
func (j *job) resolve() {
	target := j.node
	if a := j.node.GetArrayNode(); a != nil {
		target = a.GetNode()
	}
	switch t := target.GetTarget().(type) {
	case *core.Node_TaskNode:
		j.name = t.TaskNode.GetReferenceId().GetName()
		j.task = j.library.tasks[j.name]
		j.declared = j.task.GetInterface().GetOutputs()
	case *core.Node_WorkflowNode:
		if id := t.WorkflowNode.GetSubWorkflowRef(); id != nil {
			j.name = id.GetName()
			j.declared = j.library.workflows[j.name].iface.GetOutputs()
			return
		}
		j.name = t.WorkflowNode.GetLaunchplanRef().GetName()
		if _, w, err := j.library.plan(t.WorkflowNode.GetLaunchplanRef()); err == nil {
			j.declared = w.iface.GetOutputs()
		}
	}
}

// finish records and reports how a node or element ended.
func (r *run) finish(ctx context.Context, j *job, out *core.LiteralMap, attempt int, err error) (*core.LiteralMap, error) {
	defer j.vacate()
	if err == nil {
		if err = r.note(ctx, j, phaseSucceeded, attempt); err != nil {
			err = j.storeFailed(err)
		}
	}
	e := Event{NodeRef: j.ref(attempt), Kind: Succeeded, Duration: time.Since(j.begun), Cache: j.cache}
	switch {
	case err == nil && j.cache == CacheHit:
		e.Message = "from the cache: " + j.cachedBy.source()
	case err == nil && j.element < 0 && j.hits != nil && j.hits.Load() > 0:
		e.Message = fmt.Sprintf("%d from the cache", j.hits.Load())
	case err == nil:
	case ctx.Err() != nil:
		// Whatever went wrong on the way out, the reason is elsewhere.
		e.Kind, err = Aborted, errAborted
	default:
		e.Kind, e.Message = Failed, err.Error()
		if f := new(Failure); errors.As(err, &f) {
			e.Failure = f
			if f.NodeRef == j.ref(f.Attempt) {
				if gone := r.stale(ctx, j); gone != "" {
					f.Message += "; " + gone
				}
				e.Attempt, e.Message = f.Attempt, f.Code+": "+f.Message
			}
		}
	}
	if err != nil {
		r.observe(e)
		return nil, err
	}
	e.Outputs = j.shown(out)
	r.observe(e)
	return out, nil
}

func (j *job) storeFailed(err error) *Failure {
	f := j.fail(codeStore, "%w", err)
	f.Origin, f.Recoverable = core.ExecutionError_SYSTEM, true
	return f
}

// hold runs a node that has no process of its own, only others inside.
func (r *run) hold(ctx context.Context, j *job) (*core.LiteralMap, error) {
	limited := newLimit(ctx, j.begun, j.timeout())
	defer limited.stop()
	r.observe(Event{NodeRef: j.ref(0), Kind: Running})
	out, err := r.inner(limited.ctx, j)
	if limited.expired(err) {
		return nil, j.fail(codeTimeout, "not done after %s", limited.after)
	}
	return out, err
}

func (r *run) inner(ctx context.Context, j *job) (*core.LiteralMap, error) {
	if a := j.node.GetArrayNode(); a != nil {
		return r.array(ctx, j, a)
	}
	ref := j.node.GetWorkflowNode()
	if id := ref.GetSubWorkflowRef(); id != nil {
		return r.workflow(ctx, j.inside(j.library, objstore.Join(j.dir, "data")), j.library.workflows[id.GetName()], j.inputs)
	}
	plan, w, err := j.library.plan(ref.GetLaunchplanRef())
	if err != nil {
		return nil, j.fail(codeInput, "%w", err)
	}
	// A child execution needs a name that is its own, and the same when resumed.
	sum := sha256.Sum256([]byte(j.dir))
	child := j.execution.id + "-" + hex.EncodeToString(sum[:5])
	out, err := r.execute(ctx, j.library, w, plan, j.inputs, child, &scope{path: j.path, key: j.key})
	if f := new(Failure); err != nil && err != errAborted && !errors.As(err, &f) {
		return nil, j.fail(codeInput, "%w", err)
	}
	return out, err
}

// Title is a node's display name; empty where that says no more than its id or
// the name of what it runs.
func Title(n *core.Node, runs string) string {
	if name := n.GetMetadata().GetName(); name != n.GetId() && name != runs {
		return name
	}
	return ""
}

// shown is what an event tells of outputs: nothing of what grows with the work.
func (j *job) shown(out *core.LiteralMap) *core.LiteralMap {
	if j.task == nil || j.element >= 0 || j.node.GetArrayNode() != nil {
		return nil
	}
	return out
}

// timeout of the node; 0 where it has none.
func (j *job) timeout() time.Duration { return j.node.GetMetadata().GetTimeout().AsDuration() }

// limit is a context that ends some time after a start, where that is not 0.
type limit struct {
	after       time.Duration
	parent, ctx context.Context
	stop        context.CancelFunc
}

func newLimit(ctx context.Context, start time.Time, after time.Duration) *limit {
	l := &limit{after: after, parent: ctx}
	if after > 0 {
		l.ctx, l.stop = context.WithDeadline(ctx, start.Add(after))
	} else {
		l.ctx, l.stop = context.WithCancel(ctx)
	}
	return l
}

// expired says whether it was this limit that ended the work, and nothing from above.
func (l *limit) expired(err error) bool {
	return err != nil && errors.Is(l.ctx.Err(), context.DeadlineExceeded) && l.parent.Err() == nil
}
