package assemble

import (
	"bytes"
	"context"
	"io"
	"iter"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

const (
	// readAhead is of how many sub-tiles the files are on their way at the same time.
	readAhead = 16
	// bytesAhead bounds what they have, in bytes; one sub-tile may have more.
	bytesAhead = 32 << 20
	// unknownSize is what a file is taken for that nobody said the size of, and
	// manifestSize what a manifest may have.
	unknownSize, manifestSize = 1 << 20, 1 << 18
)

// left is what inference left of a sub-tile, in bytes.
type left struct {
	sub            *survey.RunSubTile
	shear, sources []byte
	files          [2]survey.File // what these are
	manifest       []byte
	summary        *survey.Summary // nil where there is none that says anything
	err            error           // the first that there was
}

// ahead fetches what inference left of sub-tiles, some at a time and in their
// order. All of it is done once the loop is left.
func ahead(ctx context.Context, subs []*survey.RunSubTile, fetch func(context.Context, *survey.RunSubTile) left) iter.Seq[left] {
	return func(yield func(left) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var g errgroup.Group
		defer func() { cancel(); _ = g.Wait() }() // what went wrong is in what they fetched
		room := semaphore.NewWeighted(bytesAhead)
		type order struct {
			is     chan left
			weight int64 // what is known of the files by then: reading them tells more
		}
		coming := make(chan order, readAhead)
		g.Go(func() error {
			defer close(coming)
			for _, sub := range subs {
				one := order{make(chan left, 1), weight(sub)}
				if room.Acquire(ctx, one.weight) != nil {
					return nil
				}
				select {
				case coming <- one:
				case <-ctx.Done():
					return nil
				}
				g.Go(func() error { one.is <- fetch(ctx, sub); return nil })
			}
			return nil
		})
		for one := range coming {
			is := <-one.is
			more := yield(is)
			is.recycle()
			room.Release(one.weight)
			if !more {
				return
			}
		}
		if err := context.Cause(ctx); err != nil { // before all were on their way
			yield(left{err: err})
		}
	}
}

func weight(s *survey.RunSubTile) int64 {
	sum := int64(manifestSize)
	for _, f := range []survey.File{s.Shear, s.Sources} {
		if f.Size > 0 {
			sum += f.Size
		} else if f.URI != "" {
			sum += unknownSize
		}
	}
	return min(sum, bytesAhead)
}

// texts are places for files, which are used again.
var texts = sync.Pool{New: func() any { return new([]byte) }}

func placeFor() []byte { return (*texts.Get().(*[]byte))[:0] }

// recycle gives the places back.
func (l *left) recycle() {
	for _, text := range [][]byte{l.shear, l.sources, l.manifest} {
		if cap(text) > 0 && cap(text) <= unknownSize {
			texts.Put(&text)
		}
	}
	l.shear, l.sources, l.manifest = nil, nil, nil
}

// fetchAll fetches all that a sub-tile's results are held to.
func fetchAll(r objstore.Reader) func(context.Context, *survey.RunSubTile) left {
	return func(ctx context.Context, s *survey.RunSubTile) left {
		is := left{sub: s}
		if is.shear, is.files[0], is.err = results.Fetch(ctx, r, s.Shear, placeFor()); is.err != nil {
			return is
		}
		if s.Sources.URI != "" {
			if is.sources, is.files[1], is.err = results.Fetch(ctx, r, s.Sources, placeFor()); is.err != nil {
				return is
			}
		}
		if is.manifest, is.err = readText(ctx, r, manifestOf(s)); is.err != nil {
			return is
		}
		is.summary, is.err = survey.Load[survey.Summary](ctx, r, summaryOf(s))
		if objstore.IsNotFound(is.err) || fault.KindOf(is.err) == fault.BadData {
			is.summary, is.err = nil, nil // nobody has to write one
		}
		return is
	}
}

// fetchSources fetches the sources alone, once more.
func fetchSources(r objstore.Reader) func(context.Context, *survey.RunSubTile) left {
	return func(ctx context.Context, s *survey.RunSubTile) left {
		is := left{sub: s}
		is.sources, is.files[1], is.err = results.Fetch(ctx, r, s.Sources, placeFor())
		return is
	}
}

// maxManifest is more than any manifest has; who parses one says so.
const maxManifest = 64 << 20

// readText reads a manifest whole.
func readText(ctx context.Context, r objstore.Reader, uri string) ([]byte, error) {
	body, err := r.Get(ctx, uri, "", objstore.Whole)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	room := bytes.NewBuffer(placeFor())
	if _, err := room.ReadFrom(io.LimitReader(body, maxManifest+1)); err != nil {
		return nil, err
	}
	return room.Bytes(), nil
}
