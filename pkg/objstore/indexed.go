package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Indexed is a reader of objects that an index names. Where one of them is
// gone, was replaced or has become shorter, the error also says which index
// says otherwise, and of what time that is.
func Indexed(r Reader, index string, when time.Time) Reader { return &indexed{r, index, when} }

type indexed struct {
	Reader
	index string
	when  time.Time
}

func (x *indexed) explain(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	what := map[string]string{NotFound: "is gone", ObjectChanged: "was replaced", Truncated: "is shorter"}[f.Code]
	if what == "" {
		return err
	}
	g := *f
	g.Err = fmt.Errorf("the object %s since it was indexed by %s at %s: %w", what, x.index, x.when.UTC().Format(time.RFC3339), f.Err)
	return g.Fix("index again: start a new run, or one without the cache; with a new file list if data.files names one")
}

func (x *indexed) Stat(ctx context.Context, uri string) (Info, error) {
	info, err := x.Reader.Stat(ctx, uri)
	return info, x.explain(err)
}

func (x *indexed) Get(ctx context.Context, uri, etag string, r Range) (io.ReadCloser, error) {
	body, err := x.Reader.Get(ctx, uri, etag, r)
	if err != nil {
		return nil, x.explain(err)
	}
	return indexedBody{body, x}, nil
}

type indexedBody struct {
	io.ReadCloser
	by *indexed
}

func (b indexedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = b.by.explain(err)
	}
	return n, err
}
