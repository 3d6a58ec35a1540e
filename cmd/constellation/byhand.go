package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
)

// byHand is what stages find around them that a verb runs in this process: the
// store of their products, one store of their sources, and a directory for the
// documents that they tell each other, which goes when the verb ends.
type byHand struct {
	store   objstore.Store
	source  objstore.Metered
	scratch string
}

// byHand reads and resolves the configuration, and has the stages at hand.
func (l *launch) byHand(ctx context.Context, execution string) (*byHand, pipeline.ResolveConfigOut, error) {
	s, err := l.settings(ctx, execution)
	if err != nil {
		return nil, s, err
	}
	scratch, err := os.MkdirTemp("", "constellation-")
	if err != nil {
		return nil, s, err
	}
	return &byHand{store: objstore.Open(ctx, objstore.Config{}), source: objstore.Open(ctx, pipeline.Store(s.Source)), scratch: scratch}, s, nil
}

// stage is the context that a stage's body is called with. The name is that of a
// directory of its own for what it writes.
func (h *byHand) stage(ctx context.Context, name string) context.Context {
	env := task.NewEnvironment(h.store, filepath.Join(h.scratch, name), task.Identity{Task: name, Element: -1})
	env.Sources = func(context.Context, objstore.Config) objstore.Metered { return h.source }
	return task.With(ctx, env)
}

func (h *byHand) close() { os.RemoveAll(h.scratch) }
