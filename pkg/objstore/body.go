package objstore

import (
	"context"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
)

const (
	// maxResumes without resumeProgress bytes between them; then the break is the caller's.
	maxResumes     = 5
	resumeProgress = 1 << 20
)

// part is one answer: a body of exactly size bytes of the object with that ETag.
type part struct {
	body io.ReadCloser
	etag string
	size int64
}

// body is an object's bytes across broken connections. When one breaks, ends
// early or stalls ([patientBody]), the rest is asked for again, pinned to the
// same ETag.
type body struct {
	ctx  context.Context
	uri  string
	more func(context.Context, Range) (part, error)

	mu       sync.Mutex // Close may come while Read waits
	part     part
	closed   bool
	at, left int64
	resumes  int   // since the last progress
	since    int64 // bytes since the last resume
	err      error
}

func newBody(ctx context.Context, uri string, first part, offset int64, more func(context.Context, Range) (part, error)) *body {
	return &body{ctx: ctx, uri: uri, more: more, part: first, at: offset, left: first.size}
}

func (b *body) Read(p []byte) (int, error) {
	for b.err == nil && b.left > 0 {
		n, err := b.part.body.Read(p[:min(int64(len(p)), b.left)])
		b.at, b.left, b.since = b.at+int64(n), b.left-int64(n), b.since+int64(n)
		if b.since >= resumeProgress {
			b.resumes = 0
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
		if err != nil {
			b.err = b.resume(err)
		}
	}
	if b.err != nil {
		return 0, b.err
	}
	return 0, io.EOF
}

// resume asks for the rest after a break.
func (b *body) resume(broken error) error {
	b.part.body.Close()
	if b.isClosed() {
		return fs.ErrClosed
	}
	if broken == io.EOF {
		broken = io.ErrUnexpectedEOF
	}
	if err := stopped(b.ctx, "read", b.uri); err != nil {
		return err
	}
	if b.resumes++; b.resumes > maxResumes {
		return fault.Passing(ConnectionLost, "read: the connection broke %d times: %w", b.resumes, broken).On(b.uri).At("byte %d", b.at)
	}
	b.since = 0
	if err := pause(b.ctx, b.resumes); err != nil {
		return stopped(b.ctx, "read", b.uri)
	}
	next, err := b.more(b.ctx, Range{b.at, b.left})
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.part = next
	if b.closed {
		b.part.body.Close()
	}
	return nil
}

// pause waits before the n-th resume: 50 ms, twice as long each time, less a random part.
func pause(ctx context.Context, n int) error {
	d := 50 * time.Millisecond << (n - 1)
	t := time.NewTimer(d/2 + rand.N(d/2))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *body) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	return b.part.body.Close()
}

// ranged is a store that is asked by HTTP for an object's size, and for parts of it.
type ranged interface {
	stat(ctx context.Context, uri, etag string) (Info, error)
	get(ctx context.Context, uri, etag string, r Range) (part, error)
}

// getRange is Get of such a store: what breaks off goes on, from the same object.
func getRange(ctx context.Context, s ranged, uri, etag string, r Range) (io.ReadCloser, error) {
	if r.Offset < 0 {
		return nil, fault.New(fault.Bug, "NegativeOffset", "range at the negative offset %d", r.Offset).On(uri)
	}
	if r.Length == 0 { // HTTP has no empty range
		info, err := s.stat(ctx, uri, etag)
		if err == nil {
			_, err = r.within(uri, info.Size)
		}
		return http.NoBody, err
	}
	first, err := s.get(ctx, uri, etag, r)
	if err != nil {
		return nil, err
	}
	return newBody(ctx, uri, first, r.Offset, func(ctx context.Context, rest Range) (part, error) {
		return s.get(ctx, uri, first.etag, rest)
	}), nil
}
