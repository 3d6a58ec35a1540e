package extract

import (
	"io"
	"sync"
)

// buffersAhead are what each file that is read holds: one is used while others are filled.
const buffersAhead = 3

var bufferPool = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// ahead reads a body chunk by chunk while earlier chunks are used.
type ahead struct {
	body  io.ReadCloser
	full  chan filled
	empty chan *[bufferSize]byte
	ended chan struct{}
	held  *[bufferSize]byte // what the last chunk lies in
}

type filled struct {
	buffer *[bufferSize]byte
	n      int
	err    error
}

// readAhead reads the pieces of a run. Each piece begins a chunk.
func readAhead(body io.ReadCloser, run []*piece) *ahead {
	a := &ahead{body: body, full: make(chan filled, buffersAhead), empty: make(chan *[bufferSize]byte, buffersAhead), ended: make(chan struct{})}
	for range buffersAhead {
		a.empty <- bufferPool.Get().(*[bufferSize]byte)
	}
	go func() {
		defer close(a.ended)
		for _, p := range run {
			for left := p.Length; left > 0; left -= bufferSize {
				buffer, ok := <-a.empty
				if !ok {
					return
				}
				n, err := io.ReadFull(body, buffer[:min(left, bufferSize)])
				a.full <- filled{buffer, n, err} // it has room for all buffers
				if err != nil {
					return
				}
			}
		}
	}()
	return a
}

// next is the next chunk, which is good until the next call. After a failure,
// which comes with what was read before it, there is none.
func (a *ahead) next() ([]byte, error) {
	if a.held != nil {
		a.empty <- a.held
	}
	f := <-a.full
	a.held = f.buffer
	return f.buffer[:f.n], f.err
}

// stop closes the body, which ends a read that still waits.
func (a *ahead) stop() {
	close(a.empty)
	a.body.Close()
	<-a.ended
	close(a.full)
	for b := range a.empty {
		bufferPool.Put(b)
	}
	for f := range a.full {
		bufferPool.Put(f.buffer)
	}
	if a.held != nil {
		bufferPool.Put(a.held)
	}
}
