package bombs

import (
	"bytes"
	"context"
	"io"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// one is a store of one object, under each name.
type one struct{ data []byte }

func (s one) Stat(_ context.Context, uri string) (objstore.Info, error) {
	return objstore.Info{URI: uri, Size: int64(len(s.data)), ETag: "1"}, nil
}

func (s one) Get(_ context.Context, _, _ string, r objstore.Range) (io.ReadCloser, error) {
	data := s.data[min(r.Offset, int64(len(s.data))):]
	if r.Length >= 0 {
		data = data[:min(r.Length, int64(len(data)))]
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}
