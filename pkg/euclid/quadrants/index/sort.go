package index

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// sorter takes quadrants in any order, and spills sorted pieces of bounded size.
type sorter struct {
	ctx     context.Context
	store   objstore.Store
	scratch string // prefix
	opts    Options

	rows  []row
	slab  []int32 // where the next outlines go
	reach float64
	seen  map[euclid.ExposureID]*exposure // its strings are those of the rows
	words map[string]string               // one string for all equal ones

	spills  []fileEntry
	made    int
	pending *errgroup.Group // the spill that is being written
	spilled fileEntry       // what it makes
	spare   []row           // and what it made it of
}

// slabSize is how many coordinates are allocated together.
const slabSize = 1 << 16

func newSorter(ctx context.Context, s objstore.Store, scratch string, opts Options) *sorter {
	return &sorter{ctx: ctx, store: s, scratch: scratch, opts: opts, seen: map[euclid.ExposureID]*exposure{}, words: map[string]string{}}
}

// add takes quadrants.
func (s *sorter) add(qs []euclid.Quadrant) error {
	for i := range qs {
		if need := 2 * len(qs[i].Outline); cap(s.slab)-len(s.slab) < need {
			s.slab = make([]int32, 0, max(slabSize, need))
		}
		r, reach, slab, err := newRow(&qs[i], s.slab)
		if err != nil {
			return err
		}
		e, ok := s.seen[r.exposure]
		if !ok {
			e = &exposure{ExposureID: r.exposure}
			s.seen[r.exposure] = e
		}
		e.Quadrants++
		r.exposure, r.name = e.ExposureID, s.word(r.name)
		s.rows, s.slab, s.reach = append(s.rows, r), slab, max(s.reach, reach)
		if len(s.rows) == s.opts.SpillRows {
			if err := s.spill(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sorter) word(w string) string {
	if same, known := s.words[w]; known {
		return same
	}
	s.words[w] = w
	return w
}

// spill hands the rows to a goroutine that sorts and writes them, once the one before is done.
func (s *sorter) spill() error {
	if err := s.settle(); err != nil || len(s.rows) == 0 {
		return err
	}
	if len(s.spills) >= s.opts.FanIn { // one of many
		if err := s.fold(); err != nil {
			return err
		}
	}
	rows, uri := s.rows, s.next()
	s.rows, s.spare = s.spare[:0], rows
	s.pending = &errgroup.Group{}
	s.pending.Go(func() (err error) {
		slices.SortFunc(rows, func(a, b row) int { return a.compare(&b) })
		s.spilled, err = s.write(uri, func(group func([]row) error) error {
			for piece := range slices.Chunk(rows, s.opts.spillGroup()) {
				if err := group(piece); err != nil {
					return err
				}
			}
			return nil
		})
		return err
	})
	return nil
}

// settle waits for the spill that is being written.
func (s *sorter) settle() error {
	if s.pending == nil {
		return nil
	}
	err := s.pending.Wait()
	s.pending = nil
	if err == nil {
		s.spills = append(s.spills, s.spilled)
	}
	return err
}

func (s *sorter) next() string {
	s.made++
	return objstore.Join(s.scratch, fmt.Sprintf("spill-%05d.parquet", s.made))
}

// fold merges all spills into one.
func (s *sorter) fold() error {
	one, err := s.write(s.next(), func(group func([]row) error) error {
		return merge(s.ctx, s.store, s.sources(), s.opts.spillGroup(), group)
	})
	if err != nil {
		return err
	}
	if err := s.discard(); err != nil {
		return err
	}
	s.spills = []fileEntry{one}
	return nil
}

// sources are the spills, each as a sorted run.
func (s *sorter) sources() []source {
	var all []source
	for _, f := range s.spills {
		all = append(all, source{files: []fileEntry{f}})
	}
	return all
}

// discard deletes the spills.
func (s *sorter) discard() error {
	for _, f := range s.spills {
		if err := s.store.Delete(s.ctx, f.URI); err != nil {
			return err
		}
	}
	s.spills = nil
	return nil
}

// exposures are those that were added, in order.
func (s *sorter) exposures() []exposure {
	all := make([]exposure, 0, len(s.seen))
	for _, e := range s.seen {
		all = append(all, *e)
	}
	sortExposures(all)
	return all
}

func sortExposures(all []exposure) {
	slices.SortFunc(all, func(a, b exposure) int { return a.Compare(b.ExposureID) })
}

// write streams one spill to the store.
func (s *sorter) write(uri string, fill func(group func([]row) error) error) (f fileEntry, err error) {
	up, err := s.store.Create(s.ctx, uri)
	if err != nil {
		return f, err
	}
	defer up.Abort()
	w, err := newWriter(up, compress.Codecs.Snappy)
	if err != nil {
		return f, err
	}
	if err := fill(w.group); err != nil {
		return f, err
	}
	footer, err := w.close()
	if err != nil {
		return f, err
	}
	_, err = up.Commit()
	return fileEntry{URI: uri, Size: w.sink.n, Footer: int64(len(footer)), Digest: digest(footer)}, err
}
