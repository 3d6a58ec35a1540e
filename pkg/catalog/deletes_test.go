package catalog_test

import (
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
)

// deleteRows deletes rows of a table by a mode of Iceberg's.
func deleteRows(t *testing.T, c *catalog.Catalog, name, mode string, which iceberg.BooleanExpression) {
	t.Helper()
	tb, err := catalog.Raw(c).LoadTable(t.Context(), table.Identifier{"shear", name})
	if err != nil {
		t.Fatal(err)
	}
	tx := tb.NewTransaction()
	if err := tx.SetProperties(iceberg.Properties{"write.delete.mode": mode}); err != nil {
		t.Fatal(err)
	}
	if err := tx.Delete(t.Context(), which, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Rows that somebody deleted stay deleted: where only a delete file says so, a
// commit is refused, and where the data files were written anew it is made.
func TestDeletedRowsStay(t *testing.T) {
	one := iceberg.NewAnd(iceberg.EqualTo(iceberg.Reference("TILE_ID"), int64(7)), iceberg.EqualTo(iceberg.Reference("SUBTILE_COL"), int32(1)))
	for _, name := range []string{"edff_shear", "edff_shear_sources"} {
		t.Run(name, func(t *testing.T) {
			c := open(t, t.TempDir())
			commit(t, c, batch("r1", config, 7, 4, 0.1))
			commit(t, c, batch("r1", config, 8, 4, 0.1))
			deleteRows(t, c, name, "merge-on-read", one)
			deleted := contents(t, c, catalog.Filter{})
			_, err := c.Commit(t.Context(), batch("r2", config, 7, 4, 0.5))
			for _, err := range []error{err, usable(t, c.Settings())} {
				if fault.CodeOf(err) != catalog.CodeDeletes || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "remove-dangling-deletes") {
					t.Errorf("%v", err)
				}
			}
			after := contents(t, c, catalog.Filter{})
			if name == "edff_shear" { // the sources are committed first
				deleted, after = only(deleted, "shear"), only(after, "shear")
			}
			wants(t, after, deleted)
		})
	}
	t.Run("copy-on-write", func(t *testing.T) {
		c := open(t, t.TempDir())
		commit(t, c, batch("r1", config, 7, 4, 0.1))
		deleteRows(t, c, "edff_shear_sources", "copy-on-write", one)
		commit(t, c, batch("r2", config, 8, 4, 0.5))
	})
}

// TestDeletesBeforeReplay: somebody deletes rows of a tile between a commit's
// staging and its end, so that it is replayed. The commit keeps rows of that tile,
// whose sub-tile failed this time: those that were deleted aren't among them.
func TestDeletesBeforeReplay(t *testing.T) {
	for _, name := range []string{"edff_shear", "edff_shear_sources"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c, other := open(t, dir), open(t, dir)
			commit(t, c, batch("r1", config, 7, 4, 0.1))
			deleted := false
			c.Pause(func(asked string) {
				if asked == name && !deleted {
					deleted = true
					deleteRows(t, other, name, "merge-on-read", iceberg.EqualTo(iceberg.Reference("SUBTILE_COL"), int32(1)))
				}
			})
			_, err := c.Commit(t.Context(), without(batch("r2", config, 7, 5, 0.5), "failed", 1, 3))
			if !deleted || err != nil && fault.CodeOf(err) != catalog.CodeDeletes {
				t.Errorf("%v, %v", deleted, err)
			}
			if name == "edff_shear" {
				for row, err := range other.Rows(t.Context(), catalog.Filter{}) {
					if err != nil || row.Col == 1 && row.RunID == "r1" {
						t.Errorf("%+v is back, %v", row, err)
					}
				}
				return
			}
			for row, err := range other.Sources(t.Context(), catalog.Filter{}) {
				if err != nil || row.Col == 1 && row.RunID == "r1" {
					t.Fatalf("%+v is back, %v", row, err)
				}
			}
		})
	}
}

// only keeps what is told of one table.
func only(all map[string]int, table string) map[string]int {
	some := map[string]int{}
	for key, n := range all {
		if strings.HasPrefix(key, table+" ") {
			some[key] = n
		}
	}
	return some
}
