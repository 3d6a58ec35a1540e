package euclid

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// heap is what lies behind a catalogue's rows: the arrays that columns of
// variable length refer to, in any order. It is fetched whole when it is first
// asked for, so that it is one pass of the file whatever the order.
type heap struct {
	ctx  context.Context
	from objstore.Reader
	file File
	at   objstore.Range // of it in the file
	copy *os.File       // unlinked
	err  error          // of fetching it
	read int64          // so far
}

// mostSharing is how many times its size is read of a heap: sub-tiles overlap, but
// arrays that all rows share make a file of gigabytes out of one of a few.
const mostSharing, anyHeap = 16, 64 << 20

// heap of the catalogue, nil where no column refers to it.
func (c *Catalog) heap(ctx context.Context) *heap {
	if len(c.layout.variable()) == 0 {
		return nil
	}
	t := c.table
	return &heap{ctx: ctx, from: c.from, file: c.file, at: objstore.Range{Offset: t.HDU.DataOffset() + t.HeapOffset, Length: t.HeapSize}}
}

// ReadAt reads from the heap's start on.
func (h *heap) ReadAt(p []byte, off int64) (int, error) {
	if h.copy == nil && h.err == nil {
		h.err = h.fetch()
	}
	if h.err != nil {
		return 0, h.err
	}
	n, err := h.copy.ReadAt(p, off)
	if h.read += int64(n); h.read > anyHeap+mostSharing*h.at.Length {
		return n, fault.Data("CatalogHeap", "rows share their arrays: %d bytes were read of a heap of %d", h.read, h.at.Length).
			On(h.file.URI).Fix("compare the file with the archive's: where they differ copy it again, else ask who made it for one that is mended, or leave the tile out")
	}
	return n, err
}

func (h *heap) fetch() (err error) {
	if h.copy, err = scratchFile(); err != nil {
		return fmt.Errorf("hold the heap of the catalogue: %w", err)
	}
	body, err := h.from.Get(h.ctx, h.file.URI, h.file.ETag, h.at)
	if err != nil {
		return err
	}
	defer body.Close()
	if n, err := io.Copy(h.copy, body); err != nil || n != h.at.Length {
		return fmt.Errorf("read the heap of %s, %d of %d bytes: %w", h.file.URI, n, h.at.Length, err)
	}
	return nil
}

func (h *heap) close() {
	if h != nil && h.copy != nil {
		h.copy.Close()
	}
}

// scratchFile is a temporary file without a name.
func scratchFile() (*os.File, error) {
	f, err := os.CreateTemp("", "catalog-rows-*")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// variable are the columns whose arrays lie in the heap.
func (l *Layout) variable() (cols []*fits.Column) {
	for i := range l.table.Columns {
		if c := &l.table.Columns[i]; c.Element != 0 {
			cols = append(cols, c)
		}
	}
	return cols
}

// move copies the arrays of a row, which is changed, from one heap to another.
func (s *Subset) move(row []byte, from io.ReaderAt) error {
	for i, c := range s.variable {
		count, offset := c.Descriptor(row)
		if count == 0 {
			c.PutDescriptor(row, 0, 0)
			continue
		}
		const most = 1 << 40 // any more would overflow, and be no catalogue's
		if from == nil || count < 0 || offset < 0 || count > most || offset > most {
			return fault.Data("CatalogHeap", "a row's array of %d elements at byte %d of the heap can't be", count, offset).
				On(s.layout.uri).At("column %s", c.Name).Fix("compare the file with the archive's: where they differ copy it again, else ask who made it for one that is mended, or leave the tile out")
		}
		at := s.heap.size()
		size := c.ArraySize(count)
		n, err := io.Copy(&s.heap, io.NewSectionReader(from, offset, size))
		switch {
		case err != nil:
			return fmt.Errorf("copy an array of column %s: %w", c.Name, err)
		case n != size:
			return fault.Data("CatalogHeap", "a row's array of %d elements at byte %d reaches beyond the heap", count, offset).
				On(s.layout.uri).At("column %s", c.Name).Fix("compare the file with the archive's: where they differ copy it again, else ask who made it for one that is mended, or leave the tile out")
		case !c.PutDescriptor(row, count, at):
			return fault.Data("CatalogHeap", "the arrays of a sub-tile take more than 2 GiB, which %s can't refer to", c.Format).
				On(s.layout.uri).At("column %s", c.Name)
		}
		s.longest[i] = max(s.longest[i], count)
	}
	return nil
}
