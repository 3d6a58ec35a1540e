package index

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

const (
	// keep is how long a dataset stays after a later one was made beside it:
	// longer than any execution runs that was given it.
	keep = 30 * 24 * time.Hour
	// looks bounds the earlier datasets that are considered.
	looks = 4
	// mostHidden is the part of the exposures, 1 in so many, that may be hidden:
	// a root document names them all, and everybody reads it.
	mostHidden = 16
	// readsOfRoots bounds the root documents that are read together.
	readsOfRoots = 8
)

// Batch is some exposures whose quadrants come together: all exposures of the
// survey from First to Last. Batches with the same ID have the same quadrants.
type Batch struct {
	ID          string
	First, Last euclid.ExposureID
}

// Update makes a dataset of batches, which are in order, with its root document
// at uri. In the directory dir it finds those that were made before, goes on from
// the one that has most of the batches, and has fill give the quadrants of the
// others alone. Queries have the same answers as of a dataset that is written
// anew; the files are others. One that can't be read, that lacks a file or that
// has too much that is gone is left alone. Kept is how many batches an earlier
// dataset had.
//
// All files go to dir, which any number of writers may share: nothing in it
// changes once it is written. What no dataset needs that is the newest, or was
// within the last 30 days, Update removes.
func Update(ctx context.Context, s objstore.Store, dir, uri, scratch string, opts Options, batches []Batch, fill func(batches []int) Fill) (sum *Summary, kept int, err error) {
	dir = strings.TrimRight(dir, "/") + "/"
	h, err := openHistory(ctx, s, dir)
	if err != nil {
		return nil, 0, err
	}
	doc, known, err := h.best(ctx, batches)
	if err != nil {
		return nil, 0, err
	}
	missing, err := doc.keepOnly(ctx, s, known, batches)
	anew := func() { doc, missing = &root{}, every(len(batches)) }
	if err == nil && doc.crowded() || distrusted(err) {
		anew()
	} else if err != nil {
		return nil, 0, err
	}
	if err = doc.extend(ctx, s, dir, scratch, opts, fill(missing)); distrusted(err) && len(missing) < len(batches) {
		anew()
		err = doc.extend(ctx, s, dir, scratch, opts, fill(missing))
	}
	if err != nil {
		return nil, 0, err
	}
	ids := make([]string, len(batches))
	for i, b := range batches {
		ids[i] = b.ID
	}
	if doc.Batches, err = writeList(ctx, s, dir, "batches", ids); err != nil {
		return nil, 0, err
	}
	mine, err := doc.encode(dir + rootSuffix)
	if err != nil {
		return nil, 0, err
	}
	made, err := writeNamed(ctx, s, dir, rootSuffix, mine)
	if err == nil {
		err = doc.save(ctx, s, uri)
	}
	if err != nil {
		return nil, 0, err
	}
	sum = doc.summary()
	if err := h.clean(ctx, made); ctx.Err() != nil {
		return nil, 0, err
	} else if err != nil {
		sum.NotRemoved = err.Error() // the index is right all the same
	}
	return sum, len(batches) - len(missing), nil
}

// keepOnly hides all exposures but those of the batches that are known, and
// returns the others.
func (doc *root) keepOnly(ctx context.Context, r objstore.Reader, known map[string]bool, batches []Batch) (others []int, err error) {
	var kept []Batch
	for i, b := range batches {
		if known[b.ID] {
			kept = append(kept, b)
		} else {
			others = append(others, i)
		}
	}
	return others, doc.hide(ctx, r, func(e euclid.ExposureID) bool {
		i, _ := slices.BinarySearchFunc(kept, e, func(b Batch, e euclid.ExposureID) int { return b.Last.Compare(e) })
		return i == len(kept) || kept[i].First.Compare(e) > 0
	})
}

func every(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// crowded says whether too much is hidden.
func (doc *root) crowded() bool {
	hidden := 0
	for _, r := range doc.Runs {
		hidden += len(r.Hidden)
	}
	return hidden*mostHidden > doc.Exposures
}

// distrusted says whether an error is about a dataset as it lies there.
func distrusted(err error) bool {
	switch fault.CodeOf(err) {
	case CodeCorrupt, objstore.NotFound, objstore.Truncated:
		return true
	}
	return false
}

const rootSuffix = ".json"

// ours are the names of what lies in a shared directory, by hash.
var ours = regexp.MustCompile(`^[0-9a-f]{64}\.(?:parquet|(?:exposures|batches)\.json\.gz|json)$`)

// history is what lies in a shared directory.
type history struct {
	store   objstore.Store
	objects map[string]objstore.Info // by URI
	roots   []past                   // the newest first
}

// past is a root document.
type past struct {
	uri      string
	replaced time.Time // when the next one was made; zero for the newest
}

func openHistory(ctx context.Context, s objstore.Store, dir string) (*history, error) {
	h := &history{store: s, objects: map[string]objstore.Info{}}
	var roots []objstore.Info
	err := s.List(ctx, dir, func(o objstore.Info) error {
		if name := strings.TrimPrefix(o.URI, dir); ours.MatchString(name) {
			h.objects[o.URI] = o
			if strings.HasSuffix(name, rootSuffix) {
				roots = append(roots, o)
			}
		}
		return nil
	})
	if err != nil && !objstore.IsNotFound(err) {
		return nil, fmt.Errorf("look for earlier indexes: %w", err)
	}
	slices.SortFunc(roots, func(a, b objstore.Info) int {
		return cmp.Or(b.Modified.Compare(a.Modified), cmp.Compare(a.URI, b.URI))
	})
	for i, r := range roots {
		p := past{uri: r.URI}
		if i > 0 {
			p.replaced = roots[i-1].Modified
		}
		h.roots = append(h.roots, p)
	}
	return h, nil
}

// best finds the dataset that has most of the batches, and all of its own files,
// and says which batches it is made of. One that may be removed while somebody
// goes on from it is not among them. The empty one is the last choice.
func (h *history) best(ctx context.Context, batches []Batch) (doc *root, known map[string]bool, err error) {
	doc = &root{}
	most := 0
	for _, p := range h.roots[:min(len(h.roots), looks)] {
		if !p.replaced.IsZero() && time.Since(p.replaced) > keep/2 {
			continue
		}
		earlier, ids, err := h.read(ctx, p.uri)
		switch {
		case err != nil && (distrusted(err) || fault.KindOf(err) == fault.BadData):
			continue
		case err != nil:
			return nil, nil, err
		}
		had, both := make(map[string]bool, len(ids)), 0
		for _, id := range ids {
			had[id] = true
		}
		for _, b := range batches {
			if had[b.ID] {
				both++
			}
		}
		if both > most {
			doc, known, most = earlier, had, both
		}
		if most*mostHidden > len(batches)*(mostHidden-1) {
			break // others can't have many more
		}
	}
	return doc, known, nil
}

// read reads a root document and its batches' ids. A file that is not there, or
// has another size, is an error.
func (h *history) read(ctx context.Context, uri string) (*root, []string, error) {
	doc, err := loadRoot(ctx, h.store, uri)
	if err != nil {
		return nil, nil, err
	}
	for file, size := range doc.needs() {
		if o, there := h.objects[file]; !there || o.Size != size {
			return nil, nil, corrupt("it has %d bytes, not %d", o.Size, size).On(file)
		}
	}
	ids, err := readList[string](ctx, h.store, doc.Batches)
	return doc, ids, err
}

// needs is what a root document refers to, by URI, with sizes.
func (doc *root) needs() map[string]int64 {
	all := map[string]int64{doc.Batches.URI: doc.Batches.Size}
	for _, r := range doc.Runs {
		all[r.Exposures.URI] = r.Exposures.Size
		for _, f := range r.Files {
			all[f.URI] = f.Size
		}
	}
	return all
}

// clean removes the root documents that were replaced long ago, and the files
// that are as old and that no other refers to. As long as one can't be read,
// nobody knows which these are: all stay.
func (h *history) clean(ctx context.Context, made string) error {
	old := func(t time.Time) bool { return !t.IsZero() && time.Since(t) > keep }
	out, stay := map[string]bool{}, []string{made}
	for _, p := range h.roots {
		switch {
		case p.uri == made:
		case old(p.replaced):
			out[p.uri] = true
		default:
			stay = append(stay, p.uri)
		}
	}
	if len(out) == 0 {
		return nil
	}
	needed := make([]map[string]int64, len(stay))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readsOfRoots)
	for i, uri := range stay {
		g.Go(func() error {
			doc, err := loadRoot(gctx, h.store, uri)
			if err == nil {
				needed[i] = doc.needs()
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		if distrusted(err) || fault.KindOf(err) == fault.BadData {
			return nil
		}
		return fmt.Errorf("remove old indexes: %w", err)
	}
	for uri, o := range h.objects {
		used := slices.ContainsFunc(needed, func(n map[string]int64) bool { _, in := n[uri]; return in })
		if !used && old(o.Modified) && !strings.HasSuffix(uri, rootSuffix) {
			out[uri] = true
		}
	}
	for _, uri := range slices.SortedFunc(maps.Keys(out), rootsFirst) {
		if err := h.store.Delete(ctx, uri); err != nil {
			return fmt.Errorf("remove old indexes: %w", err)
		}
	}
	return nil
}

// rootsFirst orders what is removed: nothing refers to what is gone.
func rootsFirst(a, b string) int {
	first := func(uri string) int {
		if strings.HasSuffix(uri, rootSuffix) {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(first(a), first(b)), strings.Compare(a, b))
}
