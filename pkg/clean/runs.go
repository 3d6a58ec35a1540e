package clean

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// FindIncomplete adds the sub-tile directories of a run that were never marked
// complete, and of the others those of inferences that never ended. One in
// which something was written since a time is left alone, and one that holds
// what no run writes is kept.
func (p *Plan) FindIncomplete(ctx context.Context, store objstore.Lister, runURI string, before time.Time) error {
	base := strings.TrimRight(runURI, "/") + "/"
	return p.group(ctx, store, Incomplete, base, before, &subTiles, subTile.FindString)
}

// FindIncompleteOfAll is FindIncomplete for all runs below a storage prefix.
func (p *Plan) FindIncompleteOfAll(ctx context.Context, store objstore.Lister, storage string, before time.Time) error {
	base := strings.TrimRight(storage, "/") + "/"
	return p.group(ctx, store, Incomplete, base, before, &subTiles, func(rel string) string {
		run, rest, _ := strings.Cut(rel, "/")
		dir := subTile.FindString(rest)
		if dir == "" {
			return ""
		}
		return run + "/" + dir
	})
}

// FindScratch adds the executions of an engine, or the one that is named, in
// which nothing was written since a time and that have no object at the path
// done, which an execution writes when it succeeds. A directory that holds what
// the local engine and its tasks don't write there is no execution, and is kept.
func (p *Plan) FindScratch(ctx context.Context, store objstore.Lister, prefix, name, done string, before time.Time) error {
	base := strings.TrimRight(prefix, "/") + "/"
	only := ""
	if name != "" {
		only = name + "/"
	}
	l := executions
	l.done = done
	return p.group(ctx, store, Scratch, base+only, before, &l, func(rel string) string {
		if only != "" {
			return "./"
		}
		execution, _, ok := strings.Cut(rel, "/")
		if !ok || execution == "logs" || execution == CacheDir {
			return "" // no execution's
		}
		return execution + "/"
	})
}

// group groups a listing by directory and adds those that can go. A listing is
// in order, so that a directory's objects follow each other.
func (p *Plan) group(ctx context.Context, store objstore.Lister, k Kind, base string, before time.Time, l *layout, of func(rel string) (dir string)) error {
	at := new(place)
	err := unfollowed(store).List(ctx, base, func(o objstore.Info) error {
		rel := strings.TrimPrefix(o.URI, base)
		dir := of(rel)
		if dir == "" {
			return nil
		}
		dir = strings.TrimPrefix(dir, "./")
		if base+dir != at.uri {
			if err := p.settle(k, at, before); err != nil {
				return err
			}
			at = &place{uri: base + dir}
		}
		at.see(l, strings.TrimPrefix(rel, dir), o)
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for %s: %w", k, err)
	}
	return p.settle(k, at, before)
}

// settle adds a place that is neither done nor young, or says why it is kept.
// Of one that is done the attempts are settled.
func (p *Plan) settle(k Kind, at *place, before time.Time) error {
	switch {
	case len(at.objects) == 0:
		return nil
	case at.done:
		for _, in := range at.attempts {
			if err := p.settle(k, in, before); err != nil {
				return err
			}
		}
		return nil
	case !at.newest.Before(before):
		return nil
	case at.foreign != "" || !at.proven:
		p.kept = append(p.kept, Kept{at.uri, at.foreign})
		return nil
	}
	return p.add(k, at.uri, at.objects...)
}

// FindPixels adds the pixels of a run's tiles whose sub-tiles all have a result
// in the catalogue: those files below exposures/ and psf/ that the sub-tiles'
// manifests name. Those of a tile with a sub-tile that failed stay, for it may
// be measured again. The caller knows that the run's results are committed and
// validated. Removing them leaves a mark in each directory, [survey.DroppedFile].
func (p *Plan) FindPixels(ctx context.Context, store objstore.Store, run *survey.Run) error {
	for _, t := range run.Tiles {
		if t.Failure != "" || !finished(t) {
			continue
		}
		before := len(p.dropped)
		for _, s := range t.SubTiles {
			if _, err := objstore.Rel(p.Base, s.Directory); err != nil {
				p.others++ // an earlier run's, which the engine had in its cache
				continue
			}
			if err := p.findPixels(ctx, store, run.RunID, s.Directory); err != nil {
				return fmt.Errorf("look for %s: %w", Pixels, err)
			}
		}
		if len(p.dropped) > before {
			p.tiles = append(p.tiles, t)
		}
	}
	p.config, p.run = run.ConfigID, run.RunID
	return nil
}

// findPixels adds the pixels of one sub-tile.
func (p *Plan) findPixels(ctx context.Context, store objstore.Store, run, dir string) error {
	if err := p.holds(objstore.Join(dir, survey.LocalManifestFile)); err != nil {
		return err
	}
	text, err := objstore.ReadFile(ctx, store, objstore.Join(dir, survey.LocalManifestFile))
	if objstore.IsNotFound(err) {
		return nil // not complete: nothing says what is its own
	}
	if err != nil {
		return err
	}
	m, err := manifest.Read(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", objstore.Join(dir, survey.LocalManifestFile), err)
	}
	named := map[string]bool{}
	for _, f := range m.Files {
		named[f.Path] = true
	}
	drop := dropping{uri: objstore.Join(dir, survey.DroppedFile), Dropped: manifest.Dropped{
		Run: run, Reason: "the results are in the catalogue and were validated; prepare the tile again to infer again",
	}}
	// From the directory above, so that neither it nor what is in it is a link.
	err = unfollowed(store).List(ctx, strings.TrimRight(dir, "/"), func(o objstore.Info) error {
		rel, err := objstore.Rel(dir, o.URI)
		if err != nil || !named[rel] || o.Link {
			return nil // a neighbour's, or not the sub-tile's own
		}
		sub, _, ok := strings.Cut(rel, "/")
		if !ok || sub != survey.ExposuresDir && sub != survey.PSFDir {
			return nil
		}
		drop.Files, drop.Bytes = append(drop.Files, rel), drop.Bytes+o.Size
		return p.add(Pixels, objstore.Join(dir, sub)+"/", o)
	})
	if err != nil {
		return err
	}
	if len(drop.Files) > 0 {
		p.dropped = append(p.dropped, drop)
	}
	return nil
}

// unfollowed is a store that doesn't show what links lead to: it is somebody else's.
func unfollowed(store objstore.Lister) objstore.Lister {
	if s, ok := store.(objstore.Store); ok {
		return objstore.Unfollowed(s)
	}
	return store
}

func finished(t survey.RunTile) bool {
	for _, s := range t.SubTiles {
		if s.Status == survey.StatusFailed {
			return false
		}
	}
	return len(t.SubTiles) > 0
}
