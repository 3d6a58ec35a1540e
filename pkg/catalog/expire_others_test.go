package catalog_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// TestExpiryMeetsOthers has branches and tags appear between looking and
// removing, the last one when the catalogue is about to be asked.
func TestExpiryMeetsOthers(t *testing.T) {
	catalogtest.Each(t, func(t *testing.T, settings settings.Catalog) {
		c, other := catalogtest.Open(t, settings), catalogtest.Open(t, settings)
		s := site{settings, filepath.Join(settings.Warehouse, "shear"), objstore.Open(t.Context(), objstore.Config{})}
		for i := range 6 {
			commit(t, c, batch(fmt.Sprint("run", i), config, 7, 1+i, float32(i)))
		}
		ids, err := c.Snapshots(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tag := func(name string, id int64) {
			if err := other.Refer(t.Context(), name, table.TagRef, id); err != nil {
				t.Error(err)
			}
		}
		tag("early", ids[0])
		x := s.plan(t, c, catalog.Retention{Before: time.Now().Add(time.Minute), Keep: 1})
		if len(x.Tables[0].Snapshots) != 4 {
			t.Fatalf("%+v", x.Tables[0])
		}
		tag("since", ids[1])
		last := strings.HasPrefix(settings.URI, "http") // over there nobody checks that no tag was added
		c.Pause(func(name string) {
			switch {
			case name != settings.Table:
			case !last:
				last = true
				tag("late", ids[2])
			default:
				c.Pause(func(string) {})
				commit(t, other, batch("meanwhile", config, 8, 3, 1))
			}
		})
		s.expire(t, c, x)
		refs, err := c.Refs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if refs["early"] != ids[0] || refs["since"] != ids[1] || refs["late"] != ids[2] && !strings.HasPrefix(settings.URI, "http") {
			t.Errorf("branches and tags %v of snapshots %v", refs, ids)
		}
		left, err := c.Snapshots(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for name, id := range refs {
			if !slices.Contains(left, id) {
				t.Errorf("the snapshot of %s is gone", name)
			}
		}
		if slices.Contains(left, ids[3]) || slices.Contains(left, ids[4]) {
			t.Errorf("%v are left of %v", left, ids)
		}
		wants(t, contents(t, c, catalog.Filter{}), map[string]int{"shear 7 9f run5 g1=5": 4, "source 7 9f run5": 24, "shear 8 9f meanwhile g1=1": 4, "source 8 9f meanwhile": 12})
		// What tags name can be read: rolled back to each, the table has all of its files.
		for name, i := range map[string]int{"early": 0, "since": 1} {
			if err := other.Refer(t.Context(), "main", table.BranchRef, refs[name]); err != nil {
				t.Fatal(err)
			}
			n := 0
			for r, err := range other.Rows(t.Context(), catalog.Filter{}) {
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if n++; *r.G1 != float32(i) {
					t.Errorf("%s: %+v", name, r)
				}
			}
			if n != 4 {
				t.Errorf("%s has %d rows", name, n)
			}
		}
	})
}

// TestExpiryUnderLeases expires as fast as it can, in processes, with no age at
// all, while tiles are committed under leases: nothing of theirs is touched.
func TestExpiryUnderLeases(t *testing.T) {
	eachSite(t, func(t *testing.T, s site) {
		c := catalogtest.Open(t, s.Catalog)
		for i := range 4 {
			commit(t, c, batch(fmt.Sprint("run", i), config, 7, 1+i, float32(i)))
		}
		held := lease(t, c, "A", time.Hour, 20, 21, 22, 23, 24)
		x := s.plan(t, c, catalog.Retention{Before: time.Now(), Keep: 1})
		if x.Lease == nil || x.Lease.Holder != "A" || !x.Before.Before(held[0].Since) || !x.Empty() {
			t.Errorf("%+v", x)
		}
		stop, plans := filepath.Join(t.TempDir(), "stop"), t.TempDir()
		var workers []*exec.Cmd
		for range 2 {
			workers = append(workers, s.worker(t, upkeep{Stop: stop, Signs: plans}))
		}
		signs(t, plans, 2)
		want := map[string]int{"shear 7 9f run3 g1=3": 4, "source 7 9f run3": 16}
		for i, l := range held {
			commit(t, c, leased(batch("run", config, l.TileID, 3, 1), held))
			want[fmt.Sprintf("shear %d 9f run g1=1", l.TileID)], want[fmt.Sprintf("source %d 9f run", l.TileID)] = 4, 12
			wants(t, contents(t, c, catalog.Filter{}), want)
			signs(t, plans, 2+2*i)
		}
		if err := os.WriteFile(stop, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, w := range workers {
			if err := w.Wait(); err != nil {
				t.Errorf("%v\n%s", err, w.Stderr)
			}
		}
		wants(t, contents(t, c, catalog.Filter{}), want)
		tick()
		now := time.Now()
		s.expire(t, c, s.plan(t, c, catalog.Retention{Before: now, Keep: 1}))
		wants(t, contents(t, c, catalog.Filter{}), want)
		if x := s.plan(t, c, catalog.Retention{Before: now, Keep: 1}); !x.Empty() || x.Lease != nil || x.Tables[0].Stay != 1 {
			t.Errorf("%+v %+v", x, x.Tables[0])
		}
		t.Logf("the workers said %s and %s", workers[0].Stdout, workers[1].Stdout)
	})
}

// TestExpiryTwice has three processes carry the same plan out at once.
func TestExpiryTwice(t *testing.T) {
	eachSite(t, func(t *testing.T, s site) {
		c := catalogtest.Open(t, s.Catalog)
		for i := range 8 {
			commit(t, c, batch(fmt.Sprint("run", i), config, 7, 1+i, float32(i)))
		}
		s.die(t, "edff_shear", 8)
		want := contents(t, c, catalog.Filter{})
		at := tick()
		start, plans := filepath.Join(t.TempDir(), "start"), t.TempDir()
		var workers []*exec.Cmd
		for range 3 {
			workers = append(workers, s.worker(t, upkeep{Go: start, Signs: plans}))
		}
		signs(t, plans, len(workers))
		if err := os.WriteFile(start, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, w := range workers {
			if err := w.Wait(); err != nil {
				t.Errorf("%v\n%s", err, w.Stderr)
			}
		}
		wants(t, contents(t, c, catalog.Filter{}), want)
		if x := s.plan(t, c, catalog.Retention{Before: at, Keep: 1}); !x.Empty() || x.Tables[0].Stay != 1 {
			t.Errorf("%+v %+v", x, x.Tables[0])
		}
		t.Logf("the workers said %s, %s and %s", workers[0].Stdout, workers[1].Stdout, workers[2].Stdout)
	})
}
