package objstore

import (
	"fmt"
	"hash/crc32"
	"io"
)

// chunkSize is the unit of pooled memory: small enough that a short object
// takes little, large enough that a part of 5 MiB is few.
const chunkSize = 256 << 10

// chunkPool keeps memory that was used for the next who needs some, up to
// pooled chunks. Unlike with sync.Pool, no garbage comes of it that the
// collector would let pile up to as much again.
type chunkPool chan *[chunkSize]byte

const pooled = 256 // 64 MiB

func (p chunkPool) get() *[chunkSize]byte {
	select {
	case c := <-p:
		return c
	default:
		return new([chunkSize]byte)
	}
}

func (p chunkPool) put(c *[chunkSize]byte) {
	select {
	case p <- c:
	default:
	}
}

// chunks is a growing buffer of pooled memory that can be read again from any
// place, as a request that may be retried needs.
type chunks struct {
	pool chunkPool
	list []*[chunkSize]byte
	size int64
}

// space is the free memory at the end, never empty.
func (c *chunks) space() []byte {
	used := int(c.size - int64(len(c.list)-1)*chunkSize)
	if len(c.list) == 0 || used == chunkSize {
		c.list = append(c.list, c.pool.get())
		used = 0
	}
	return c.list[len(c.list)-1][used:]
}

// free gives the memory back.
func (c *chunks) free() {
	for _, p := range c.list {
		c.pool.put(p)
	}
	*c = chunks{pool: c.pool}
}

// crc32 is the sum over all of it, by the polynomial that S3 uses.
func (c *chunks) crc32() (sum uint32) {
	for i, p := range c.list {
		sum = crc32.Update(sum, crc32.IEEETable, p[:min(chunkSize, c.size-int64(i)*chunkSize)])
	}
	return sum
}

func (c *chunks) reader() *chunksReader { return &chunksReader{chunks: c} }

type chunksReader struct {
	*chunks
	at int64
}

func (r *chunksReader) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	chunk := r.list[r.at/chunkSize]
	n := copy(p, chunk[r.at%chunkSize:min(chunkSize, r.size-r.at/chunkSize*chunkSize)])
	r.at += int64(n)
	return n, nil
}

func (r *chunksReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to the negative offset %d", offset)
	}
	r.at = offset
	return offset, nil
}
