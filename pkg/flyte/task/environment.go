package task

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Environment is what surrounds one attempt of a task.
type Environment struct {
	Deck *Deck
	Log  *slog.Logger // every line says which attempt wrote it; in an executable slog's default is the same

	// Sources opens the store that a task reads somebody else's files from; nil is
	// objstore.Open. Who makes an environment by hand may share one store between
	// tasks, or put a store of memory in its place.
	Sources func(context.Context, objstore.Config) objstore.Metered

	id         Identity
	store      objstore.Store
	raw        string
	checkpoint *Checkpoint
}

// Identity says which attempt of what is running. Run by hand, most of it is empty.
type Identity struct {
	Project, Domain, Execution string
	Node                       string // from the output prefix; empty where that has another form
	Task, Version              string
	Attempt                    int // from 0
	Element                    int // of a map; -1 elsewhere
}

// executionVariable says which execution an attempt belongs to. Whoever runs a
// stage by hand has none.
const executionVariable = "FLYTE_INTERNAL_EXECUTION_ID"

type environmentKey struct{}

// With puts an environment into a context, for whoever calls a run function
// without its executable: a command that does by hand what the task does, a test.
func With(ctx context.Context, e *Environment) context.Context {
	return context.WithValue(ctx, environmentKey{}, e)
}

// NewEnvironment makes one by hand: a store, and a prefix for files.
func NewEnvironment(store objstore.Store, prefix string, id Identity) *Environment {
	return &Environment{Deck: &Deck{}, Log: slog.Default(), id: id, store: store, raw: prefix, checkpoint: newCheckpoint(store, "", "")}
}

// From returns the environment of the running task. Outside of one it panics.
func From(ctx context.Context) *Environment {
	e, ok := ctx.Value(environmentKey{}).(*Environment)
	if !ok {
		panic("task.From: this context is not of a running task; in a test, make one with task.With")
	}
	return e
}

// Store is the object store that the task's outputs go to, set up from the
// standard AWS environment.
func (e *Environment) Store() objstore.Store { return e.store }

// Open opens the store of a task's sources. Outputs go to [Environment.Store].
func (e *Environment) Open(ctx context.Context, config objstore.Config) objstore.Metered {
	if e.Sources != nil {
		return e.Sources(ctx, config)
	}
	return objstore.Open(ctx, config)
}

// Output is the URI of a file that this attempt writes: its own raw output
// prefix, which no other attempt or element shares, and the name.
func (e *Environment) Output(name string) string {
	return strings.TrimRight(e.raw, "/") + "/" + strings.TrimLeft(name, "/")
}

// Identity is which attempt of what is running.
func (e *Environment) Identity() Identity { return e.id }

// Checkpoint is what attempts of this task leave for each other.
func (e *Environment) Checkpoint() *Checkpoint { return e.checkpoint }

// newEnvironment reads the identity of an attempt from what the engine puts
// into every pod, and sets up its log.
func newEnvironment(a *attempt) *Environment {
	get := func(key string) string { v, _ := a.proc.Env(key); return v }
	id := Identity{
		Project:   get("FLYTE_INTERNAL_TASK_PROJECT"),
		Domain:    get("FLYTE_INTERNAL_TASK_DOMAIN"),
		Execution: get(executionVariable),
		Node:      nodeOf(a.args.outputs),
		Task:      get("FLYTE_INTERNAL_TASK_NAME"),
		Version:   get("FLYTE_INTERNAL_TASK_VERSION"),
		Element:   a.elementIndex(),
	}
	id.Attempt, _ = strconv.Atoi(get("FLYTE_ATTEMPT_NUMBER"))
	if id.Task == "" {
		id.Task = a.decl.Name
	}
	return &Environment{
		checkpoint: newCheckpoint(a.proc.Store, a.args.checkpoint, a.args.prevCheckpoint),
		Deck:       &Deck{}, Log: logger(a.proc.Stderr, get("LOG_LEVEL"), id),
		id: id, store: a.proc.Store, raw: a.args.raw,
	}
}

// nodeOf reads the node's id from an output prefix, .../<node>/data/<attempt>,
// or, of a map's element, .../<node>/data/<attempt>/<element>/<its attempt>. No
// variable of the pod's environment has it. Inside a dynamic task's fan-out or a
// sub-workflow the id is the engine's, which names the nodes above it too.
func nodeOf(prefix string) string {
	parts := strings.Split(strings.TrimRight(prefix, "/"), "/")
	i := len(parts)
	for i > 0 && isNumber(parts[i-1]) {
		i--
	}
	if n := len(parts) - i; n != 1 && n != 3 || i < 2 || parts[i-1] != "data" {
		return ""
	}
	return parts[i-2]
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 32)
	return err == nil
}

// shown keeps what names and headers hold from doing anything to a terminal:
// JSON leaves some of it as it is.
func shown(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(fault.Lines(v.String()))
	case slog.KindAny:
		if err, is := v.Any().(error); is {
			a.Value = slog.StringValue(fault.Lines(err.Error()))
		}
	}
	a.Key = fault.Text(a.Key)
	return a
}

// logger writes lines of JSON, or text where a person watches. Every line says
// which attempt wrote it.
func logger(w io.Writer, level string, id Identity) *slog.Logger {
	var l slog.Level
	levelErr := l.UnmarshalText([]byte(level))
	options := &slog.HandlerOptions{Level: l, ReplaceAttr: shown}
	var h slog.Handler = slog.NewJSONHandler(w, options)
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			h = slog.NewTextHandler(w, options)
		}
	}
	log := slog.New(h).With("task", id.Task)
	for _, at := range []struct{ key, value string }{{"version", id.Version}, {"execution", id.Execution}, {"node", id.Node}} {
		if at.value != "" {
			log = log.With(at.key, at.value)
		}
	}
	if id.Execution != "" {
		log = log.With("attempt", id.Attempt)
	}
	if id.Element >= 0 {
		log = log.With("element", id.Element)
	}
	if level != "" && levelErr != nil {
		log.Warn("LOG_LEVEL is none of debug, info, warn, error: info is used", "value", level)
	}
	return log
}
