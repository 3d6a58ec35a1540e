package files_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/files"
	"github.com/cosmostat/constellation/pkg/sky"
)

func of(config string, tiles ...int64) files.Match { return files.Match{Config: config, Tiles: tiles} }

// TestReplace replaces tiles again and again under every kind of spec, beside the
// deletes of somebody else, and reads with whatever reader there is.
func TestReplace(t *testing.T) {
	for name, spec := range map[string]iceberg.PartitionSpec{
		"none": *iceberg.UnpartitionedSpec, "identity": on(1, iceberg.IdentityTransform{}), "truncate": on(1, iceberg.TruncateTransform{Width: 8}),
		"bucket": on(1, iceberg.BucketTransform{NumBuckets: 4}), "objects": on(4, iceberg.BucketTransform{NumBuckets: 3}),
	} {
		for _, version := range []string{"2", "3"} {
			t.Run(name+version, func(t *testing.T) {
				t.Parallel()
				w := open(t)
				w.create(spec, version)
				want := model{}
				var rows []row
				for tile := range int64(30) {
					rows = append(rows, tileRows(100+tile, configA, 1)...)
				}
				want.put(rows)
				first := w.replace(rows, of(configA, 100, 101))
				if s := first.CurrentSnapshot().Summary; s.Operation != table.OpAppend || s.Properties["made-by"] != "test" {
					t.Errorf("the first snapshot is %v", s)
				}
				more := append(tileRows(104, configB, 20), tileRows(105, configB, 20)...)
				want.put(more)
				w.replace(more, of(configB, 104, 105))

				again := func(what string, value float32, config string, tiles ...int64) {
					t.Helper()
					var rows []row
					for _, tile := range tiles {
						rows = append(rows, tileRows(tile, config, value)[:18]...)
					}
					want.drop(func(k key) bool {
						for _, tile := range tiles {
							if k.tile == tile && k.config == config {
								return true
							}
						}
						return false
					})
					want.put(rows)
					before := len(w.load().Metadata().Snapshots())
					done := w.replace(rows, of(config, tiles...))
					if n := len(done.Metadata().Snapshots()); n != before+1 || done.CurrentSnapshot().Summary.Operation != table.OpOverwrite {
						t.Errorf("%s: %d snapshots more, the last %v", what, n-before, done.CurrentSnapshot().Summary)
					}
					w.check(what, want, false)
				}
				again("a tile", 2, configA, 104)
				again("the same again", 3, configA, 104)
				again("its neighbours", 4, configA, 103, 105, 129)

				// Somebody deletes rows of tile 106, and of one that comes next.
				tx := w.load().NewTransaction()
				err := tx.Delete(t.Context(), iceberg.NewAnd(iceberg.IsIn(iceberg.Reference("TILE_ID"), int64(106), int64(107)), iceberg.EqualTo(iceberg.Reference("SUBTILE_ROW"), int32(1))), nil)
				if err == nil {
					_, err = tx.Commit(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
				want.drop(func(k key) bool { return (k.tile == 106 || k.tile == 107) && k.row == 1 })
				w.check("somebody's delete", want, false)
				again("a tile with deletes", 5, configA, 107)
				again("the other configuration", 6, configB, 104)

				// Sub-tiles that are kept.
				part := tileRows(108, configA, 7)[:5]
				want.drop(func(k key) bool { return k.tile == 108 && k.row == 0 && k.col == 0 })
				want.put(part)
				m := of(configA, 108)
				m.Keep = []sky.SubTileID{sky.ID(108, 0, 1), sky.ID(108, 1, 0), sky.ID(108, 1, 1), sky.ID(109, 0, 0)}
				w.replace(part, m)
				w.check("sub-tiles kept", want, false)

				// Nothing to add.
				want.drop(func(k key) bool { return k.tile == 110 })
				done := w.replace(nil, of(configA, 110))
				if op := done.CurrentSnapshot().Summary.Operation; op != table.OpDelete {
					t.Errorf("a delete is %s", op)
				}
				if same := w.replace(nil, of(configA, 110)); same.CurrentSnapshot().SnapshotID != done.CurrentSnapshot().SnapshotID {
					t.Error("nothing to do made a snapshot")
				}
				w.check("at the end", want, true)
			})
		}
	}
}

// TestReplaceIsLost: what was staged before somebody's commit isn't committed after
// it, be it of the same tile or of another one.
func TestReplaceIsLost(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		w := open(t)
		w.create(on(1, iceberg.TruncateTransform{Width: 100}), version)
		var rows []row
		for tile := range int64(4) {
			rows = append(rows, tileRows(tile, configA, 1)...)
		}
		base := w.replace(rows, of(configA, 0))
		want := model{}
		want.put(rows)
		for i, tile := range []int64{1, 2} {
			w.replace(tileRows(tile, configA, float32(2+i)), of(configA, tile))
			want.put(tileRows(tile, configA, float32(2+i)))
			if _, err := replace(t, base, tileRows(1, configA, 9), of(configA, 1)); !errors.Is(err, table.ErrCommitFailed) {
				// The library's own SQL catalogue has no type for it.
				if err == nil || fmt.Sprint(err) == "" {
					t.Fatalf("format %s: a commit on an earlier state: %v", version, err)
				}
			}
			w.check("after a lost race", want, i == 1)
		}
	}
}
