package catalog_test

import (
	"sync"
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

// Rows that somebody deleted stay deleted when another tile of the same file is
// replaced, whether a delete file says so or the data files were written anew; also
// where it is deleted while a commit is under way, which then is built again.
func TestDeletedRowsStay(t *testing.T) {
	one := iceberg.NewAnd(iceberg.EqualTo(iceberg.Reference("TILE_ID"), int64(7)), iceberg.EqualTo(iceberg.Reference("SUBTILE_COL"), int32(1)))
	for _, name := range []string{"edff_shear", "edff_shear_sources"} {
		for _, mode := range []string{"merge-on-read", "copy-on-write"} {
			for _, when := range []string{"before", "between"} {
				t.Run(name+" "+mode+" "+when, func(t *testing.T) {
					c := open(t, t.TempDir())
					shear, sources := tile(7, 4, 0.1)
					others, theirs := tile(8, 4, 0.1)
					commit(t, c, catalog.Batch{RunID: "r1", ConfigID: config, Shear: append(shear, others...), Sources: chunks(append(sources, theirs...)...)})
					deletion := func() { deleteRows(t, c, name, mode, one) }
					if when == "before" {
						deletion()
					} else {
						late := sync.OnceFunc(deletion)
						mine := open(t, c.Location())
						mine.Pause(func(table string) {
							if table == name {
								late()
							}
						})
						c = mine
					}
					commit(t, c, batch("r2", config, 8, 4, 0.5))
					commit(t, c, batch("r3", config, 9, 4, 0.5))
					if err := usable(t, c.Settings()); err != nil {
						t.Error(err)
					}
					got := contents(t, c, catalog.Filter{Tiles: []int64{7}})
					want := map[string]int{"shear 7 9f r1 g1=0.1": 4, "source 7 9f r1": 16}
					if name == "edff_shear" {
						want["shear 7 9f r1 g1=0.1"] = 2
					} else {
						want["source 7 9f r1"] = 8
					}
					wants(t, got, want)
					all := contents(t, c, catalog.Filter{Tiles: []int64{8, 9}})
					wants(t, all, map[string]int{"shear 8 9f r2 g1=0.5": 4, "source 8 9f r2": 16, "shear 9 9f r3 g1=0.5": 4, "source 9 9f r3": 16})
				})
			}
		}
	}
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
