package extract

import (
	"bytes"
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

func (job Job) stream(ctx context.Context, t *transfer) error {
	primary, err := job.primary(ctx, t)
	if err != nil {
		return err
	}
	for _, p := range t.products {
		if err := p.open(ctx, job.Dest); err != nil {
			return err
		}
		defer p.abort()
		if _, err := p.Write(primary); err != nil {
			return err
		}
	}
	buffer := make([]byte, bufferSize)
	for run := range runs(t.pieces) {
		if err := job.streamRun(ctx, t, run, buffer); err != nil {
			return err
		}
	}
	var g errgroup.Group
	g.SetLimit(commits)
	for _, p := range t.products {
		g.Go(p.commit)
	}
	return g.Wait()
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

// streamRun reads a run with one request.
func (job Job) streamRun(ctx context.Context, t *transfer, run []*piece, buffer []byte) error {
	first, last := run[0], run[len(run)-1]
	span := objstore.Range{Offset: first.Offset, Length: last.Offset + last.Length - first.Offset}
	body, err := job.Source.Get(ctx, t.file.URI, t.file.ETag, span)
	if err != nil {
		return err
	}
	defer body.Close()
	for _, p := range run {
		if err := t.stream(p, body, buffer); err != nil {
			return err
		}
	}
	return nil
}

// stream copies one piece.
func (t *transfer) stream(p *piece, body io.Reader, buffer []byte) error {
	for left := p.Length; left > 0; {
		chunk := buffer[:min(int64(len(buffer)), left)]
		n, err := io.ReadFull(body, chunk)
		t.read += int64(n)
		if err != nil {
			return t.short(p, p.Length-left+int64(n), err)
		}
		if left == p.Length {
			if err := p.verify(chunk); err != nil {
				return err.On(t.file.URI)
			}
		}
		for _, to := range p.to {
			if _, err := to.Write(chunk); err != nil {
				return err
			}
		}
		left -= int64(n)
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
