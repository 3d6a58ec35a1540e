package storetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// writeNew: of many that write an object at once on the condition that there is
// none, one does, and what is there stays.
func writeNew(t *testing.T, s Store, base string) {
	ctx, uri := t.Context(), objstore.Join(base, "a/one.json")
	var made [8]bool
	var wait sync.WaitGroup
	for i := range made {
		wait.Go(func() {
			var err error
			if made[i], err = objstore.WriteNew(ctx, s, uri, fmt.Appendf(nil, "writer %d", i)); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	wait.Wait()
	first := -1
	for i, m := range made {
		if m && first >= 0 {
			t.Errorf("%d and %d both made it", first, i)
		}
		if m {
			first = i
		}
	}
	if got := string(read(t, s, uri, "", objstore.Whole)); got != fmt.Sprintf("writer %d", first) {
		t.Errorf("%d made it, and there is %q", first, got)
	}
	if m, err := objstore.WriteNew(ctx, s, uri, []byte("late")); m || err != nil {
		t.Errorf("a late one: %v, %v", m, err)
	}
	n := 0
	if err := s.List(ctx, base+"/", func(objstore.Info) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d objects are left, %v", n, err)
	}
	if err := s.Delete(ctx, uri); err != nil {
		t.Fatal(err)
	}
	if m, err := objstore.WriteNew(ctx, s, uri, []byte("after")); !m || err != nil {
		t.Errorf("once it is gone: %v, %v", m, err)
	}
}
