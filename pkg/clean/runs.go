package clean

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
)

var (
	// subTile begins the path of what belongs to a sub-tile, from a run's directory on.
	subTile = regexp.MustCompile(`^[0-9]+/[0-9]+_[0-9]+/`)
	// attempt is where an inference writes before its results are complete.
	attempt = regexp.MustCompile(`^[0-9]+/[0-9]+_[0-9]+/\.results-[^/]*/`)
)

// directory is the one that decides over the object at a path of a run: the
// sub-tile's, or that of an attempt in it. done says whether the object marks
// it as complete; no attempt ever is.
func directory(rel string) (dir string, done bool) {
	if dir = attempt.FindString(rel); dir != "" {
		return dir, false
	}
	dir = subTile.FindString(rel)
	return dir, rel == dir+manifest.Local
}

// place is a directory while its objects are listed, one after the other.
type place struct {
	uri     string
	objects []objstore.Info
	newest  time.Time
	done    bool
}

func (p *place) see(o objstore.Info, done bool) {
	p.objects = append(p.objects, o)
	p.done = p.done || done
	if o.Modified.After(p.newest) {
		p.newest = o.Modified
	}
}

// FindIncomplete adds the sub-tile directories of a run that were never marked
// complete, and in them those of inferences that never ended. One in which
// something was written since a time is left alone.
func (p *Plan) FindIncomplete(ctx context.Context, store objstore.Lister, runURI string, before time.Time) error {
	base := strings.TrimRight(runURI, "/") + "/"
	return p.group(ctx, store, Incomplete, base, before, directory)
}

// FindIncompleteOfAll is FindIncomplete for all runs below a storage prefix.
func (p *Plan) FindIncompleteOfAll(ctx context.Context, store objstore.Lister, storage string, before time.Time) error {
	base := strings.TrimRight(storage, "/") + "/"
	return p.group(ctx, store, Incomplete, base, before, func(rel string) (string, bool) {
		run, rest, _ := strings.Cut(rel, "/")
		dir, done := directory(rest)
		if dir == "" {
			return "", false
		}
		return run + "/" + dir, done
	})
}

// FindScratch adds the executions of an engine, or the one that is named, in
// which nothing was written since a time and that have no object at the path
// done, which an execution writes when it succeeds.
func (p *Plan) FindScratch(ctx context.Context, store objstore.Lister, prefix, name, done string, before time.Time) error {
	base := strings.TrimRight(prefix, "/") + "/"
	var inside string
	if name != "" {
		inside = name + "/"
	}
	return p.group(ctx, store, Scratch, base+inside, before, func(rel string) (string, bool) {
		if name != "" {
			return "./", rel == done
		}
		execution, rest, ok := strings.Cut(rel, "/")
		if !ok || execution == "logs" {
			return "", false // no execution's
		}
		return execution + "/", rest == done
	})
}

// group groups a listing by directory and adds those that are neither done
// nor young. A listing is in order, so that a directory's objects follow each other.
func (p *Plan) group(ctx context.Context, store objstore.Lister, k Kind, base string, before time.Time, of func(rel string) (dir string, done bool)) error {
	var at place
	flush := func() error {
		if at.uri == "" || at.done || !at.newest.Before(before) {
			return nil
		}
		return p.add(k, at.uri, at.objects...)
	}
	err := store.List(ctx, base, func(o objstore.Info) error {
		dir, done := of(strings.TrimPrefix(o.URI, base))
		if dir == "" {
			return nil
		}
		if uri := base + strings.TrimPrefix(dir, "./"); uri != at.uri {
			if err := flush(); err != nil {
				return err
			}
			at = place{uri: uri}
		}
		at.see(o, done)
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for %s: %w", k, err)
	}
	return flush()
}

// FindPixels adds the pixels of a run's tiles whose sub-tiles all have a result
// in the catalogue: exposures/*.fits and psf/*.fits. Those of a tile with a
// sub-tile that failed stay, for it may be measured again. The caller knows
// that the run's results are committed and validated.
func (p *Plan) FindPixels(ctx context.Context, store objstore.Lister, run *assemble.Run) error {
	for _, t := range run.Tiles {
		if t.Failure != "" || !finished(t) {
			continue
		}
		for _, s := range t.SubTiles {
			for _, sub := range []string{"exposures/", "psf/"} {
				dir := objstore.Join(s.Directory, sub)
				err := store.List(ctx, dir, func(o objstore.Info) error {
					if !strings.HasSuffix(o.URI, ".fits") {
						return nil
					}
					return p.add(Pixels, dir, o)
				})
				if err != nil {
					return fmt.Errorf("look for %s: %w", Pixels, err)
				}
			}
		}
	}
	return nil
}

func finished(t assemble.RunTile) bool {
	for _, s := range t.SubTiles {
		if s.Status == results.Failed {
			return false
		}
	}
	return len(t.SubTiles) > 0
}
