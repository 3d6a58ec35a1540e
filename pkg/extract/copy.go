package extract

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

const (
	// maxHeader is what the header of an HDU may have: it is in the first chunk of it.
	maxHeader = objstore.ChunkSize
	// primaryWindow holds the primary HDU of a VIS file (17 kB) and what package
	// fits reads ahead, so that it costs one request.
	primaryWindow = 16 * fits.Block
	// maxPrimary bounds a primary HDU; those of VIS files have no data.
	maxPrimary = 8 << 20
	// commits are so many at a time: each may wait for its store.
	commits = 16
	// lookUps are so many headers that are read at a time.
	lookUps = 64
	// headerWindow holds the header of an HDU of a VIS file (8.6 kB).
	headerWindow = 4 * fits.Block
)

// copy brings one source file's HDUs to every product that needs them. Where
// they are not what the index took them to be, which has not read all of their
// headers, they are looked up.
func (job Job) copy(ctx context.Context, c *copies, t *transfer) error {
	if t.file.Gzipped() {
		job.Source = job.unpacked
	}
	done, err := job.resume(ctx, t)
	if err == nil && !done {
		err = job.bring(ctx, c, t)
	}
	if fault.CodeOf(err) == codeStale {
		if err = job.lookUp(ctx, t, err); err == nil {
			err = t.ownFault(job.bring(ctx, c, t))
		}
	}
	if err == nil && !done && len(t.unverified) == 0 { // which the next attempt has to say, too
		err = job.remember(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", t.purpose, err)
	}
	return nil
}

// bring has the store copy what it can, and streams the rest.
func (job Job) bring(ctx context.Context, c *copies, t *transfer) error {
	rest := t.products
	if job.Copy != settings.CopyStream && !t.file.Gzipped() { // the store doesn't unpack
		var err error
		if rest, err = job.assemble(ctx, c, t); err != nil {
			return err
		}
	}
	return job.stream(ctx, t, rest)
}

// stream reads the file from front to back. A product is open from its first
// piece to its last only: sub-tiles lie in bands across the focal plane, as the
// file does, so that only some are open at a time.
func (job Job) stream(ctx context.Context, t *transfer, products []*product) (err error) {
	pieces := t.piecesOf(products...)
	if len(pieces) == 0 {
		return nil
	}
	primary, err := job.primary(ctx, t)
	if err != nil {
		return err
	}
	c := &copying{job: job, transfer: t, primary: primary, left: map[*product]int{}}
	for _, piece := range pieces {
		for _, p := range piece.to {
			c.left[p]++
		}
	}
	var gctx context.Context
	c.commits, gctx = errgroup.WithContext(ctx)
	c.commits.SetLimit(commits)
	for run := range runs(pieces) {
		if err = c.copyRun(gctx, run); err != nil {
			break
		}
	}
	// A commit that failed is why the rest was cancelled, not the other way round.
	err = cmp.Or(c.commits.Wait(), err)
	for _, p := range products {
		p.abort()
	}
	return err
}

// piecesOf are the file's pieces as far as they go to some products.
func (t *transfer) piecesOf(products ...*product) []*piece {
	var some []*piece
	for _, p := range t.pieces {
		to := slices.DeleteFunc(slices.Clone(p.to), func(pr *product) bool { return !slices.Contains(products, pr) })
		if len(to) > 0 {
			one := *p
			one.to = to
			some = append(some, &one)
		}
	}
	return some
}

func readerOf(ctx context.Context, from objstore.Reader, f euclid.File) io.ReaderAt {
	return objstore.ReaderAt(ctx, from, objstore.Info{URI: f.URI, Size: f.Size, ETag: f.ETag})
}

// copying is a transfer under way.
type copying struct {
	job Job
	*transfer
	primary []byte
	left    map[*product]int // pieces to come
	commits *errgroup.Group
}

// primary reads the file's primary HDU, header and data.
func (job Job) primary(ctx context.Context, t *transfer) ([]byte, error) {
	counted := &countingReaderAt{r: readerOf(ctx, job.Source, t.file)}
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
	t.headers += counted.n.Load()
	return raw, bad(t.file.URI, err)
}

// runs are the longest sequences of pieces without a gap in any of their files.
func runs(pieces []*piece) func(yield func([]*piece) bool) {
	return func(yield func([]*piece) bool) {
		for len(pieces) > 0 {
			ends := map[string]int64{}
			n := 0
			for n < len(pieces) {
				p := pieces[n]
				if end, ok := ends[p.file.URI]; ok && end != p.Offset {
					break
				}
				ends[p.file.URI] = p.Offset + p.Length
				n++
			}
			if !yield(pieces[:n]) {
				return
			}
			pieces = pieces[n:]
		}
	}
}

// copyRun reads a run with one request for each of its files. Of several, the one
// is read while the others wait: each is ahead by nothing but what is on its way.
func (c *copying) copyRun(ctx context.Context, run []*piece) error {
	bodies := map[string]io.ReadCloser{}
	shut := func() {
		for _, body := range bodies {
			body.Close()
		}
	}
	defer shut()
	for _, p := range run {
		if bodies[p.file.URI] == nil {
			body, err := c.body(ctx, p.file, run)
			if err != nil {
				return err
			}
			bodies[p.file.URI] = body
		}
	}
	for len(run) > 0 {
		n := len(run)
		if len(bodies) > 1 {
			n = 1
		}
		reads := readAhead(ctx, bodies[run[0].file.URI], run[:n])
		for _, p := range run[:n] {
			if err := c.copyPiece(ctx, p, reads); err != nil {
				shut() // which ends a read that still waits
				reads.stop()
				return err
			}
		}
		reads.stop()
		run = run[n:]
	}
	return nil
}

// body is what a run needs of a file.
func (c *copying) body(ctx context.Context, f euclid.File, run []*piece) (io.ReadCloser, error) {
	own := slices.DeleteFunc(slices.Clone(run), func(p *piece) bool { return p.file.URI != f.URI })
	first, last := own[0], own[len(own)-1]
	end := last.Offset + last.Length
	span := objstore.Range{Offset: first.Offset, Length: min(end, f.Size) - first.Offset}
	body, err := c.job.Source.Get(ctx, f.URI, f.ETag, span)
	if err != nil {
		return nil, err
	}
	if lacks := end - f.Size; lacks > 0 { // the file's last block is not filled: the copy's is
		body = padded{io.MultiReader(body, bytes.NewReader(make([]byte, lacks))), body}
	}
	return body, nil
}

// padded is a body with what its last block lacks.
type padded struct {
	io.Reader
	io.Closer
}

// copyPiece copies one piece to its products, which it opens and commits as they
// need, and holds it to its checksums.
func (c *copying) copyPiece(ctx context.Context, p *piece, body *ahead) error {
	s := sink{piece: p, left: p.Length}
	for s.left > 0 {
		chunk, err := body.next()
		if chunk == nil {
			return cmp.Or(err, io.ErrUnexpectedEOF)
		}
		err = c.take(ctx, &s, chunk, err)
		chunk.Release()
		if err != nil {
			return err
		}
	}
	if s.check != nil {
		if err := c.verified(p.file.URI, s.check.Close(), c.job.Unverified); err != nil {
			return err
		}
	}
	for _, to := range p.to {
		if c.left[to]--; c.left[to] == 0 {
			c.commits.Go(to.commit)
		}
	}
	return nil
}

// sink is a piece under way.
type sink struct {
	*piece
	left  int64       // bytes to come
	check *fits.Check // nil where the HDU has no checksums
}

// take is given the next chunk, and what stopped its reading.
func (c *copying) take(ctx context.Context, s *sink, chunk *objstore.Chunk, err error) error {
	bytes := chunk.Bytes()
	first := s.left == s.Length
	s.left -= int64(len(bytes))
	c.read += int64(len(bytes))
	c.moved.Add(int64(len(bytes)))
	if err != nil {
		return short(s.piece, s.Length-s.left, err)
	}
	var h *fits.HDU
	if first {
		if h, err = s.verify(bytes); err != nil {
			return on(s.file.URI, err)
		}
		s.check = fits.NewCheck(h)
		if err := c.open(ctx, s.to); err != nil {
			return err
		}
	}
	if s.check != nil {
		s.check.Write(bytes)
	}
	if h != nil && s.renamed && h.Name != s.names[0] { // nobody else holds the chunk yet
		if err := fits.Rename(bytes[:h.HeaderSize], s.names[0]); err != nil {
			return on(s.file.URI, err)
		}
	}
	return shareAll(s.to, chunk, s.left)
}

// shareAll writes to all products side by side, and sums beside writing: it
// takes as long as the slowest of these where there are processors for all.
func shareAll(to []*product, chunk *objstore.Chunk, left int64) error {
	var g errgroup.Group
	for _, p := range to {
		g.Go(func() error { p.sum.Write(chunk.Bytes()); return nil })
		g.Go(func() error { return objstore.Share(p.upload, chunk, left) })
		p.size += int64(len(chunk.Bytes()))
	}
	return g.Wait()
}

// open opens those that aren't, and begins them with the primary HDU.
func (c *copying) open(ctx context.Context, ps []*product) error {
	for _, p := range ps {
		if p.upload != nil {
			continue
		}
		if err := p.open(ctx, c.job); err != nil {
			return err
		}
		if _, err := p.Write(c.primary); err != nil {
			return err
		}
	}
	return nil
}

// short classifies a body that ended early, where its store didn't.
func short(p *piece, n int64, err error) error {
	if fault.KindOf(err) != fault.Unclassified || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fault.Data("SourceTruncated", "the data end after %d of %d bytes: %w", n, p.Length, err).
		On(p.file.URI).At("HDU %s", p.names[0]).Fix("check the delivery of the file, and index again")
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
	n atomic.Int64
}

func (c *countingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}
