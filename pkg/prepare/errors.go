package prepare

import (
	"context"
	"errors"
	"io"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// unusable says whether a retry won't cure an error that isn't ours.
func unusable(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.BadData || kind == fault.BadInput
}

// ofStore says whether an error may be about a store rather than an object.
func ofStore(err error) bool {
	switch fault.CodeOf(err) {
	case objstore.AccessDenied, objstore.BucketNotFound, objstore.RegionMismatch, objstore.InvalidURI:
		return true
	}
	return false
}

// destinationError is a failure of the store of the products, whatever its kind.
type destinationError struct{ err error }

func (e *destinationError) Error() string { return e.err.Error() }
func (e *destinationError) Unwrap() error { return e.err }

func marked(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &destinationError{err}
}

// markedStore is a store all of whose errors are a destinationError. It can
// assemble where the store can.
func markedStore(s objstore.Store) objstore.Store {
	if a, ok := s.(objstore.Assembler); ok {
		return markedAssembler{destination{s}, a}
	}
	return destination{s}
}

type destination struct{ store objstore.Store }

func (d destination) Stat(ctx context.Context, uri string) (objstore.Info, error) {
	info, err := d.store.Stat(ctx, uri)
	return info, marked(err)
}

func (d destination) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	body, err := d.store.Get(ctx, uri, etag, r)
	if err != nil {
		return nil, marked(err)
	}
	return markedBody{body}, nil
}

func (d destination) List(ctx context.Context, prefix string, visit func(objstore.Info) error) error {
	return marked(d.store.List(ctx, prefix, visit))
}

func (d destination) Create(ctx context.Context, uri string) (objstore.Upload, error) {
	u, err := d.store.Create(ctx, uri)
	if err != nil {
		return nil, marked(err)
	}
	return markedUpload{u}, nil
}

func (d destination) Delete(ctx context.Context, uri string) error {
	return marked(d.store.Delete(ctx, uri))
}

type markedBody struct{ io.ReadCloser }

func (b markedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	return n, marked(err)
}

type markedUpload struct{ objstore.Upload }

func (u markedUpload) Write(p []byte) (int, error) {
	n, err := u.Upload.Write(p)
	return n, marked(err)
}

// Share has chunks shared where the upload can.
func (u markedUpload) Share(c *objstore.Chunk, left int64) error {
	return marked(objstore.Share(u.Upload, c, left))
}

func (u markedUpload) Commit() (objstore.Info, error) {
	info, err := u.Upload.Commit()
	return info, marked(err)
}

type markedAssembler struct {
	destination
	by objstore.Assembler
}

// Assemble reads sources too: what is wrong with one of them is not marked.
func (m markedAssembler) Assemble(ctx context.Context, uri string, from objstore.Reader, parts []objstore.Part) (objstore.Assembled, error) {
	made, err := m.by.Assemble(ctx, uri, from, parts)
	var f *fault.Error
	if errors.As(err, &f) {
		for _, p := range parts {
			if p.Bytes == nil && p.URI == f.Object {
				return made, err
			}
		}
	}
	return made, marked(err)
}
