package extract

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
)

const (
	// bufferSize is what one read of a source takes at most; an HDU's header must fit into it.
	bufferSize = 1 << 20
	// primaryWindow holds the primary HDU of a VIS file (17 kB) and what package
	// fits reads ahead, so that it costs one request.
	primaryWindow = 16 * fits.Block
	// maxPrimary bounds a primary HDU; those of VIS files have no data.
	maxPrimary = 8 << 20
	// commits are so many at a time: each may wait for its store.
	commits = 16
)

// copy brings one source file's HDUs to every product that needs them.
func (job Job) copy(ctx context.Context, t *transfer) error {
	if err := job.stream(ctx, t); err != nil {
		return fmt.Errorf("copy %s: %w", t.purpose, err)
	}
	return nil
}

// stream reads the file from front to back. A product is open from its first
// piece to its last only: sub-tiles lie in bands across the focal plane, as the
// file does, so that only some are open at a time.
func (job Job) stream(ctx context.Context, t *transfer) (err error) {
	primary, err := job.primary(ctx, t)
	if err != nil {
		return err
	}
	c := &copying{job: job, transfer: t, primary: primary, buffer: make([]byte, bufferSize), left: map[*product]int{}}
	for _, piece := range t.pieces {
		for _, p := range piece.to {
			c.left[p]++
		}
	}
	var gctx context.Context
	c.commits, gctx = errgroup.WithContext(ctx)
	c.commits.SetLimit(commits)
	for run := range runs(t.pieces) {
		if err = c.copyRun(gctx, run); err != nil {
			break
		}
	}
	// A commit that failed is why the rest was cancelled, not the other way round.
	err = cmp.Or(c.commits.Wait(), err)
	for _, p := range t.products {
		p.abort()
	}
	return err
}

// copying is a transfer under way.
type copying struct {
	job Job
	*transfer
	primary []byte
	buffer  []byte
	left    map[*product]int // pieces to come
	commits *errgroup.Group
}

// primary reads the file's primary HDU, header and data.
func (job Job) primary(ctx context.Context, t *transfer) ([]byte, error) {
	info := objstore.Info{URI: t.file.URI, Size: t.file.Size, ETag: t.file.ETag}
	counted := &countingReaderAt{r: objstore.ReaderAt(ctx, job.Source, info)}
	at := objstore.Window(counted, t.file.Size, primaryWindow)
	var raw []byte
	err := fits.Scan(at, t.file.Size, func(h *fits.HDU) (bool, error) {
		switch {
		case h.Length() > maxPrimary:
			return false, fault.Data("PrimaryTooLarge", "a primary HDU of %d bytes is not that of a VIS file", h.Length()).At("HDU 0")
		case h.End() > t.pieces[0].Offset:
			return false, staleError("HDU %s is said to start at byte %d, within the primary HDU", t.pieces[0].names[0], t.pieces[0].Offset)
		}
		raw = make([]byte, h.Length())
		_, err := at.ReadAt(raw, 0)
		if errors.Is(err, io.EOF) && h.Length() == t.file.Size {
			err = nil
		}
		return false, err
	})
	t.headers += counted.n
	return raw, on(t.file.URI, err)
}

// runs are the longest sequences of pieces without a gap between them.
func runs(pieces []*piece) func(yield func([]*piece) bool) {
	return func(yield func([]*piece) bool) {
		for len(pieces) > 0 {
			n := 1
			for n < len(pieces) && pieces[n-1].Offset+pieces[n-1].Length == pieces[n].Offset {
				n++
			}
			if !yield(pieces[:n]) {
				return
			}
			pieces = pieces[n:]
		}
	}
}

// copyRun reads a run with one request.
func (c *copying) copyRun(ctx context.Context, run []*piece) error {
	first, last := run[0], run[len(run)-1]
	span := objstore.Range{Offset: first.Offset, Length: last.Offset + last.Length - first.Offset}
	body, err := c.job.Source.Get(ctx, c.file.URI, c.file.ETag, span)
	if err != nil {
		return err
	}
	defer body.Close()
	for _, p := range run {
		if err := c.copyPiece(ctx, p, body); err != nil {
			return err
		}
	}
	return nil
}

// copyPiece copies one piece to its products, which it opens and commits as they need.
func (c *copying) copyPiece(ctx context.Context, p *piece, body io.Reader) error {
	for left := p.Length; left > 0; {
		chunk := c.buffer[:min(int64(len(c.buffer)), left)]
		n, err := io.ReadFull(body, chunk)
		c.read += int64(n)
		if err != nil {
			return c.short(p, p.Length-left+int64(n), err)
		}
		if left == p.Length {
			if err := p.verify(chunk); err != nil {
				return err.On(c.file.URI)
			}
			if err := c.open(ctx, p.to); err != nil {
				return err
			}
		}
		for _, to := range p.to {
			if _, err := to.Write(chunk); err != nil {
				return err
			}
		}
		left -= int64(n)
	}
	for _, to := range p.to {
		if c.left[to]--; c.left[to] == 0 {
			c.commits.Go(to.commit)
		}
	}
	return nil
}

// open opens those that aren't, and begins them with the primary HDU.
func (c *copying) open(ctx context.Context, ps []*product) error {
	for _, p := range ps {
		if p.upload != nil {
			continue
		}
		if err := p.open(ctx, c.job.Dest); err != nil {
			return err
		}
		if _, err := p.Write(c.primary); err != nil {
			return err
		}
	}
	return nil
}

// short classifies a body that ended early, where its store didn't.
func (t *transfer) short(p *piece, n int64, err error) error {
	if fault.KindOf(err) != fault.Unclassified || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fault.Data("SourceTruncated", "the data end after %d of %d bytes: %w", n, p.Length, err).
		On(t.file.URI).At("HDU %s", p.names[0]).Fix("check the delivery of the file, and index again")
}

// verify holds the start of an HDU to the name that it should have.
func (p *piece) verify(start []byte) *fault.Error {
	wrong := func(format string, a ...any) *fault.Error {
		return staleError(format, a...).At("HDU %s at byte %d", p.names[0], p.Offset)
	}
	if !bytes.HasPrefix(start, []byte("XTENSION=")) {
		return wrong("no extension starts here")
	}
	header, err := fits.ParseHeader(start)
	if err != nil {
		return wrong("no header here: %w", err)
	}
	if name, err := header.Text("EXTNAME"); err != nil || !slices.Contains(p.names, name) {
		return wrong("EXTNAME is %q", name)
	}
	return nil
}

// on names the object of an error that names none.
func on(uri string, err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) && f.Object != "" {
		return err
	}
	if f == nil {
		return fmt.Errorf("%s: %w", uri, err)
	}
	g := *f
	return g.On(uri)
}

type countingReaderAt struct {
	r io.ReaderAt
	n int64
}

func (c *countingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}
