package survey

import (
	"context"
	"fmt"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Redo remembers items that have to be done again although the engine's cache
// has an answer for them: those that failed, and those whose products are gone.
// The engine caches whatever a task returns, an outcome that says "failed" too;
// so such an outcome leaves a mark under the item's key, and whoever plans the
// item next puts what the mark says into what the cache key is made of. What is
// done under that key is found again by the same mark.
type Redo struct {
	Store objstore.Store
	Base  string // a directory that outlives runs
}

// mark is what stands under an item's key.
type mark struct {
	Again string `json:"again"` // goes into the cache key
	// An item whose products served their purpose under one configuration is as
	// good as there for that one; under others it is done again, as Next.
	Config string `json:"config,omitempty"`
	Next   string `json:"next,omitempty"`
}

// Failed has an item done again by the next run that plans it.
func (r Redo) Failed(ctx context.Context, key, run string) error {
	return r.set(ctx, key, mark{Again: run})
}

// Dropped has an item done again by the next run of another configuration. Its
// products, made under again, were removed by a run when their results were in.
func (r Redo) Dropped(ctx context.Context, key, again, config, run string) error {
	return r.set(ctx, key, mark{again, config, run})
}

func (r Redo) set(ctx context.Context, key string, m mark) error {
	if err := Save(ctx, r.Store, r.uri(key), m); err != nil {
		return fmt.Errorf("mark an item to be done again: %w", err)
	}
	return nil
}

func (r Redo) uri(key string) string { return objstore.Join(r.Base, key+".json") }

// Of returns what goes into an item's cache key under a configuration, empty
// where the item has no mark.
func (r Redo) Of(ctx context.Context, key, config string) (string, error) {
	m, err := Load[mark](ctx, r.Store, r.uri(key))
	switch {
	case fault.CodeOf(err) == objstore.NotFound:
		return "", nil
	case err != nil:
		return "", err
	case m.Config != "" && m.Config != config:
		return m.Next, nil
	}
	return m.Again, nil
}

// All returns what goes into the keys of all items that failed.
func (r Redo) All(ctx context.Context) (map[string]string, error) {
	marks := map[string]string{}
	err := r.Store.List(ctx, strings.TrimRight(r.Base, "/")+"/", func(o objstore.Info) (err error) {
		key := strings.TrimSuffix(objstore.Base(o.URI), ".json")
		marks[key], err = r.Of(ctx, key, "")
		return err
	})
	if fault.CodeOf(err) == objstore.NotFound {
		return marks, nil
	}
	return marks, err
}
