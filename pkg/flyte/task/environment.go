package task

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// Environment is what surrounds one attempt of a task.
type Environment struct {
	// Checkpoint is the prefix under which this attempt may leave what lets the
	// next one go on; PrevCheckpoint is the previous attempt's, empty on the first.
	Checkpoint, PrevCheckpoint string
	Deck                       *Deck
	Log                        *slog.Logger

	id    Identity
	store objstore.Store
	raw   string
}

// Identity says which attempt of what is running. Run by hand, most of it is empty.
type Identity struct {
	Project, Domain, Execution string
	Node                       string // from the output prefix; empty where that has another form
	Task, Version              string
	Attempt                    int // from 0
	Element                    int // of a map; -1 elsewhere
}

type environmentKey struct{}

// With puts an environment into a context, for tests of a run function.
func With(ctx context.Context, e *Environment) context.Context {
	return context.WithValue(ctx, environmentKey{}, e)
}

// NewEnvironment makes one by hand: a store, and a prefix for files.
func NewEnvironment(store objstore.Store, prefix string, id Identity) *Environment {
	return &Environment{Deck: &Deck{}, Log: slog.Default(), id: id, store: store, raw: prefix}
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

// Output is the URI of a file that this attempt writes: its own raw output
// prefix, which no other attempt or element shares, and the name.
func (e *Environment) Output(name string) string {
	return strings.TrimRight(e.raw, "/") + "/" + strings.TrimLeft(name, "/")
}

// Identity is which attempt of what is running.
func (e *Environment) Identity() Identity { return e.id }

// newEnvironment reads the identity of an attempt from what the engine puts
// into every pod, and sets up its log.
func newEnvironment(a *attempt) *Environment {
	get := func(key string) string { v, _ := a.proc.Env(key); return v }
	id := Identity{
		Project:   get("FLYTE_INTERNAL_TASK_PROJECT"),
		Domain:    get("FLYTE_INTERNAL_TASK_DOMAIN"),
		Execution: get("FLYTE_INTERNAL_EXECUTION_ID"),
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
		Checkpoint: a.args.checkpoint, PrevCheckpoint: a.args.prevCheckpoint,
		Deck: &Deck{}, Log: logger(a.proc.Stderr, get("LOG_LEVEL"), id),
		id: id, store: a.proc.Store, raw: a.args.raw,
	}
}

// nodeOf reads the node's id from an output prefix: .../<node>/data/<attempt>.
// No variable of the pod's environment has it.
func nodeOf(prefix string) string {
	data, attempt := path.Split(strings.TrimRight(prefix, "/"))
	if _, err := strconv.Atoi(attempt); err != nil || path.Base(data) != "data" {
		return ""
	}
	return path.Base(path.Dir(strings.TrimRight(data, "/")))
}

// logger writes lines of JSON, or text where a person watches. Every line says
// which attempt wrote it.
func logger(w io.Writer, level string, id Identity) *slog.Logger {
	var l slog.Level
	levelErr := l.UnmarshalText([]byte(level))
	options := &slog.HandlerOptions{Level: l}
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
