package clean

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// CacheDir is where the local engine keeps what tasks made, beside its executions.
const CacheDir = "_cache"

// cachedAtOnce is how many of the cache's small files are read at the same time.
const cachedAtOnce = 32

// FindCached adds the entries of the engine's cache, all below p's Base, that
// name files in the scratch which another plan removes: their results would be
// found, and the files that they are would be gone.
func (p *Plan) FindCached(ctx context.Context, store objstore.Store, scratch *Plan) error {
	var gone [][]byte
	for place := range scratch.places[Scratch] {
		gone = append(gone, []byte(strings.TrimRight(place, "/")+"/"))
	}
	if len(gone) == 0 {
		return nil
	}
	var entries []objstore.Info
	err := objstore.Unfollowed(store).List(ctx, strings.TrimRight(p.Base, "/")+"/", func(o objstore.Info) error {
		if strings.HasSuffix(o.URI, ".json") && !o.Link {
			entries = append(entries, o)
		}
		return nil
	})
	if err != nil && !objstore.IsNotFound(err) {
		return fmt.Errorf("look for %s: %w", Cached, err)
	}
	stale := make([]bool, len(entries))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cachedAtOnce)
	for i, o := range entries {
		g.Go(func() error {
			text, err := objstore.ReadFile(gctx, store, o.URI)
			stale[i] = slices.ContainsFunc(gone, func(prefix []byte) bool { return bytes.Contains(text, prefix) })
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("look for %s: %w", Cached, err)
	}
	for i, o := range entries {
		if stale[i] {
			if err := p.add(Cached, o.URI, o); err != nil {
				return err
			}
		}
	}
	return nil
}
