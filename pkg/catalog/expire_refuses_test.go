package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// TestExpiryRefuses lists what is not touched because it may be somebody else's.
func TestExpiryRefuses(t *testing.T) {
	later := catalog.Retention{Before: time.Now().Add(time.Hour), Keep: 1}
	prepare := func(t *testing.T) (site, *catalog.Catalog) {
		s := site{Catalog: settings.Catalog{Warehouse: t.TempDir(), Namespace: "shear", Table: "edff_shear"}, store: objstore.Open(t.Context(), objstore.Config{})}
		s.dir = filepath.Join(s.Warehouse, "shear")
		c := catalogtest.Open(t, s.Catalog)
		for i := range 3 {
			commit(t, c, batch(fmt.Sprint("run", i), config, 7, 1+i, float32(i)))
		}
		return s, c
	}
	t.Run("links", func(t *testing.T) {
		s, c := prepare(t)
		// The tile's data lie on another disk, with a file there that looks like an orphan.
		inside, elsewhere := filepath.Join(s.dir, "edff_shear", "data", "TILE_ID_trunc=0"), filepath.Join(t.TempDir(), "disk")
		if err := os.Rename(inside, elsewhere); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(elsewhere, inside); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(elsewhere, "x"), filepath.Join(s.dir, "edff_shear", "metadata", "0b7a5f0e-5a55-4c9b-8d53-6b1f3f4c9d10-m0.avro")); err != nil {
			t.Fatal(err)
		}
		x := s.plan(t, c, later)
		if x.Tables[0].Foreign.Count != 2 || x.Tables[0].Data.Count != 0 || x.Tables[1].Data.Count != 0 {
			t.Errorf("%+v %+v", x.Tables[0], x.Tables[1])
		}
		s.expire(t, c, x)
		if files, err := os.ReadDir(elsewhere); err != nil || len(files) != 5 { // three commits, of which two delete
			t.Errorf("%v are left elsewhere, %v", files, err)
		}
		wants(t, contents(t, c, catalog.Filter{}), map[string]int{"shear 7 9f run2 g1=2": 4, "source 7 9f run2": 12})
	})
	t.Run("a table of another catalogue", func(t *testing.T) {
		s, c := prepare(t)
		also := s.Catalog
		also.URI = "sqlite://" + filepath.Join(t.TempDir(), "another.db")
		other := catalogtest.Open(t, also)
		if err := other.Make(t.Context()); err != nil {
			t.Fatal(err)
		}
		if x := s.plan(t, c, later); x.Tables[0].Kept != "" || len(x.Tables[0].Snapshots) != 2 || len(x.Tables[1].Snapshots) != 2 {
			t.Errorf("one that has no file: %+v %+v", x.Tables[0], x.Tables[1])
		}
		commit(t, other, batch("theirs", config, 7, 3, 9))
		want, theirs := contents(t, c, catalog.Filter{}), contents(t, other, catalog.Filter{})
		x := s.plan(t, c, later)
		if x.Tables[0].Kept == "" || x.Tables[1].Kept == "" || x.Tables[0].Data.Count+x.Tables[1].Data.Count != 0 || len(x.Tables[0].Snapshots) != 2 {
			t.Errorf("%+v %+v", x.Tables[0], x.Tables[1])
		}
		if done := s.expire(t, c, x); done.Snapshots != 4 || done.Files.Count != 0 {
			t.Errorf("%+v", done)
		}
		wants(t, contents(t, c, catalog.Filter{}), want)
		wants(t, contents(t, other, catalog.Filter{}), theirs)
	})
	t.Run("a table that nobody may clean", func(t *testing.T) {
		s, c := prepare(t)
		if err := c.Set(t.Context(), "gc.enabled", "false"); err != nil {
			t.Fatal(err)
		}
		if x := s.plan(t, c, later); x.Tables[0].Kept == "" || len(x.Tables[0].Snapshots) != 0 || len(x.Tables[1].Snapshots) != 2 {
			t.Errorf("%+v %+v", x.Tables[0], x.Tables[1])
		}
	})
	t.Run("a manifest that can't be read", func(t *testing.T) {
		s, c := prepare(t)
		x := s.plan(t, c, later)
		lists, err := filepath.Glob(filepath.Join(s.dir, "edff_shear", "metadata", "snap-*.avro"))
		if err != nil || len(lists) == 0 {
			t.Fatal(err)
		}
		all := s.files(t)
		for _, path := range lists {
			if err := os.Truncate(path, 100); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.PlanExpiry(t.Context(), s.store, later); err == nil {
			t.Error("it was planned without")
		}
		if done, err := c.Expire(t.Context(), s.store, x); err == nil || done.Files.Count > 0 || len(s.files(t)) < len(all) {
			t.Errorf("%+v, %v", done, err)
		}
	})
	t.Run("a store that gives up", func(t *testing.T) {
		s, c := prepare(t)
		want := contents(t, c, catalog.Filter{})
		x := s.plan(t, c, later)
		done, err := c.Expire(t.Context(), &tired{Store: s.store, left: 1}, x)
		if err == nil || done.Snapshots != 2 || done.Files.Count != 1 {
			t.Errorf("%+v, %v", done, err)
		}
		wants(t, contents(t, c, catalog.Filter{}), want)
		// The same plan goes on. To a new one, nothing names the files that are left: they have to be a day old.
		rest := s.plan(t, c, later)
		if n := len(rest.Tables[0].Snapshots); n != 0 || rest.Tables[0].Young.Count+1 != x.Tables[0].Data.Count+x.Tables[0].Metadata.Count {
			t.Errorf("%+v, then %+v", x.Tables[0], rest.Tables[0])
		}
		if done := s.expire(t, c, x); done.Snapshots != 2 {
			t.Errorf("%+v", done)
		}
		if x := s.plan(t, c, later); !x.Empty() {
			t.Errorf("%+v", x.Tables[0])
		}
		wants(t, contents(t, c, catalog.Filter{}), want)
	})
	t.Run("nothing there", func(t *testing.T) {
		s := settings.Catalog{Warehouse: t.TempDir(), Namespace: "shear", Table: "t"}
		if _, err := catalog.OpenExisting(t.Context(), s); fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), s.Warehouse+"/catalog.db") {
			t.Errorf("%v", err)
		}
		if files, _ := os.ReadDir(s.Warehouse); len(files) > 0 {
			t.Errorf("looking made %v", files)
		}
		c := catalogtest.Open(t, s)
		if c2, err := catalog.OpenExisting(t.Context(), s); err != nil {
			t.Error(err)
		} else {
			c2.Close()
		}
		if _, err := c.PlanExpiry(t.Context(), objstore.NewMemory(), later); fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), "shear.t") {
			t.Errorf("%v", err)
		}
		if _, err := c.PlanExpiry(t.Context(), objstore.NewMemory(), catalog.Retention{}); fault.KindOf(err) != fault.BadInput {
			t.Errorf("%v", err)
		}
	})
}

// tired is a store that removes so many files and no more.
type tired struct {
	objstore.Store
	mu   sync.Mutex
	left int
}

func (s *tired) Delete(ctx context.Context, uri string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left--; s.left < 0 {
		return errors.New("enough")
	}
	return s.Store.Delete(ctx, uri)
}
