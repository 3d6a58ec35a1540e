package extract

import (
	"context"
	"io"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// chunksAhead wait, filled, while an earlier one is used and another is filled.
const chunksAhead = 2

// ahead reads a body chunk by chunk while earlier chunks are used.
type ahead struct {
	full   chan filled
	cancel context.CancelFunc
}

type filled struct {
	chunk *objstore.Chunk // nil where there was no memory for one before the end came
	err   error
}

// readAhead reads the pieces of a run. Each piece begins a chunk.
func readAhead(ctx context.Context, body io.Reader, run []*piece) *ahead {
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{full: make(chan filled, chunksAhead), cancel: cancel}
	go func() {
		defer close(a.full)
		for _, p := range run {
			for left := p.Length; left > 0; left -= objstore.ChunkSize {
				chunk, err := objstore.NewChunk(ctx)
				if err == nil {
					err = chunk.Fill(body, left)
				}
				if a.full <- (filled{chunk, err}); err != nil {
					return
				}
			}
		}
	}()
	return a
}

// next is the next chunk, which is the caller's to release. After a failure,
// which comes with what was read before it, there is none.
func (a *ahead) next() (*objstore.Chunk, error) {
	f := <-a.full
	return f.chunk, f.err
}

// stop ends reading ahead. Of a body that is not read to the end of the pieces, the
// caller closes the body before, which ends a read that still waits.
func (a *ahead) stop() {
	a.cancel()
	for f := range a.full {
		if f.chunk != nil {
			f.chunk.Release()
		}
	}
}
