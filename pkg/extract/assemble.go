package extract

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// assembling is how many products of one file a store puts together at a time.
const assembling = 4

// copies is what became of having stores copy, over all files of a tile.
type copies struct {
	mu      sync.Mutex
	refused error // the first reason why a store wouldn't; nobody asks again

	streaming, copying pace
}

// pace is how fast one of the ways is.
type pace struct {
	files int // begun
	bytes int64
	took  time.Duration
}

func (p *pace) rate() float64 { return float64(p.bytes) / p.took.Seconds() }

// choose says whether the store is to copy the next file, and the pace to record its time in.
func (c *copies) choose(mode settings.Copy) (ask bool, way *pace) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, k := &c.streaming, &c.copying
	switch {
	case c.refused != nil:
		way = s
	case mode == settings.CopyServer:
		way = k
	case s.bytes > 0 && k.bytes > 0:
		if way = k; s.rate() > k.rate() {
			way = s
		}
	case k.files <= s.files:
		way = k
	default:
		way = s
	}
	way.files++
	return way == k, way
}

func (c *copies) record(way *pace, bytes int64, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	way.bytes, way.took = way.bytes+bytes, way.took+max(took, 1)
}

func (c *copies) refuse(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = reason
	}
}

// assembly is a product that a store can put together.
type assembly struct {
	*product
	head objstore.Range // what is read of the first source, and sent behind the primary HDU
	rest []span         // what the store copies
	size int64          // of both
}

// span is a range of a source.
type span struct {
	objstore.Range
	file euclid.File
}

// spans are the longest ranges of one file after which no other one's comes.
func spans(pieces []*piece) (all []span) {
	for _, p := range pieces {
		if n := len(all); n > 0 && all[n-1].file == p.file && all[n-1].Offset+all[n-1].Length == p.Offset {
			all[n-1].Length += p.Length
		} else {
			all = append(all, span{objstore.Range{Offset: p.Offset, Length: p.Length}, p.file})
		}
	}
	return all
}

// assembly of a product, nil where it is better streamed: each part but the
// last must have MinPart bytes, and most of the product is to be copied.
func (t *transfer) assembly(p *product) *assembly {
	a := &assembly{product: p}
	for _, r := range spans(t.piecesOf(p)) {
		if r.Offset+r.Length > r.file.Size {
			return nil // its last block is not filled, and a store fills none
		}
		a.size += r.Length
		a.rest = append(a.rest, r)
	}
	first := a.rest[0]
	n := min(first.Length, objstore.MinPart)
	if left := first.Length - n; left < objstore.MinPart && len(a.rest) > 1 {
		n = first.Length // too little of the run would be left for a part of its own
	}
	a.head = objstore.Range{Offset: first.Offset, Length: n}
	if a.rest[0].Range = (objstore.Range{Offset: first.Offset + n, Length: first.Length - n}); first.Length == n {
		a.rest = a.rest[1:]
	}
	small := slices.ContainsFunc(a.rest[:max(len(a.rest)-1, 0)], func(r span) bool { return r.Length < objstore.MinPart })
	if n < objstore.MinPart || small || 2*n > a.size {
		return nil
	}
	return a
}

// assemble has the store make those products of a file that it can, and returns
// the others: all of them where it refuses to, or where streaming is faster.
func (job Job) assemble(ctx context.Context, c *copies, t *transfer) (rest []*product, err error) {
	byHead := map[objstore.Range][]*assembly{}
	var whole []*product
	var size int64
	for _, p := range t.products {
		if a := t.assembly(p); a != nil {
			byHead[a.head] = append(byHead[a.head], a)
			whole = append(whole, p)
			size += a.size
		} else {
			rest = append(rest, p)
		}
	}
	if len(byHead) == 0 {
		return t.products, nil
	}
	ask, way := c.choose(job.Copy)
	if !ask {
		start := time.Now()
		err := job.stream(ctx, t, t.products)
		c.record(way, size, time.Since(start))
		return nil, err
	}
	store, ok := job.Dest.(objstore.Assembler)
	if !ok || slices.ContainsFunc(t.files, func(f euclid.File) bool { return f.ETag == "" }) {
		c.refuse(fault.Input(objstore.NotCopied, "the store of the products can't copy, or has no ETag to hold %s to", t.file.URI))
		return t.products, nil
	}
	start := time.Now()
	primary, err := job.primary(ctx, t)
	if err != nil {
		return nil, err
	}
	if asTheyAre, err := t.lookAt(ctx, job.Source, t.piecesOf(whole...)); err != nil {
		return nil, err
	} else if !asTheyAre {
		return t.products, nil
	}
	for head, group := range byHead {
		if err := job.together(ctx, t, store, primary, head, group); fault.CodeOf(err) == objstore.NotCopied {
			c.refuse(err)
			for _, a := range group {
				rest = append(rest, a.product)
			}
		} else if err != nil {
			return nil, err
		}
	}
	c.record(way, size, time.Since(start))
	return rest, nil
}

// together makes products that begin with the same bytes of the source, which are read once.
func (job Job) together(ctx context.Context, t *transfer, store objstore.Assembler, primary []byte, head objstore.Range, group []*assembly) error {
	var bytes objstore.Buffer
	defer bytes.Free()
	if err := bytes.Append(ctx, primary); err != nil {
		return err
	}
	body, err := job.Source.Get(ctx, t.file.URI, t.file.ETag, head)
	if err != nil {
		return err
	}
	defer body.Close()
	if n, err := bytes.Take(ctx, body, head.Length); n < head.Length {
		return short(t.byPlace[place{t.file.URI, head.Offset}], n, err)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(assembling)
	for _, a := range group {
		g.Go(func() error {
			parts := []objstore.Part{{Bytes: &bytes}}
			for _, r := range a.rest {
				parts = append(parts, r.parts()...)
			}
			made, err := store.Assemble(gctx, a.uri, job.Source, parts)
			if err == nil {
				a.done = manifest.Product{Path: a.path, Size: made.Size, CRC64NVME: made.CRC64NVME}
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	t.read += head.Length
	t.moved.Add(head.Length)
	for _, a := range group {
		for _, r := range a.rest {
			t.copied += r.Length
			t.moved.Add(r.Length)
		}
	}
	return nil
}

// parts are those of a range that the store copies, of equal length.
func (r span) parts() (parts []objstore.Part) {
	n := (r.Length + objstore.MaxPart - 1) / objstore.MaxPart
	for i := range n {
		from, to := r.Length*i/n, r.Length*(i+1)/n
		parts = append(parts, objstore.Part{URI: r.file.URI, ETag: r.file.ETag, Range: objstore.Range{Offset: r.Offset + from, Length: to - from}})
	}
	return parts
}

// lookAt holds pieces that don't pass by to what they should be: it reads their
// headers. It says whether all are to be copied as they are.
func (t *transfer) lookAt(ctx context.Context, from objstore.Reader, pieces []*piece) (asTheyAre bool, err error) {
	readers := map[string]*countingReaderAt{}
	for _, f := range t.files {
		readers[f.URI] = &countingReaderAt{r: readerOf(ctx, from, f)}
	}
	var g errgroup.Group
	var renamed atomic.Bool
	g.SetLimit(lookUps)
	for _, p := range pieces {
		g.Go(func() error {
			name, err := p.lookAt(readers[p.file.URI])
			if p.renamed && name != p.names[0] {
				renamed.Store(true)
			}
			return on(p.file.URI, err)
		})
	}
	err = g.Wait()
	for _, r := range readers {
		t.headers += r.n.Load()
	}
	return !renamed.Load(), err
}

// lookAt reads the header, and says what it is called.
func (p *piece) lookAt(at io.ReaderAt) (name string, err error) {
	for window := int64(headerWindow); ; window = maxHeader {
		raw := make([]byte, min(window, p.Length, p.file.Size-p.Offset))
		if n, err := at.ReadAt(raw, p.Offset); n < len(raw) {
			return "", err
		}
		if _, err := fits.ParseHDU(raw, 1, p.Offset); err != nil && window < min(p.Length, maxHeader) {
			continue // its end is further down
		}
		h, err := p.verify(raw)
		if err != nil {
			return "", err
		}
		return h.Name, nil
	}
}
