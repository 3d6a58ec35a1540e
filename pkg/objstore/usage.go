package objstore

import (
	"io"
	"sync/atomic"
)

// Usage is what a store has moved since it was opened.
//
// For S3 a request is an HTTP request, retries and resumed bodies included,
// and bytes are those of bodies, listings too. For files and memory a request
// is one operation: a Stat, a Get, a listing, a Commit, a Delete.
type Usage struct {
	Requests     int64
	BytesRead    int64
	BytesWritten int64
}

// Metered is a store that says what it has moved.
type Metered interface {
	Store
	Usage() Usage
}

// Sub is what was moved since an earlier reading.
func (u Usage) Sub(earlier Usage) Usage {
	return Usage{u.Requests - earlier.Requests, u.BytesRead - earlier.BytesRead, u.BytesWritten - earlier.BytesWritten}
}

// meter counts; its zero value is ready.
type meter struct{ requests, read, written atomic.Int64 }

func (m *meter) usage() Usage {
	return Usage{m.requests.Load(), m.read.Load(), m.written.Load()}
}

// countedReader adds what is read from a body to a meter.
type countedReader struct {
	io.ReadCloser
	meter *meter
}

func (c countedReader) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.meter.read.Add(int64(n))
	return n, err
}
