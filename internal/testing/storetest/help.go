package storetest

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Bytes are n pseudo-random bytes, always the same ones for a seed.
func Bytes(seed byte, n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(p)
	return p
}

// measure starts to count; what it returns says how much was used since.
func measure(s Store) func() objstore.Usage {
	before := s.Usage()
	return func() objstore.Usage { return s.Usage().Sub(before) }
}

func span(offset, length int64) objstore.Range { return objstore.Range{Offset: offset, Length: length} }

func write(t *testing.T, s Store, uri string, data []byte) objstore.Info {
	t.Helper()
	info, err := objstore.WriteFile(t.Context(), s, uri, data)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	return info
}

func create(t *testing.T, s Store, uri string) objstore.Upload {
	t.Helper()
	u, err := s.Create(t.Context(), uri)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return u
}

func tryRead(ctx context.Context, s Store, uri, etag string, r objstore.Range) ([]byte, error) {
	body, err := s.Get(ctx, uri, etag, r)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

func read(t *testing.T, s Store, uri, etag string, r objstore.Range) []byte {
	t.Helper()
	data, err := tryRead(t.Context(), s, uri, etag, r)
	if err != nil {
		t.Fatalf("read %+v: %v", r, err)
	}
	return data
}

func listed(t *testing.T, s Store, prefix string) (uris []string) {
	t.Helper()
	if err := s.List(t.Context(), prefix, func(i objstore.Info) error { uris = append(uris, i.URI); return nil }); err != nil {
		t.Fatalf("list %s: %v", prefix, err)
	}
	return uris
}

// isFault holds an error to its kind and code, and to naming the object.
func isFault(t *testing.T, doing, uri string, err error, kind fault.Kind, code string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != kind || f.Code != code || f.Object != uri {
		t.Errorf("%s of %s: %v, want %s (%s) that names it", doing, uri, err, code, kind)
	}
}
