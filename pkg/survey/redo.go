package survey

import (
	"context"
	"fmt"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Redo remembers items that have to be done again although the engine's cache
// has an answer for them: those that failed for a reason that may pass, and
// those whose products are gone. The engine caches whatever a task returns, an
// outcome that says "failed" too; so such an outcome leaves a mark under the
// item's key, and whoever plans the item next puts the mark's text into what
// the cache key is made of. Success under the new key is found again by the same
// mark.
type Redo struct {
	Store objstore.Store
	Base  string // a directory that outlives runs
}

// Mark has an item done again: by, which names the run that found out, goes
// into its next cache key.
func (r Redo) Mark(ctx context.Context, key, by string) error {
	_, err := objstore.WriteFile(ctx, r.Store, objstore.Join(r.Base, key), []byte(by+"\n"))
	if err != nil {
		return fmt.Errorf("mark an item to be done again: %w", err)
	}
	return nil
}

// Of returns the text of an item's mark, empty where there is none.
func (r Redo) Of(ctx context.Context, key string) (string, error) {
	text, err := objstore.ReadFile(ctx, r.Store, objstore.Join(r.Base, key))
	if fault.CodeOf(err) == objstore.NotFound {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// All returns every mark by its key.
func (r Redo) All(ctx context.Context) (map[string]string, error) {
	marks := map[string]string{}
	err := r.Store.List(ctx, strings.TrimRight(r.Base, "/")+"/", func(o objstore.Info) (err error) {
		key := objstore.Base(o.URI)
		marks[key], err = r.Of(ctx, key)
		return err
	})
	if fault.CodeOf(err) == objstore.NotFound {
		return marks, nil
	}
	return marks, err
}
