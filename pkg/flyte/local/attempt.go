package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// outcome is what one attempt came to: exactly one of failure, err, futures and
// outputs.
type outcome struct {
	outputs *core.LiteralMap
	futures *core.DynamicJobSpec
	failure *Failure // which a retry may mend
	err     error    // errAborted, or a failure that none will
	begun   time.Time
}

// attempt waits for a place, runs the process once and judges what it left. The
// place stays the job's until it is vacated.
// Spent is what earlier attempts took: all together get twice the time-out.
func (r *run) attempt(ctx context.Context, j *job, n int, spent time.Duration) outcome {
	release, err := r.slots.acquire(ctx, j.key, wantsGPU(j))
	if err != nil {
		return outcome{err: errAborted}
	}
	j.release = release
	o := outcome{begun: time.Now()}
	start, err := r.command(ctx, j, n)
	if err != nil {
		f := j.fail(codeTemplate, "%w", err)
		f.Attempt = n
		o.err = f
		return o
	}
	start.dir, err = os.MkdirTemp(r.scratch, "task-")
	if err != nil {
		o.err = j.storeFailed(err)
		return o
	}
	defer os.RemoveAll(start.dir)
	start.env = append(start.env, "TMPDIR="+start.dir)
	start.env = append(start.env, r.Environment...)
	if r.Log != nil {
		start.log = r.Log(j.ref(n))
	}

	after, last := j.timeout(), false
	if rest := 2*after - spent; after > 0 && rest < after {
		after, last = max(rest, time.Nanosecond), true
	}
	l := newLimit(ctx, o.begun, after)
	defer l.stop()
	r.observe(Event{NodeRef: j.ref(n), Kind: Running})
	end, err := r.process(l.ctx, start)

	fail := func(origin core.ExecutionError_ErrorKind, recoverable bool, code, format string, a ...any) outcome {
		o.failure = &Failure{
			NodeRef: j.ref(n), Code: code, Message: fmt.Sprintf(format, a...),
			Origin: origin, Recoverable: recoverable, Log: start.logName(),
		}
		return o
	}
	switch {
	case ctx.Err() != nil:
		o.err = errAborted
		return o
	case l.ctx.Err() != nil:
		code := codeTimeout
		if last {
			code = codeAllTimeout
		}
		return fail(core.ExecutionError_USER, !last, code, "stopped after %s%s", time.Since(o.begun).Round(time.Millisecond), end.lastWords())
	case err != nil:
		gone := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
		return fail(core.ExecutionError_SYSTEM, !gone, codeStart, "%v", err)
	case end.code != 0:
		return fail(core.ExecutionError_SYSTEM, true, codeInterrupted, "exit code %d%s%s", end.code, end.signal, end.lastWords())
	}
	r.judge(ctx, j, n, &o, fail)
	return o
}

// judge reads what a process that exited with 0 left.
func (r *run) judge(ctx context.Context, j *job, n int, o *outcome, fail func(core.ExecutionError_ErrorKind, bool, string, string, ...any) outcome) {
	const user, system = core.ExecutionError_USER, core.ExecutionError_SYSTEM
	unread := func(err error) {
		if errors.Is(err, errTooLarge) {
			fail(user, false, codeTooLarge, "%v", err)
			return
		}
		fail(system, true, codeUnreadable, "%v", err)
	}
	// The engine looks for futures.pb first: where both are there, what it asks
	// for is done, and then the error counts.
	spec := new(core.DynamicJobSpec)
	switch ok, err := r.read(ctx, j.output(n, futuresPB), spec); {
	case err != nil:
		unread(err)
		return
	case ok && j.element >= 0:
		fail(user, false, codeDynamic, "an element of a map wrote futures.pb: the engine would hang; map a sub-workflow through a dynamic task instead")
		return
	case ok:
		o.futures = spec
		return
	}
	doc := new(core.ErrorDocument)
	switch ok, err := r.read(ctx, j.output(n, errorPB), doc); {
	case err != nil:
		unread(err)
		return
	case ok && doc.GetError() == nil:
		fail(system, true, "ErrorFileBadFormat", "%s holds no error", j.output(n, errorPB))
		return
	case ok:
		e := doc.GetError()
		fail(e.GetOrigin(), e.GetKind() == core.ContainerError_RECOVERABLE, e.GetCode(), "%s", e.GetMessage())
		return
	}
	out := new(core.LiteralMap)
	if len(j.declared.GetVariables()) > 0 {
		switch ok, err := r.read(ctx, j.output(n, outputsPB), out); {
		case err != nil:
			unread(err)
			return
		case !ok:
			fail(user, true, codeNoOutputs, "the task exited with 0 and wrote neither %s nor %s under %s", outputsPB, errorPB, j.output(n))
			return
		}
	}
	o.outputs = out
}

// command makes argv and environment of an attempt.
func (r *run) command(ctx context.Context, j *job, n int) (*command, error) {
	c := j.task.GetContainer()
	program, err := r.Program(j.task)
	if err != nil {
		return nil, err
	}
	line := append(slices.Clone(c.GetCommand()), c.GetArgs()...)
	previous := `""`
	if n > 0 {
		previous = checkpoints(j.rawOutput(n - 1))
	}
	id := j.task.GetId()
	argv, err := arguments(line, map[string]string{
		"input":                  objstore.Join(j.dir, "data", inputsPB),
		"inputprefix":            objstore.Join(j.dir, "data"),
		"outputprefix":           j.output(n),
		"rawoutputdataprefix":    j.rawOutput(n),
		"checkpointoutputprefix": checkpoints(j.rawOutput(n)),
		"prevcheckpointprefix":   previous,
		"perretryuniquekey":      retryKey(j.ref(n)),
		"tasktemplatepath":       j.templateURI(),
		"namespace":              j.execution.workflow.GetProject() + "-" + j.execution.workflow.GetDomain(),
	}, j.inputs)
	if err != nil {
		return nil, err
	}
	if len(c.GetCommand()) > 0 {
		argv[0] = program
	} else {
		argv = append([]string{program}, argv...)
	}
	if slices.ContainsFunc(argv, func(a string) bool { return strings.Contains(a, j.templateURI()) }) {
		if err := r.write(ctx, j.templateURI(), j.task); err != nil {
			return nil, err
		}
	}
	env := inherited(os.Environ())
	for _, kv := range c.GetEnv() {
		env = append(env, kv.GetKey()+"="+kv.GetValue())
	}
	w := j.execution.workflow
	own := map[string]string{
		"FLYTE_INTERNAL_EXECUTION_ID":       j.execution.id,
		"FLYTE_INTERNAL_EXECUTION_PROJECT":  w.GetProject(),
		"FLYTE_INTERNAL_EXECUTION_DOMAIN":   w.GetDomain(),
		"FLYTE_INTERNAL_EXECUTION_WORKFLOW": w.GetProject() + ":" + w.GetDomain() + ":" + w.GetName(),
		"FLYTE_INTERNAL_TASK_PROJECT":       id.GetProject(),
		"FLYTE_INTERNAL_TASK_DOMAIN":        id.GetDomain(),
		"FLYTE_INTERNAL_TASK_NAME":          id.GetName(),
		"FLYTE_INTERNAL_TASK_VERSION":       id.GetVersion(),
		"FLYTE_ATTEMPT_NUMBER":              strconv.Itoa(n),
	}
	if j.element >= 0 {
		own["BATCH_JOB_ARRAY_INDEX_VAR_NAME"] = "FLYTE_K8S_ARRAY_INDEX"
		own["FLYTE_K8S_ARRAY_INDEX"] = strconv.Itoa(j.element)
	}
	for _, k := range slices.Sorted(maps.Keys(own)) {
		env = append(env, k+"="+own[k])
	}
	return &command{argv: argv, env: env}, nil
}

func checkpoints(raw string) string { return objstore.Join(raw, "_flytecheckpoints") }

// inherited is what of this process's environment a task gets: enough to find
// its programs, the network and the object store.
func inherited(environ []string) []string {
	keep := []string{
		"PATH", "HOME", "TZ",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
		"SSL_CERT_FILE", "SSL_CERT_DIR",
	}
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		k, _, _ := strings.Cut(kv, "=")
		return !slices.Contains(keep, k) && !strings.HasPrefix(k, "AWS_") && !strings.HasPrefix(k, "FLYTE_AWS_")
	})
}

// wantsGPU says whether a task asks for a GPU, or the node in its place does.
func wantsGPU(j *job) bool {
	o := j.node.GetTaskNode().GetOverrides()
	if j.task.GetExtendedResources().GetGpuAccelerator() != nil || o.GetExtendedResources().GetGpuAccelerator() != nil {
		return true
	}
	for _, res := range []*core.Resources{o.GetResources(), j.task.GetContainer().GetResources()} {
		for _, e := range slices.Concat(res.GetRequests(), res.GetLimits()) {
			if e.GetName() == core.Resources_GPU {
				return e.GetValue() != "" && e.GetValue() != "0"
			}
		}
	}
	return false
}
