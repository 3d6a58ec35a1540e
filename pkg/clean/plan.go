package clean

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Kind is why something can go.
type Kind string

const (
	Uploads    Kind = "unfinished uploads"
	Incomplete Kind = "incomplete directories"
	Scratch    Kind = "scratch of unfinished executions"
	Pixels     Kind = "pixels of finished tiles"
	Cached     Kind = "cached results whose files go"
)

// Kinds are all there are, in the order in which they are shown.
var Kinds = []Kind{Uploads, Incomplete, Scratch, Pixels, Cached}

// Plan is what can go, all of it below Base.
type Plan struct {
	Base    string
	objects map[Kind][]objstore.Info
	uploads []objstore.Unfinished
	dropped []dropping
	tiles   []survey.RunTile // whose pixels go
	config  string           // under which these were measured
	run     string
	places  map[Kind]map[string]bool // directories, executions or tiles
	kept    []Kept
	others  int
}

// Others counts the sub-tiles whose pixels an earlier run made, and so stay:
// somebody else may be at work on them.
func (p *Plan) Others() int { return p.others }

// Remember has the tiles whose pixels go prepared again by runs of other
// configurations, although the engine's cache has them. Call it before Remove.
func (p *Plan) Remember(ctx context.Context, redo survey.Redo) error {
	for _, t := range p.tiles {
		if t.Plan == "" {
			continue // assembled by hand: no cache knows it
		}
		if err := redo.Dropped(ctx, t.Plan, t.Again, p.config, p.run); err != nil {
			return err
		}
	}
	return nil
}

// dropping is the mark of a directory whose pixels go.
type dropping struct {
	uri string
	manifest.Dropped
}

// mark writes it. What an earlier removal that broke off has dropped is in it too.
func (d dropping) mark(ctx context.Context, store objstore.Store) error {
	var earlier manifest.Dropped
	text, err := objstore.ReadFile(ctx, store, d.uri)
	switch {
	case err == nil && bounds.Unmarshal(text, &earlier) == nil:
		for _, path := range earlier.Files {
			if !slices.Contains(d.Files, path) {
				d.Files = append(d.Files, path)
			}
		}
		slices.Sort(d.Files)
		d.Bytes = max(d.Bytes, earlier.Bytes)
	case err != nil && !objstore.IsNotFound(err):
		return err
	}
	if text, err = d.Encode(); err != nil {
		return err
	}
	_, err = objstore.WriteFile(ctx, store, d.uri, text)
	return err
}

// Kept is what would go, were it certain that a run wrote all of it.
type Kept struct {
	Place   string // a directory or an upload
	Foreign string // an object in it that no run writes; empty: nothing in it proves that a run wrote it
}

// Kept is what looks like something that can go, and is left alone.
func (p *Plan) Kept() []Kept { return p.kept }

// Count is how much of a kind a plan holds.
type Count struct {
	Places  int // directories, executions, tiles; for uploads the uploads themselves
	Objects int
	Bytes   int64
	Example string
}

// NewPlan makes an empty plan for what lies below a directory or prefix.
func NewPlan(base string) *Plan {
	return &Plan{Base: base, objects: map[Kind][]objstore.Info{}, places: map[Kind]map[string]bool{}}
}

// Count counts one kind.
func (p *Plan) Count(k Kind) (c Count) {
	for _, o := range p.objects[k] {
		c.Objects++
		c.Bytes += o.Size
		c.Example = p.objects[k][0].URI
	}
	c.Places = len(p.places[k])
	if k == Uploads {
		for _, u := range p.uploads {
			c.Objects++
			c.Bytes += u.Size
			c.Example = p.uploads[0].URI
		}
		c.Places = c.Objects
	}
	return c
}

// Empty says whether nothing can go.
func (p *Plan) Empty() bool {
	for _, k := range Kinds {
		if p.Count(k).Objects > 0 {
			return false
		}
	}
	return true
}

// add puts objects of one place into the plan. One that doesn't lie below Base
// is a bug, or a record that somebody wrote by hand: it is refused.
func (p *Plan) add(k Kind, place string, objects ...objstore.Info) error {
	for _, o := range objects {
		if err := p.holds(o.URI); err != nil {
			return err
		}
	}
	if p.places[k] == nil {
		p.places[k] = map[string]bool{}
	}
	p.places[k][place] = true
	p.objects[k] = append(p.objects[k], objects...)
	return nil
}

// holds refuses what doesn't lie below Base, and what a ".." might lead out of it.
func (p *Plan) holds(uri string) error {
	if rel, err := objstore.Rel(p.Base, uri); err != nil || rel == "." || !plain(rel) {
		return fault.New(fault.Bug, "OutsideBase", "does not lie below %s: nothing is removed", p.Base).On(uri)
	}
	return nil
}

// deletes are so many at a time.
const deletes = 16

// Remove removes what the plan holds, and says how much that was. What is gone
// already counts as removed.
func (p *Plan) Remove(ctx context.Context, store objstore.Store) (objects int64, err error) {
	marks, mctx := errgroup.WithContext(ctx)
	marks.SetLimit(deletes)
	for _, d := range p.dropped { // before anything of theirs is gone
		marks.Go(func() error {
			if err := d.mark(mctx, store); err != nil {
				return fmt.Errorf("clean: say that pixels are dropped: %w", err)
			}
			return nil
		})
	}
	if err := marks.Wait(); err != nil {
		return 0, err
	}
	var n atomic.Int64
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(deletes)
	try := func(uri string, remove func() error) {
		g.Go(func() error {
			if err := p.holds(uri); err != nil {
				return err
			}
			if err := remove(); err != nil {
				return fmt.Errorf("clean: %w", err)
			}
			n.Add(1)
			return nil
		})
	}
	far, _ := store.(*objstore.Mux) // where the uploads were found; other stores have none
	for _, u := range p.uploads {
		try(u.URI, func() error { return far.Discard(gctx, u) })
	}
	for _, k := range Kinds {
		for _, o := range p.objects[k] {
			try(o.URI, func() error { return store.Delete(gctx, o.URI) })
		}
	}
	if err := g.Wait(); err != nil {
		return n.Load(), err
	}
	if far == nil {
		return n.Load(), nil
	}
	for _, k := range Kinds {
		for place := range p.places[k] {
			if err := far.Prune(ctx, place); err != nil {
				return n.Load(), err
			}
		}
	}
	return n.Load(), nil
}

// FindUploads adds the uploads that were begun before a time and neither committed nor aborted.
func (p *Plan) FindUploads(ctx context.Context, store *objstore.Mux, before time.Time) error {
	return store.Unfinished(ctx, p.Base, func(u objstore.Unfinished) error {
		switch {
		case !u.Started.Before(before):
		case p.holds(u.URI) != nil: // a key such as "a//b", which no run writes
			p.kept = append(p.kept, Kept{Place: u.URI})
		default:
			p.uploads = append(p.uploads, u)
		}
		return nil
	})
}
