package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
)

// Names of the files that the engine looks for under the output prefix.
const (
	outputsFile = "outputs.pb"
	futuresFile = "futures.pb"
	errorFile   = "error.pb"
	deckFile    = "deck.html"
)

// outputsLimit is the engine's own default for the size of outputs.pb; clusters
// set it higher (the Helm chart: 10 MB). Beyond it a finished task fails for good.
const outputsLimit = 2 << 20

// Execute runs the task once, as its executable does, and returns the exit code.
func (t *Task[In, Out]) Execute(ctx context.Context, p Process, run Run[In, Out]) int {
	return t.execute(ctx, p, func(ctx context.Context, a *attempt, inputs *core.LiteralMap) (product, error) {
		var in In
		if err := decodeInputs(inputs, &in); err != nil {
			return product{}, err
		}
		out, err := run(ctx, in)
		if err != nil {
			return product{}, err
		}
		return outputs(out)
	})
}

// product is the file that an attempt ends with.
type product struct {
	name    string
	message proto.Message
}

// outputs encodes what run returned. The engine doesn't check it, so that a
// wrong value would surface at a consumer, as somebody else's fault.
func outputs(out any) (product, error) {
	m, err := literal.Marshal(out)
	if err != nil {
		return product{}, fault.New(fault.Bug, "OutputsInvalid", "the task's own outputs do not fit its interface: %w", err)
	}
	return product{outputsFile, m}, nil
}

func decodeInputs(m *core.LiteralMap, into any) error {
	if err := literal.Unmarshal(m, into); err != nil {
		return fault.Input("InputsInvalid", "the inputs do not fit the task's interface: %w", err).Fix("see --help for what it takes")
	}
	return nil
}

// attempt is one run of the executable.
type attempt struct {
	*contract
	args  arguments
	env   *Environment
	proc  Process
	start time.Time
}

// body is the part of an attempt between its inputs and its product.
type body func(ctx context.Context, a *attempt, inputs *core.LiteralMap) (product, error)

func (c *contract) execute(ctx context.Context, p Process, b body) int {
	execution, _ := p.Env(executionVariable)
	args, err := parse(c, p.Args, execution == "")
	switch {
	case args.help:
		return c.say(p, c.help())
	case args.describe:
		return c.say(p, c.describe())
	}
	a := &attempt{contract: c, args: args, proc: p, start: time.Now()}
	a.env = newEnvironment(a)
	if err != nil {
		err = fault.Input("ArgumentsInvalid", "%w", err).Fix("see %s --help", c.decl.Executable())
		if args.outputs == "" {
			a.env.Log.Error("wrong arguments", "error", err)
			return 2
		}
		return max(a.finish(ctx, product{}, err), a.failed(2))
	}
	if p.OnLog != nil {
		p.OnLog(a.env.Log)
	}
	a.env.Log.Info("start", "inputs", args.inputs, "outputs", args.outputs)
	if err := a.env.checkpoint.link(ctx); err != nil {
		a.env.Log.Warn("a checkpoint before the previous attempt's may not be found again", "error", err)
	}
	result, err := a.bounded(With(ctx, a.env), b)
	return a.finish(ctx, result, err)
}

// say prints what somebody asked for; that it was lost is said, too.
func (c *contract) say(p Process, text string) int {
	if _, err := io.WriteString(p.Stdout, text); err != nil {
		fmt.Fprintf(p.Stderr, "%s: not all of it could be printed: %v\n", c.decl.Executable(), err)
		return 1
	}
	return 0
}

// stopGrace is how long a run that was told to stop may take: less than the 30
// seconds after which Kubernetes kills a pod by default.
const stopGrace = 20 * time.Second

// bounded gives a body that was told to stop some time to do so, and then goes on
// without it. The process ends soon after.
func (a *attempt) bounded(ctx context.Context, b body) (product, error) {
	type ending struct {
		result product
		err    error
	}
	ended := make(chan ending, 1)
	go func() {
		result, err := a.guarded(ctx, b)
		ended <- ending{result, err}
	}()
	select {
	case e := <-ended:
		return e.result, e.err
	case <-ctx.Done():
	}
	grace := a.proc.Grace
	if grace == 0 {
		grace = stopGrace
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case e := <-ended:
		return e.result, e.err
	case <-timer.C:
		return product{}, fmt.Errorf("the task did not stop within %v of being told to, and is left behind", grace)
	}
}

// guarded runs the body and turns a panic into a failure.
func (a *attempt) guarded(ctx context.Context, b body) (result product, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.New(fault.Bug, "Panic", "panic: %v\n\n%s", r, debug.Stack())
		}
	}()
	inputs, err := a.readInputs(ctx)
	if err != nil {
		return product{}, err
	}
	return b(ctx, a, inputs)
}

// finish writes what the engine reads, the deck first and the product or error
// document last, and returns the exit code.
func (a *attempt) finish(ctx context.Context, result product, err error) int {
	if err == nil && ctx.Err() == nil {
		a.writeDeck(ctx, nil)
		if err = a.write(ctx, result); err == nil {
			a.logEnd(slog.LevelInfo, "end", "wrote", result.name)
			return a.print(result)
		}
	}
	if ctx.Err() != nil { // stopped: the engine runs another attempt, from what this one left
		var s stopped
		if !errors.As(context.Cause(ctx), &s) {
			s = stopped{errStopped}
		}
		attrs := []any{"reason", context.Cause(ctx)}
		if err != nil {
			attrs = append(attrs, "error", err)
		}
		a.logEnd(slog.LevelWarn, "stopped", attrs...)
		return s.exit()
	}
	doc := errorDocument(err)
	a.logEnd(slog.LevelError, "failed", "code", doc.GetError().GetCode(), "kind", fault.KindOf(err).String(), "error", err)
	a.writeDeck(ctx, &deckFailure{doc.GetError().GetCode(), doc.GetError().GetMessage()})
	if err := a.write(ctx, product{errorFile, doc}); err != nil {
		a.env.Log.Error("the error document could not be written", "error", err)
		return 1
	}
	return a.failed(1)
}

// byHand tells whether a person or a script runs this, and no engine.
func (a *attempt) byHand() bool { return a.env.id.Execution == "" }

// failed is the exit code of a failure that an error document tells: 0 for the
// engine, which reads the document only then, and code by hand.
func (a *attempt) failed(code int) int {
	if a.byHand() {
		return code
	}
	return 0
}

// print writes the outputs to whoever runs this by hand, in the form in which the
// inputs of the next stage can be given, and returns the exit code. The job of a
// dynamic task has none yet.
func (a *attempt) print(p product) int {
	m, are := p.message.(*core.LiteralMap)
	if !are || !a.byHand() {
		return 0
	}
	text, err := literal.FormatJSON(a.outputs, m)
	if err == nil {
		_, err = a.proc.Stdout.Write(text)
	}
	if err != nil {
		a.env.Log.Error("the outputs could not be printed; outputs.pb has them", "error", err)
		return 1
	}
	return 0
}

func (a *attempt) write(ctx context.Context, p product) error {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(p.message)
	if err != nil {
		return fault.New(fault.Bug, "OutputsInvalid", "encode %s: %w", p.name, err)
	}
	if len(raw) > outputsLimit && p.name == outputsFile {
		a.env.Log.Warn("outputs.pb is large: a cluster whose storage.limits.maxDownloadMBs is below this fails the task", "bytes", len(raw))
	}
	uri := objstore.Join(a.args.outputs, p.name)
	if _, err := objstore.WriteFile(ctx, a.proc.Store, uri, raw); err != nil {
		return fmt.Errorf("write %s: %w", uri, err)
	}
	return nil
}

// writeDeck never fails a task: its report is not its result.
func (a *attempt) writeDeck(ctx context.Context, failure *deckFailure) {
	if !a.decl.Deck {
		return
	}
	page := a.env.Deck.page(a.decl.Name, failure)
	if page == nil {
		return
	}
	if _, err := objstore.WriteFile(ctx, a.proc.Store, objstore.Join(a.args.outputs, deckFile), page); err != nil {
		a.env.Log.Warn("the deck could not be written", "error", err)
	}
}

func (a *attempt) logEnd(level slog.Level, message string, attrs ...any) {
	attrs = append(attrs, "seconds", time.Since(a.start).Round(time.Millisecond).Seconds())
	if m, ok := a.proc.Store.(interface{ Usage() objstore.Usage }); ok {
		u := m.Usage()
		attrs = append(attrs, "requests", u.Requests, "bytes_read", u.BytesRead, "bytes_written", u.BytesWritten)
	}
	a.env.Log.Log(context.Background(), level, message, attrs...)
}
