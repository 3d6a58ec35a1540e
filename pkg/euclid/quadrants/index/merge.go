package index

import (
	"container/heap"
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// source is a sorted sequence of rows: files one after the other, less what is hidden.
type source struct {
	files  []fileEntry
	hidden map[euclid.ExposureID]bool
}

// merge visits the rows of all sources in order, in groups of the given size
// (the last may be smaller), whose memory is used again after the visit. A row
// that comes twice is an error. Of each source it holds two row groups.
func merge(ctx context.Context, r objstore.Reader, sources []source, size int, visit func([]row) error) error {
	g, ctx := errgroup.WithContext(ctx)
	cursors := make([]*cursor, len(sources))
	for i, s := range sources {
		c := &cursor{groups: make(chan []row)}
		cursors[i] = c
		g.Go(func() error {
			defer close(c.groups)
			return s.read(ctx, r, c.groups)
		})
	}
	g.Go(func() error { return visitMerged(ctx, cursors, size, visit) })
	return g.Wait() // a source that failed looks like one that ended, but fails here
}

func visitMerged(ctx context.Context, cursors []*cursor, size int, visit func([]row) error) error {
	var front frontier
	for _, c := range cursors {
		if c.next(ctx) {
			front = append(front, c)
		}
	}
	heap.Init(&front)
	out := make([]row, 0, size)
	var last row
	for len(front) > 0 {
		c := front[0]
		now := c.rows[0]
		if last.outline != nil && last.compare(&now) == 0 {
			return fault.Data("FootprintTwice", "it was added twice").At("exposure %s, quadrant %s", now.exposure, now.name)
		}
		if len(out) == size {
			if err := visit(out); err != nil {
				return err
			}
			out = out[:0]
		}
		out, last = append(out, now), now
		if c.next(ctx) {
			heap.Fix(&front, 0)
		} else {
			heap.Pop(&front)
		}
	}
	if len(out) == 0 {
		return ctx.Err()
	}
	return visit(out)
}

// read sends the rows of a source, a row group at a time.
func (s source) read(ctx context.Context, r objstore.Reader, to chan<- []row) error {
	for _, f := range s.files {
		t, err := openTable(ctx, r, f)
		if err != nil {
			return err
		}
		for i := range t.groups {
			data, err := t.fetch(ctx, r, i, i+1)
			if err != nil {
				return err
			}
			rows, err := t.rows(data, i, i)
			if err != nil {
				return err
			}
			rows = slices.DeleteFunc(rows, func(r row) bool { return s.hidden[r.exposure] })
			if len(rows) == 0 {
				continue
			}
			select {
			case to <- rows:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// cursor is a source with its first row that was not visited.
type cursor struct {
	groups chan []row
	rows   []row
}

// next goes on by a row; false at the end.
func (c *cursor) next(ctx context.Context) bool {
	if len(c.rows) > 1 {
		c.rows = c.rows[1:]
		return true
	}
	select {
	case c.rows = <-c.groups:
	case <-ctx.Done():
		c.rows = nil
	}
	return len(c.rows) > 0
}

// frontier is a heap of cursors by their rows.
type frontier []*cursor

func (f frontier) Len() int           { return len(f) }
func (f frontier) Less(i, j int) bool { return f[i].rows[0].compare(&f[j].rows[0]) < 0 }
func (f frontier) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *frontier) Push(x any)        { *f = append(*f, x.(*cursor)) }
func (f *frontier) Pop() any {
	last := len(*f) - 1
	c := (*f)[last]
	*f = (*f)[:last]
	return c
}
