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
	Again string `json:"again,omitempty"` // goes into the cache key
	// Done says, for each configuration under which the item's products served
	// their purpose and were removed, what they were made under: for it the item is
	// as good as there. For others it is done again, under Again.
	Done map[string]string `json:"done,omitempty"`
	By   string            `json:"by"` // the run that wrote this, for people
}

// Failed has an item that was done under again done once more by the next run
// that plans it, under another key each time that it fails. Where somebody has
// said so already, nothing is to be said.
func (r Redo) Failed(ctx context.Context, key, again, run string) error {
	m, err := r.load(ctx, key)
	if err != nil {
		return err
	}
	stale := false
	for config, made := range m.Done {
		if made == again { // its products are gone, and somebody wants them after all
			delete(m.Done, config)
			stale = true
		}
	}
	if m.Again == again {
		m.Again, stale = next(key, again), true
	}
	if !stale {
		return nil
	}
	m.By = run
	return r.set(ctx, key, m)
}

// Dropped has an item done again by the next run of a configuration that has no
// use for what is there. Its products, made under again, were removed by a run
// when their results under config were in.
func (r Redo) Dropped(ctx context.Context, key, again, config, run string) error {
	m, err := r.load(ctx, key)
	if err != nil {
		return err
	}
	if m.Done == nil {
		m.Done = map[string]string{}
	}
	m.Done[config] = again
	if m.Again == again {
		m.Again = next(key, again)
	}
	m.By = run
	return r.set(ctx, key, m)
}

// next is what an item is done under after again. It names no run, so that
// runs that find out the same say the same.
func next(key, again string) string { return digest([]byte(key + " " + again))[:16] }

func (r Redo) set(ctx context.Context, key string, m mark) error {
	if err := Save(ctx, r.Store, r.uri(key), m); err != nil {
		return fmt.Errorf("mark an item to be done again: %w", err)
	}
	return nil
}

func (r Redo) uri(key string) string { return objstore.Join(r.Base, key+markSuffix) }

// Of returns what goes into an item's cache key under a configuration, empty
// where the item has no mark.
func (r Redo) Of(ctx context.Context, key, config string) (string, error) {
	m, err := r.load(ctx, key)
	if made, ok := m.Done[config]; ok {
		return made, err
	}
	return m.Again, err
}

// load reads a mark; where there is none, nothing was marked.
func (r Redo) load(ctx context.Context, key string) (mark, error) {
	m, err := Load[mark](ctx, r.Store, r.uri(key))
	switch {
	case fault.CodeOf(err) == objstore.NotFound:
		return mark{}, nil
	case err != nil:
		return mark{}, err
	}
	return *m, nil
}

// All returns what goes into the keys of all items that failed.
func (r Redo) All(ctx context.Context) (map[string]string, error) {
	marks := map[string]string{}
	err := r.Store.List(ctx, strings.TrimRight(r.Base, "/")+"/", func(o objstore.Info) (err error) {
		key := strings.TrimSuffix(objstore.Base(o.URI), markSuffix)
		marks[key], err = r.Of(ctx, key, "")
		return err
	})
	if fault.CodeOf(err) == objstore.NotFound {
		return marks, nil
	}
	return marks, err
}
