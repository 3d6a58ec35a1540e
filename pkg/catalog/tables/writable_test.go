package tables

import (
	"context"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// What the store may not do is told before anything else; that it may not delete
// is no obstacle, since commits delete nothing.
func TestUsableInStore(t *testing.T) {
	for name, c := range map[string]struct {
		put, del error
		code     string
		kind     fault.Kind
		left     int
	}{
		"all rights":    {},
		"none to write": {put: fault.Input(objstore.AccessDenied, "no"), code: CodeSettings, kind: fault.BadInput},
		"none to erase": {del: fault.Input(objstore.AccessDenied, "no"), left: 1},
		"busy":          {put: fault.Passing("SlowDown", "later"), code: "SlowDown", kind: fault.Transient},
	} {
		store := &strict{Memory: objstore.NewMemory(), put: c.put, del: c.del}
		for range 2 { // of two checks no more is left than of one
			err := writable(t.Context(), store, "mem://b/w")
			if fault.CodeOf(err) != c.code || c.code != "" && fault.KindOf(err) != c.kind {
				t.Errorf("%s: %v", name, err)
			}
		}
		left := 0
		if err := store.List(t.Context(), "mem://b/", func(objstore.Info) error { left++; return nil }); err != nil || left != c.left {
			t.Errorf("%s: %d objects are left, %v", name, left, err)
		}
	}
}

// strict is a store that refuses.
type strict struct {
	*objstore.Memory
	put, del error
}

func (s *strict) Create(ctx context.Context, uri string) (objstore.Upload, error) {
	if s.put != nil {
		return nil, s.put
	}
	return s.Memory.Create(ctx, uri)
}

func (s *strict) Delete(ctx context.Context, uri string) error {
	if s.del != nil {
		return s.del
	}
	return s.Memory.Delete(ctx, uri)
}
