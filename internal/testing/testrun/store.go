package testrun

import (
	"context"
	"io"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Store is a store of memory that fails where it is told to. Paths are files all
// the same: stages sort in scratch directories through their store.
type Store struct {
	*objstore.Memory
	// Fail is asked before each operation, "stat", "get", "list", "create" or
	// "delete"; nil: nothing fails.
	Fail func(op, uri string) error
	// Far is where s3:// and http:// URIs are; nil: where the environment says.
	Far objstore.Store
}

// Refuse is a Fail that answers some operations as a store does whose credentials expired.
func Refuse(ops ...string) func(op, uri string) error {
	return func(op, uri string) error {
		for _, refused := range ops {
			if op == refused {
				return fault.Input(objstore.AccessDenied, "refused").On(uri)
			}
		}
		return nil
	}
}

// of is the store that a URI belongs to.
func (s *Store) of(ctx context.Context, uri string) objstore.Store {
	if strings.HasPrefix(uri, "mem://") {
		return s.Memory
	}
	if s.Far != nil && (strings.HasPrefix(uri, "s3://") || strings.HasPrefix(uri, "http://")) {
		return s.Far
	}
	return objstore.Open(ctx, objstore.Config{})
}

func (s *Store) fails(op, uri string) error {
	if s.Fail == nil {
		return nil
	}
	return s.Fail(op, uri)
}

func (s *Store) Stat(ctx context.Context, uri string) (objstore.Info, error) {
	if err := s.fails("stat", uri); err != nil {
		return objstore.Info{}, err
	}
	return s.of(ctx, uri).Stat(ctx, uri)
}

func (s *Store) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	if err := s.fails("get", uri); err != nil {
		return nil, err
	}
	return s.of(ctx, uri).Get(ctx, uri, etag, r)
}

func (s *Store) List(ctx context.Context, prefix string, visit func(objstore.Info) error) error {
	if err := s.fails("list", prefix); err != nil {
		return err
	}
	return s.of(ctx, prefix).List(ctx, prefix, visit)
}

func (s *Store) ListNames(ctx context.Context, prefix string, visit func(objstore.Info) error) error {
	if err := s.fails("list", prefix); err != nil {
		return err
	}
	return objstore.ListNames(ctx, s.of(ctx, prefix), prefix, visit)
}

func (s *Store) Create(ctx context.Context, uri string) (objstore.Upload, error) {
	if err := s.fails("create", uri); err != nil {
		return nil, err
	}
	return s.of(ctx, uri).Create(ctx, uri)
}

func (s *Store) Delete(ctx context.Context, uri string) error {
	if err := s.fails("delete", uri); err != nil {
		return err
	}
	return s.of(ctx, uri).Delete(ctx, uri)
}
