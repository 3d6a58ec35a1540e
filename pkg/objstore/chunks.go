package objstore

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"
)

// ChunkSize is the unit of pooled memory: small enough that a short object
// takes little, large enough that a part of 5 MiB is few.
const ChunkSize = 256 << 10

// mostChunks is how much a process holds of what is on its way: 16 MiB, and a few
// more while parts fill. Where an answer takes 30 ms, that sends 0.6 GB/s to two
// objects at a time; where it takes 150 ms, 0.14 GB/s.
const mostChunks = 64

// memory is the process's, for all stores: what bounds it is the process's own.
var memory = newPool(mostChunks)

// pool bounds the memory for bytes on their way, and keeps what was used for the
// next who needs some. Unlike with sync.Pool, no garbage comes of it that the
// collector would let pile up to as much again.
type pool struct {
	mu      sync.Mutex
	most    int
	out     int // chunks that are used
	sending int // those of them in parts on their way, which give them back
	free    []*Chunk
	changed chan struct{}
}

func newPool(most int) *pool { return &pool{most: most, changed: make(chan struct{})} }

// get waits for memory while most of it is on its way, and so comes back. What
// else is out, such as parts that are not full yet, may need some to get
// anywhere: nobody waits for that, nor does all wait for one part that stalls.
func (p *pool) get(ctx context.Context) (*Chunk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	for p.out >= p.most && p.sending > p.most/2 {
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	p.out++
	if n := len(p.free); n > 0 {
		c := p.free[n-1]
		p.free = p.free[:n-1]
		c.refs.Store(1)
		return c, nil
	}
	c := &Chunk{pool: p}
	c.refs.Store(1)
	return c, nil
}

func (p *pool) put(c *Chunk) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out--; len(p.free) < p.most {
		c.size = 0
		p.free = append(p.free, c)
	}
	p.wake()
}

// send counts a buffer's chunks, each once, while it is on its way.
func (p *pool) send(b *Buffer) (sent func()) {
	list := b.list
	p.count(list, 1)
	return func() { p.count(list, -1) }
}

// count has n more parts hold chunks on their way.
func (p *pool) count(list []*Chunk, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range list {
		before := c.sending > 0
		c.sending += n
		if after := c.sending > 0; after != before {
			p.sending += n
		}
	}
	p.wake()
}

func (p *pool) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Chunk is some of a process's memory for bytes on their way: filled once, held
// by whoever needs it, and given back by the last of them.
type Chunk struct {
	pool    *pool
	refs    atomic.Int32
	size    int
	sending int // parts on their way that hold it: the pool's to count
	data    [ChunkSize]byte
}

// Held is how much of its memory for bytes on their way the process uses.
func Held() (bytes int64) {
	memory.mu.Lock()
	defer memory.mu.Unlock()
	return int64(memory.out) * ChunkSize
}

// NewChunk is an empty one. It waits while the process has as much on its way as
// it may hold.
func NewChunk(ctx context.Context) (*Chunk, error) { return memory.get(ctx) }

// Fill reads up to most bytes into an empty chunk, and as many as it holds. Fewer
// come with the error that ended the source.
func (c *Chunk) Fill(from io.Reader, most int64) error {
	var err error
	c.size, err = io.ReadFull(from, c.data[:min(most, ChunkSize)])
	return err
}

// Bytes are what was filled in, which nobody may change once it is shared.
func (c *Chunk) Bytes() []byte { return c.data[:c.size] }

// Release gives it back, once for each who holds it.
func (c *Chunk) Release() {
	if c.refs.Add(-1) == 0 {
		c.pool.put(c)
	}
}

// Buffer grows in pooled memory and can be read again from any place, as a
// request that may be retried needs. Its zero value is empty.
type Buffer struct {
	list  []*Chunk
	size  int64
	space bool // the last chunk takes more bytes: it is this buffer's alone
}

// grow makes room at its end, and says where.
func (b *Buffer) grow(ctx context.Context) (*Chunk, error) {
	if b.space {
		if c := b.list[len(b.list)-1]; c.size < ChunkSize {
			return c, nil
		}
	}
	c, err := NewChunk(ctx)
	if err == nil {
		b.list, b.space = append(b.list, c), true
	}
	return c, err
}

// Append adds a copy.
func (b *Buffer) Append(ctx context.Context, p []byte) error {
	for len(p) > 0 {
		c, err := b.grow(ctx)
		if err != nil {
			return err
		}
		n := copy(c.data[c.size:], p)
		c.size, b.size, p = c.size+n, b.size+int64(n), p[n:]
	}
	return nil
}

// Take adds what comes, up to most bytes, and says how many came before the error.
func (b *Buffer) Take(ctx context.Context, r io.Reader, most int64) (n int64, err error) {
	for n < most {
		c, err := b.grow(ctx)
		if err != nil {
			return n, err
		}
		m, err := r.Read(c.data[c.size:min(ChunkSize, int64(c.size)+most-n)])
		c.size, b.size, n = c.size+m, b.size+int64(m), n+int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// share adds a chunk that others hold, too.
func (b *Buffer) share(c *Chunk) {
	c.refs.Add(1)
	b.list, b.size, b.space = append(b.list, c), b.size+int64(c.size), false
}

// Free gives the memory back.
func (b *Buffer) Free() {
	for _, c := range b.list {
		c.Release()
	}
	*b = Buffer{}
}

// crc32 is the sum over all of it, by the polynomial that S3 uses.
func (b *Buffer) crc32() (sum uint32) {
	for _, c := range b.list {
		sum = crc32.Update(sum, crc32.IEEETable, c.Bytes())
	}
	return sum
}

// reader reads from the start.
func (b *Buffer) reader() *bufferReader {
	r := &bufferReader{size: b.size}
	for _, c := range b.list {
		if c.size > 0 {
			r.pieces = append(r.pieces, c.Bytes())
		}
	}
	return r
}

type bufferReader struct {
	pieces [][]byte // none is empty
	size   int64
	at     int64
	piece  int // the one that the next byte lies in
	within int // it
}

func (r *bufferReader) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	n := copy(p, r.pieces[r.piece][r.within:])
	r.at, r.within = r.at+int64(n), r.within+n
	if r.within == len(r.pieces[r.piece]) {
		r.piece, r.within = r.piece+1, 0
	}
	return n, nil
}

func (r *bufferReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to the negative offset %d", offset)
	}
	r.at, r.piece = offset, 0
	for offset < r.size && offset >= int64(len(r.pieces[r.piece])) {
		offset -= int64(len(r.pieces[r.piece]))
		r.piece++
	}
	r.within = int(offset)
	return r.at, nil
}
