package catalog_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// lease gives tiles to a holder, whoever has them.
func lease(t testing.TB, c *catalog.Catalog, holder string, expiry time.Duration, tiles ...int64) (leases []catalog.Lease) {
	t.Helper()
	err := c.Amend(t.Context(), config, func(l *catalog.Ledger) ([]catalog.Lease, error) {
		leases = nil
		for _, id := range tiles {
			now := time.Now().UTC().Truncate(time.Second)
			leases = append(leases, catalog.Lease{TileID: id, Holder: holder, Token: l.Token, Since: now, Expires: now.Add(expiry), Attempt: l.Leases[id].Attempt + 1})
		}
		return leases, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return leases
}

func leased(b catalog.Batch, leases []catalog.Lease) catalog.Batch {
	b.Leases = leases
	return b
}

func ledger(t testing.TB, c *catalog.Catalog) map[int64]catalog.Lease {
	t.Helper()
	l, err := c.Ledger(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return l.Leases
}

func refused(t testing.TB, c *catalog.Catalog, b catalog.Batch, code string) {
	t.Helper()
	_, err := c.Commit(t.Context(), b)
	if fault.CodeOf(err) != code || fault.KindOf(err) != fault.BadInput {
		t.Errorf("commit: %v, want %s", err, code)
	}
}

// TestLeases commits under leases, one after the other.
func TestLeases(t *testing.T) {
	catalogtest.Each(t, func(t *testing.T, s settings.Catalog) {
		c := catalogtest.Open(t, s)
		a := lease(t, c, "A", time.Hour, 7, 8)
		if l := ledger(t, c); len(l) != 2 || l[7] != a[0] || l[8] != a[1] {
			t.Errorf("leased %+v, the ledger says %+v", a, l)
		}
		refused(t, c, batch("by hand", config, 7, 3, 0.5), catalog.CodeLeased)
		commit(t, c, batch("by hand", "aa-another", 7, 3, 0.5)) // another configuration's tile is another tile

		commit(t, c, leased(batch("runA", config, 7, 3, 0.25), a))
		if l := ledger(t, c); len(l) != 1 || l[8] != a[1] {
			t.Errorf("after the commit of tile 7 the ledger says %+v", l)
		}
		// Tried again after its end was not heard of, even with other results: done.
		if s := commit(t, c, leased(batch("runA", config, 7, 3, 0.75), a)); !s.Unchanged {
			t.Errorf("the same lease committed twice: %+v", s)
		}
		want := map[string]int{"shear 7 9f runA g1=0.25": 4, "source 7 9f runA": 12}
		wants(t, contents(t, c, catalog.Filter{ConfigID: config}), want)

		// B takes tile 8 over: a greater token, another attempt.
		b := lease(t, c, "B", time.Hour, 8)
		if b[0].Token <= a[1].Token || b[0].Attempt != 2 {
			t.Errorf("taken over %+v, as %+v", a[1], b[0])
		}
		refused(t, c, leased(batch("runA", config, 8, 3, 0.25), a), catalog.CodeLeaseLost)
		wants(t, contents(t, c, catalog.Filter{ConfigID: config}), want)
		// A tile that was leased to nobody is not the holder's either.
		refused(t, c, leased(batch("runA", config, 9, 3, 0.25), a), catalog.CodeLeaseLost)

		// Failed rows end the lease and leave the number of attempts.
		broken := batch("runB", config, 8, 0, 0.5)
		broken.Shear[3] = results.Shear{TileID: 8, Row: 1, Col: 1, RA: 52.9, Dec: -28.1, Status: survey.StatusFailed}
		commit(t, c, leased(broken, b))
		if l := ledger(t, c); len(l) != 1 || l[8] != (catalog.Lease{TileID: 8, Attempt: 2}) {
			t.Errorf("after a commit with failures the ledger says %+v", l)
		}
		// The same failure again makes no rows, and ends the lease all the same.
		again := lease(t, c, "B", time.Hour, 8)
		if s := commit(t, c, leased(broken, again)); !s.Unchanged {
			t.Errorf("the same failure: %+v", s)
		}
		if l := ledger(t, c); len(l) != 1 || l[8] != (catalog.Lease{TileID: 8, Attempt: 3}) {
			t.Errorf("after the same failure the ledger says %+v", l)
		}
		// A lease that has run out is no obstacle to a commit without one, which ends it.
		lease(t, c, "C", -time.Hour, 8)
		commit(t, c, batch("by hand", config, 8, 2, 0.5))
		if l := ledger(t, c); len(l) != 0 {
			t.Errorf("at the end the ledger says %+v", l)
		}
		want["shear 8 9f by hand g1=0.5"], want["source 8 9f by hand"] = 4, 8
		wants(t, contents(t, c, catalog.Filter{ConfigID: config}), want)
	})
}

// TestZombie stalls a committer after all of its checks, at the door of the
// catalogue, while another one takes its tile over, and commits it or is still at it.
func TestZombie(t *testing.T) {
	catalogtest.Each(t, func(t *testing.T, s settings.Catalog) {
		for i, tc := range []struct {
			at    string
			early bool // the next holder commits before the zombie wakes up
		}{{"edff_shear_sources", true}, {"edff_shear", true}, {"edff_shear_sources", false}, {"edff_shear", false}} {
			t.Run(fmt.Sprintf("before %s, early %t", tc.at, tc.early), func(t *testing.T) {
				tile := int64(10 + i)
				a, b := catalogtest.Open(t, s), catalogtest.Open(t, s)
				mine := lease(t, a, "A", time.Hour, tile)
				var theirs []catalog.Lease
				next := func() { commit(t, b, leased(batch("runB", config, tile, 5, 0.5), theirs)) }
				a.Pause(func(table string) {
					if table == tc.at && theirs == nil {
						if theirs = lease(t, b, "B", time.Hour, tile); tc.early {
							next()
						}
					}
				})
				refused(t, a, leased(batch("runA", config, tile, 3, 0.25), mine), catalog.CodeLeaseLost)
				if theirs == nil {
					t.Fatal("the committer never came to commit")
				}
				if !tc.early {
					if l := ledger(t, b)[tile]; l != theirs[0] {
						t.Errorf("the zombie left %+v of %+v", l, theirs[0])
					}
					next()
				}
				f := catalog.Filter{ConfigID: config, Tiles: []int64{tile}}
				want := map[string]int{fmt.Sprintf("shear %d 9f runB g1=0.5", tile): 4, fmt.Sprintf("source %d 9f runB", tile): 20}
				wants(t, contents(t, b, f), want)
				refused(t, a, leased(batch("runA", config, tile, 3, 0.25), mine), catalog.CodeLeaseLost)
				wants(t, contents(t, b, f), want)
				if l := ledger(t, b); len(l) != 0 {
					t.Errorf("leases are left: %+v", l)
				}
			})
		}
	})
}

// TestZombieOfTheSameRows: the next holder finds its own sources there, which it left
// under an earlier lease. A holder between the two, who was about to replace them, is
// refused all the same.
func TestZombieOfTheSameRows(t *testing.T) {
	catalogtest.Each(t, func(t *testing.T, s settings.Catalog) {
		first, a, b := catalogtest.Open(t, s), catalogtest.Open(t, s), catalogtest.Open(t, s)
		rows, held := batch("runB", config, 7, 5, 0.5), lease(t, first, "B", time.Hour, 7)
		ctx, die := context.WithCancel(t.Context())
		first.Pause(func(table string) {
			if table == "edff_shear" {
				die()
			}
		})
		if _, err := first.Commit(ctx, leased(rows, held)); fault.KindOf(err) != fault.Canceled {
			t.Fatalf("the commit that is cut off: %v", err)
		}
		mine := lease(t, a, "A", time.Hour, 7)
		overtaken := false
		a.Pause(func(table string) {
			if !overtaken {
				overtaken = true
				commit(t, b, leased(rows, lease(t, b, "B", time.Hour, 7)))
			}
		})
		refused(t, a, leased(batch("runA", config, 7, 3, 0.25), mine), catalog.CodeLeaseLost)
		wants(t, contents(t, b, catalog.Filter{}), map[string]int{"shear 7 9f runB g1=0.5": 4, "source 7 9f runB": 20})
	})
}

// TestTakenOverBetweenTables lets the next holder come while the first one has
// committed sources and no shear yet: what it wrote is replaced, not added to.
func TestTakenOverBetweenTables(t *testing.T) {
	catalogtest.Each(t, func(t *testing.T, s settings.Catalog) {
		a, b := catalogtest.Open(t, s), catalogtest.Open(t, s)
		mine := lease(t, a, "A", time.Hour, 7)
		ctx, die := context.WithCancel(t.Context())
		a.Pause(func(table string) {
			if table == "edff_shear" {
				die()
			}
		})
		if _, err := a.Commit(ctx, leased(batch("runA", config, 7, 3, 0.25), mine)); fault.KindOf(err) != fault.Canceled {
			t.Fatalf("the first holder's commit: %v", err)
		}
		wants(t, contents(t, b, catalog.Filter{}), map[string]int{"source 7 9f runA": 12})
		commit(t, b, leased(batch("runB", config, 7, 5, 0.5), lease(t, b, "B", time.Hour, 7)))
		want := map[string]int{"shear 7 9f runB g1=0.5": 4, "source 7 9f runB": 20}
		wants(t, contents(t, b, catalog.Filter{}), want)
		refused(t, catalogtest.Open(t, s), leased(batch("runA", config, 7, 3, 0.25), mine), catalog.CodeLeaseLost)
		wants(t, contents(t, b, catalog.Filter{}), want)
	})
}

// TestCompact merges manifests, and nothing else changes.
func TestCompact(t *testing.T) {
	c := open(t, t.TempDir())
	commit(t, c, batch("run1", config, 0, 3, 0.25))
	if err := c.Grow(t.Context(), 0, 200, 2); err != nil {
		t.Fatal(err)
	}
	commit(t, c, batch("run1", config, 1000, 3, 0.25))
	rows := func() map[int64]catalog.Rows {
		l, err := c.Ledger(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := l.Rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	before, many := rows(), c.Manifests(t)
	if len(before) != 202 || before[1000] != (catalog.Rows{Count: 4}) || many < 100 {
		t.Fatalf("%d tiles in %d manifests", len(before), many)
	}
	if err := c.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if few := c.Manifests(t); few > 3 || !maps.Equal(before, rows()) {
		t.Errorf("%d manifests became %d, and the rows %v", many, few, rows())
	}
	if s := commit(t, c, batch("run2", config, 1000, 3, 0.25)); !s.Unchanged {
		t.Error("what was committed before is not known any more")
	}
	commit(t, c, batch("run2", config, 1000, 2, 0.5))
	wants(t, contents(t, c, catalog.Filter{ConfigID: config, Tiles: []int64{1000}}), map[string]int{"shear 1000 9f run2 g1=0.5": 4, "source 1000 9f run2": 8})
}

// TestReplacementOfEachKind replaces tiles in catalogues that a server keeps.
func TestReplacementOfEachKind(t *testing.T) {
	catalogtest.Each(t, func(t *testing.T, s settings.Catalog) { replacement(t, catalogtest.Open(t, s)) })
}
