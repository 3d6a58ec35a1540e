package index

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Options of writing. Zero values are the defaults, made for a survey.
type Options struct {
	// SpillRows is how many quadrants are sorted in memory at once, ~400 bytes
	// each; twice as many are held (262144).
	SpillRows int
	// FanIn is how many spills are merged at once, ~10 MB each with the garbage (128).
	FanIn int
	// FileRows and GroupRows are those of a file and of a row group (262144, 4096).
	// Larger groups make smaller footers, and queries that read more.
	FileRows, GroupRows int
}

func (o Options) withDefaults() Options {
	o.SpillRows, o.FanIn = cmp.Or(o.SpillRows, 1<<18), max(cmp.Or(o.FanIn, 128), 2)
	o.FileRows, o.GroupRows = cmp.Or(o.FileRows, 1<<18), min(cmp.Or(o.GroupRows, 1<<12), maxGroup)
	return o
}

// spillGroup is the rows of a spill's row groups: small, because many are open.
func (o Options) spillGroup() int { return min(1<<11, o.GroupRows) }

// runRatio is how many times larger than all after it together a run has to
// be to stay as it is.
const runRatio = 2

// Summary is what a dataset holds.
type Summary struct {
	Quadrants int64
	Exposures int
	Runs      int
	Files     int
	Bytes     int64 // of the files

	NotRemoved string // why indexes that were replaced long ago are still there; empty: they are not
}

func (doc *root) summary() *Summary {
	s := &Summary{Quadrants: doc.Quadrants, Exposures: doc.Exposures, Runs: len(doc.Runs)}
	for _, r := range doc.Runs {
		s.Files += len(r.Files)
		for _, f := range r.Files {
			s.Bytes += f.Size
		}
	}
	return s
}

// Fill gives quadrants to add, all of an exposure to one Fill, in any order.
type Fill func(add func([]euclid.Quadrant) error) error

// Write makes a dataset with its root document at uri of what fill adds, in
// bounded memory: what does not fit is sorted in pieces that wait in scratch, a
// directory or a prefix of the store. The same quadrants, in any order, give
// the same bytes.
func Write(ctx context.Context, s objstore.Store, uri, scratch string, opts Options, fill Fill) (*Summary, error) {
	doc := &root{}
	if err := doc.extend(ctx, s, directory(uri), scratch, opts, fill); err != nil {
		return nil, err
	}
	return doc.summary(), doc.save(ctx, s, uri)
}

// extend adds what fill adds; an exposure that is there already is replaced.
// Files go to dir.
func (doc *root) extend(ctx context.Context, store objstore.Store, dir, scratch string, opts Options, fill Fill) error {
	s := newSorter(ctx, store, scratch, opts.withDefaults())
	err := fill(s.add)
	if err == nil {
		err = s.spill()
	}
	if settled := s.settle(); err == nil {
		err = settled
	}
	s.rows, s.spare, s.slab = nil, nil, nil // the merge needs the memory
	defer func() { _ = s.discard() }()      // temporary files
	if err != nil {
		return err
	}
	if len(s.seen) > 0 {
		err = doc.hide(ctx, store, func(e euclid.ExposureID) bool { return s.seen[e] != nil })
		if err == nil {
			err = doc.add(ctx, s, dir)
		}
	}
	doc.count()
	return err
}

// add makes the sorter's rows, and those of the newest runs that are too small
// beside them, the newest run.
func (doc *root) add(ctx context.Context, s *sorter, dir string) (err error) {
	added := s.exposures()
	var size int64
	for _, e := range added {
		size += int64(e.Quadrants)
	}
	sources, kept, all, reach := s.sources(), len(doc.Runs), added, s.reach
	for ; kept > 0 && doc.Runs[kept-1].Rows < runRatio*size; kept-- {
		old := &doc.Runs[kept-1]
		hidden := old.hidden()
		sources = append(sources, source{files: old.Files, hidden: hidden})
		size, reach = size+old.Rows, max(reach, old.Reach)
		for _, e := range doc.lists[kept-1] {
			if !hidden[e.ExposureID] {
				all = append(all, e)
			}
		}
	}
	sortExposures(all)
	next := run{Reach: reach}
	if next.Files, err = writeFiles(ctx, s.store, dir, sources, s.opts); err != nil {
		return err
	}
	for _, f := range next.Files {
		next.Rows += f.Rows
	}
	if next.Exposures, err = writeList(ctx, s.store, dir, "exposures", all); err != nil {
		return err
	}
	doc.Runs = append(slices.Clip(doc.Runs[:kept]), next)
	return nil
}

// hide marks exposures in the runs as not to be seen.
func (doc *root) hide(ctx context.Context, r objstore.Reader, what func(euclid.ExposureID) bool) error {
	if err := doc.load(ctx, r); err != nil {
		return err
	}
	for i := range doc.Runs {
		run := &doc.Runs[i]
		hidden := run.hidden()
		for _, e := range doc.lists[i] {
			if !hidden[e.ExposureID] && what(e.ExposureID) {
				run.Hidden = append(run.Hidden, e)
			}
		}
		sortExposures(run.Hidden)
	}
	return nil
}

// load reads the runs' lists of exposures, once.
func (doc *root) load(ctx context.Context, r objstore.Reader) (err error) {
	for i := len(doc.lists); i < len(doc.Runs) && err == nil; i++ {
		var all []exposure
		if all, err = readList[exposure](ctx, r, doc.Runs[i].Exposures); err == nil {
			doc.lists = append(doc.lists, all)
		}
	}
	return err
}

// writeFiles merges sources into files named by their contents.
func writeFiles(ctx context.Context, store objstore.Store, dir string, sources []source, opts Options) (files []fileEntry, err error) {
	var b bytes.Buffer
	var w *writer
	var f fileEntry
	finish := func() error {
		footer, err := w.close()
		if err != nil {
			return err
		}
		f.Size, f.Footer, f.Digest = int64(b.Len()), int64(len(footer)), digest(footer)
		if f.URI, err = writeNamed(ctx, store, dir, ".parquet", b.Bytes()); err != nil {
			return err
		}
		files, f, w = append(files, f), fileEntry{}, nil
		b.Reset()
		return nil
	}
	err = merge(ctx, store, sources, opts.GroupRows, func(rows []row) (err error) {
		if w == nil {
			if w, err = newWriter(&b, compress.Codecs.Zstd); err != nil {
				return err
			}
			f.First = cellID(rows[0].cell)
		}
		f.Rows, f.Last = f.Rows+int64(len(rows)), cellID(rows[len(rows)-1].cell)
		if err := w.group(rows); err != nil {
			return err
		}
		if f.Rows >= int64(opts.FileRows) {
			return finish()
		}
		return nil
	})
	if err == nil && w != nil {
		err = finish()
	}
	return files, err
}

// writeNamed writes an object that is named by its SHA-256. One that is there
// already has the same bytes, unless it was damaged, and is young again.
func writeNamed(ctx context.Context, s objstore.Store, dir, suffix string, data []byte) (string, error) {
	uri := dir + fmt.Sprintf("%x", sha256.Sum256(data)) + suffix
	_, err := objstore.WriteFile(ctx, s, uri, data)
	return uri, err
}
