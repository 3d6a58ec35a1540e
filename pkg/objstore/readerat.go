package objstore

import (
	"context"
	"io"
	"sync"

	"github.com/cosmostat/constellation/pkg/fault"
)

// ReaderAt reads an object by ranges: one ranged Get per ReadAt, pinned to
// info.ETag, so that a replaced object is an error and never a mixture. It may
// be used from several goroutines.
func ReaderAt(ctx context.Context, r Reader, info Info) io.ReaderAt {
	return &rangeReader{ctx, r, info}
}

type rangeReader struct {
	ctx  context.Context
	r    Reader
	info Info
}

func (a *rangeReader) ReadAt(p []byte, off int64) (int, error) {
	return clipped(p, off, a.info.Size, a.info.URI, func(p []byte) (int, error) {
		body, err := a.r.Get(a.ctx, a.info.URI, a.info.ETag, Range{off, int64(len(p))})
		if err != nil {
			return 0, err
		}
		defer body.Close()
		return io.ReadFull(body, p)
	})
}

// Window reads r, an object of the given size, through one window of bytes
// that starts where the last miss did: for walking the headers of a file, where
// each step forward is short or jumps over data. Reads of a window or more go
// straight to r. It may be used from several goroutines, which take turns.
func Window(r io.ReaderAt, size, window int64) io.ReaderAt {
	return &windowReader{r: r, size: size, window: max(window, 1)}
}

type windowReader struct {
	r            io.ReaderAt
	size, window int64

	mu     sync.Mutex
	offset int64
	data   []byte
}

func (w *windowReader) ReadAt(p []byte, off int64) (int, error) {
	return clipped(p, off, w.size, "", func(p []byte) (int, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		n := 0
		for n < len(p) {
			at := off + int64(n)
			if i := at - w.offset; i >= 0 && i < int64(len(w.data)) {
				n += copy(p[n:], w.data[i:])
				continue
			}
			if rest := p[n:]; int64(len(rest)) >= w.window {
				m, err := w.r.ReadAt(rest, at)
				return n + m, unlessFull(m, len(rest), err)
			}
			if err := w.load(at); err != nil {
				return n, err
			}
		}
		return n, nil
	})
}

func (w *windowReader) load(at int64) error {
	want := int(min(w.window, w.size-at))
	if cap(w.data) < want {
		w.data = make([]byte, want)
	}
	w.offset, w.data = at, w.data[:want]
	n, err := w.r.ReadAt(w.data, at)
	if err = unlessFull(n, want, err); err != nil {
		w.data = w.data[:0]
	}
	return err
}

// clipped holds a read to io.ReaderAt's rules at the end of the object, so
// that read itself is only asked for bytes that should be there.
func clipped(p []byte, off, size int64, uri string, read func([]byte) (int, error)) (int, error) {
	switch {
	case off < 0:
		return 0, fault.New(fault.Bug, "NegativeOffset", "read at the negative offset %d", off).On(uri)
	case len(p) == 0:
		return 0, nil
	case off >= size:
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > size-off {
		p, end = p[:size-off], io.EOF
	}
	n, err := read(p)
	if err = unlessFull(n, len(p), err); err != nil {
		return n, err
	}
	return n, end
}

// unlessFull forgives an error that came with all the bytes, as io.ReaderAt
// may give io.EOF, and turns an io.EOF that came with fewer into an unexpected one.
func unlessFull(n, want int, err error) error {
	switch {
	case n == want:
		return nil
	case err == nil || err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}
