package files_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/files"
)

// compact goes on until nothing is left to do.
func (w *warehouse) compact(o files.Compaction) (taken, commits int) {
	w.Helper()
	c := files.NewCompactor(o)
	for range 50 {
		t := w.load()
		p, err := c.Plan(w.Context(), t)
		if err != nil {
			w.Fatal(err)
		}
		if p.Empty() {
			return taken, commits
		}
		r, err := c.Rewrite(w.Context(), t, p)
		if err != nil {
			w.Fatal(err)
		}
		done, n, err := c.Commit(w.Context(), t, r, iceberg.Properties{"made-by": "compaction"})
		if err != nil {
			w.Fatal(err)
		}
		if taken += n.Taken; done.CurrentSnapshot().SnapshotID != t.CurrentSnapshot().SnapshotID {
			commits++
			if s := done.CurrentSnapshot().Summary; s.Operation != table.OpReplace || s.Properties["made-by"] != "compaction" {
				w.Errorf("the snapshot is %v", s)
			}
		}
	}
	w.Fatal("compaction does not end")
	return 0, 0
}

func compaction() files.Compaction { return files.Compaction{Options: options} }

// live are the table's data files, and its delete files.
func (w *warehouse) live() (data, deletes []iceberg.DataFile) {
	w.Helper()
	t := w.load()
	fs, err := t.FS(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	list, err := t.CurrentSnapshot().Manifests(fs)
	if err != nil {
		w.Fatal(err)
	}
	for _, m := range list {
		for e, err := range m.Entries(fs, true) {
			if err != nil {
				w.Fatal(err)
			}
			if e.DataFile().ContentType() == iceberg.EntryContentData {
				data = append(data, e.DataFile())
			} else {
				deletes = append(deletes, e.DataFile())
			}
		}
	}
	return data, deletes
}

// TestCompact compacts tables of every kind of spec, with deletes of ours and of
// somebody else, with files of an earlier spec and some in no order.
func TestCompact(t *testing.T) {
	for name, c := range map[string]struct {
		first, then iceberg.PartitionSpec
		files       int // at the end
	}{
		"none":              {first: *iceberg.UnpartitionedSpec, files: 1},
		"truncate":          {first: on(1, iceberg.TruncateTransform{Width: 10}), files: 3},
		"bucket":            {first: on(1, iceberg.BucketTransform{NumBuckets: 4}), files: 4},
		"objects":           {first: on(4, iceberg.BucketTransform{NumBuckets: 3}), files: 3},
		"identity, then 10": {first: on(1, iceberg.IdentityTransform{}), then: on(1, iceberg.TruncateTransform{Width: 10}), files: 3},
		"none, then 10":     {first: *iceberg.UnpartitionedSpec, then: on(1, iceberg.TruncateTransform{Width: 10}), files: 3},
		"10, then buckets":  {first: on(1, iceberg.TruncateTransform{Width: 10}), then: on(1, iceberg.BucketTransform{NumBuckets: 4}), files: 4},
		"10, then none":     {first: on(1, iceberg.TruncateTransform{Width: 10}), then: *iceberg.UnpartitionedSpec, files: 1},
	} {
		for _, version := range []string{"2", "3"} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				w := open(t)
				w.create(c.first, version)
				want := w.messy()
				if c.then.NumFields() > 0 || strings.HasSuffix(name, "then none") {
					w.respec(c.then)
					w.replace(tileRows(102, configA, 40), of(configA, 102))
					want.drop(func(k key) bool { return k.tile == 102 && k.config == configA })
					want.put(tileRows(102, configA, 40))
				}
				w.check("before", want, false)
				ids := w.lineage(version)
				taken, commits := w.compact(compaction())
				w.check("compacted", want, true)
				data, deletes := w.live()
				if len(data) != c.files || len(deletes) != 0 || taken == 0 || commits == 0 {
					t.Errorf("%d data files, want %d; %d delete files; %d taken in %d commits", len(data), c.files, len(deletes), taken, commits)
				}
				for _, f := range data {
					if id := f.SortOrderID(); name != "objects" && (id == nil || *id != 1) || int(f.SpecID()) != w.load().Metadata().DefaultPartitionSpec() {
						t.Errorf("a file of order %v, spec %d", id, f.SpecID())
					}
				}
				if now := w.lineage(version); name != "objects" {
					sameLineage(t, ids, now)
				}
				if n, _ := w.compact(compaction()); n != 0 {
					t.Errorf("a second time: %d files", n)
				}
				// What is there can be replaced and compacted again.
				w.replace(tileRows(103, configA, 50), of(configA, 103))
				want.drop(func(k key) bool { return k.tile == 103 && k.config == configA })
				want.put(tileRows(103, configA, 50))
				if n, _ := w.compact(compaction()); n < 2 {
					t.Errorf("a third time: %d files", n)
				}
				w.check("compacted again", want, true)
			})
		}
	}
}

// messy fills a table by commits of some tiles each, replaced, deleted by somebody
// and appended in no order.
func (w *warehouse) messy() model {
	want := model{}
	for round := range int64(4) {
		var rows []row
		var tiles []int64
		for tile := 100 + round; tile < 130; tile += 4 {
			rows, tiles = append(rows, tileRows(tile, configA, float32(round))...), append(tiles, tile)
		}
		want.put(rows)
		w.replace(rows, of(configA, tiles...))
	}
	both := append(tileRows(104, configB, 20), tileRows(105, configB, 20)...)
	want.put(both)
	w.replace(both, of(configB, 104, 105))
	again := tileRows(104, configA, 30)[:18]
	want.drop(func(k key) bool { return k.tile == 104 && k.config == configA })
	want.put(again)
	w.replace(again, of(configA, 104))
	tx := w.load().NewTransaction()
	err := tx.Delete(w.Context(), iceberg.NewAnd(iceberg.IsIn(iceberg.Reference("TILE_ID"), int64(106), int64(107)), iceberg.EqualTo(iceberg.Reference("SUBTILE_ROW"), int32(1))), nil)
	if err == nil {
		_, err = tx.Commit(w.Context())
	}
	if err != nil {
		w.Fatal(err)
	}
	want.drop(func(k key) bool { return (k.tile == 106 || k.tile == 107) && k.row == 1 })
	var jumbled []row
	for tile := int64(111); tile < 128; tile += 8 {
		jumbled = append(jumbled, tileRows(tile, configB, 60)...)
	}
	want.put(jumbled)
	rand.Shuffle(len(jumbled), func(i, j int) { jumbled[i], jumbled[j] = jumbled[j], jumbled[i] })
	rdr, err := array.NewRecordReader(record(jumbled[:1]).Schema(), []arrow.RecordBatch{record(jumbled[:20]), record(jumbled[20:])})
	if err != nil {
		w.Fatal(err)
	}
	if _, err := w.load().Append(w.Context(), rdr, nil); err != nil {
		w.Fatal(err)
	}
	return want
}

// respec gives the table another partition spec for new files.
func (w *warehouse) respec(to iceberg.PartitionSpec) {
	w.Helper()
	tx := w.load().NewTransaction()
	spec := tx.UpdateSpec(true)
	is := w.load().Spec()
	for _, f := range is.Fields() {
		spec.RemoveField(f.Name)
	}
	for i := range to.NumFields() {
		spec.AddField("TILE_ID", to.Field(i).Transform, fmt.Sprintf("then%d", i))
	}
	err := spec.Commit()
	if err == nil {
		_, err = tx.Commit(w.Context())
	}
	if err != nil {
		w.Fatal(err)
	}
}

// lineage are the ids of a table's rows, and the numbers of their commits.
func (w *warehouse) lineage(version string) map[key][2]int64 {
	w.Helper()
	if version != "3" {
		return nil
	}
	scan := w.load().Scan(table.WithRowLineage())
	_, records, err := scan.ToArrowRecords(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	ids := map[key][2]int64{}
	for rec, err := range records {
		if err != nil {
			w.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			k := key{rec.Column(0).(*array.Int64).Value(i), rec.Column(1).(*array.Int32).Value(i), rec.Column(2).(*array.Int32).Value(i), rec.Column(3).(*array.Int64).Value(i), rec.Column(5).(*array.String).Value(i)}
			ids[k] = [2]int64{rec.Column(6).(*array.Int64).Value(i), rec.Column(7).(*array.Int64).Value(i)}
		}
		rec.Release()
	}
	return ids
}

func sameLineage(t *testing.T, before, after map[key][2]int64) {
	t.Helper()
	seen := map[int64]bool{}
	for k, id := range after {
		if before[k] != id || seen[id[0]] {
			t.Errorf("row %v is %v of the table, was %v (twice: %t)", k, id, before[k], seen[id[0]])
			return
		}
		seen[id[0]] = true
	}
}

// TestCompactBesideOthers: what comes between what is read and the commit is not
// lost, and what it left alone is compacted all the same.
func TestCompactBesideOthers(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		for _, between := range []string{"delete", "replace", "neighbour", "append", "compact"} {
			t.Run(between+version, func(t *testing.T) {
				t.Parallel()
				w := open(t)
				w.create(on(1, iceberg.TruncateTransform{Width: 10}), version)
				want := w.messy()
				c := files.NewCompactor(compaction())
				base := w.load()
				p, err := c.Plan(t.Context(), base)
				if err != nil {
					t.Fatal(err)
				}
				r, err := c.Rewrite(t.Context(), base, p)
				if err != nil || r.Empty() {
					t.Fatalf("%+v, %v", r, err)
				}
				all := 3 // partitions that are whole as they were read
				switch between {
				case "delete":
					tx := w.load().NewTransaction()
					err := tx.Delete(t.Context(), iceberg.NewAnd(iceberg.EqualTo(iceberg.Reference("TILE_ID"), int64(115)), iceberg.EqualTo(iceberg.Reference("SUBTILE_ROW"), int32(1))), nil)
					if err == nil {
						_, err = tx.Commit(t.Context())
					}
					if err != nil {
						t.Fatal(err)
					}
					want.drop(func(k key) bool { return k.tile == 115 && k.row == 1 })
					all = 2
				case "replace":
					w.replace(tileRows(104, configA, 90), of(configA, 104))
					want.drop(func(k key) bool { return k.tile == 104 && k.config == configA })
					want.put(tileRows(104, configA, 90))
					all = 2
				case "neighbour":
					w.replace(tileRows(140, configA, 90), of(configA, 140))
					want.put(tileRows(140, configA, 90))
				case "append":
					w.replace(tileRows(131, configA, 90), of(configA, 131))
					want.put(tileRows(131, configA, 90))
				case "compact":
					w.compact(compaction())
					all = 0
				}
				if _, _, err := c.Commit(t.Context(), base, r, nil); err == nil {
					t.Error("it was committed on a state that is past")
				}
				w.check("after a lost race", want, false)
				before, _ := w.live()
				_, n, err := c.Commit(t.Context(), w.load(), r, nil)
				if err != nil {
					t.Fatal(err)
				}
				w.check("committed on another state", want, false)
				taken := n.Taken
				if after, _ := w.live(); all == 3 && taken != r.Taken || all == 0 && taken != 0 || all == 2 && (taken == 0 || taken == r.Taken) {
					t.Errorf("%d of %d files were taken, from %d to %d", taken, r.Taken, len(before), len(after))
				}
				// The same once more finds nothing to do: it was done.
				if _, again, err := c.Commit(t.Context(), w.load(), r, nil); err != nil || again.Taken != 0 {
					t.Errorf("the same again took %+v, %v", again, err)
				}
				w.compact(compaction())
				w.check("at the end", want, true)
				if _, deletes := w.live(); len(deletes) != 0 {
					t.Errorf("%d delete files are left", len(deletes))
				}
			})
		}
	}
}

// TestCompactTarget: files become about as long as the target, and come to rest.
func TestCompactTarget(t *testing.T) {
	w := open(t)
	w.create(on(1, iceberg.TruncateTransform{Width: 1000}), "2")
	want := model{}
	for tile := range int64(60) {
		rows := tileRows(tile, configA, float32(tile))
		want.put(rows)
		w.replace(rows, of(configA, tile))
	}
	o := compaction()
	o.TargetBytes, o.GroupRows, o.StepBytes = 3000, 100, 12000
	taken, commits := w.compact(o)
	data, _ := w.live()
	small := 0
	for _, f := range data {
		if f.FileSizeBytes() < 2250 {
			small++
		}
		if f.FileSizeBytes() > 6000 {
			t.Errorf("a file of %d bytes", f.FileSizeBytes())
		}
	}
	if small > 1 || len(data) > 20 || taken < 60 || commits < 3 {
		t.Errorf("%d files, %d of them small; %d taken in %d commits", len(data), small, taken, commits)
	}
	w.check("compacted", want, false)
}

// TestCompactRefuses: rows that are lost on the way are not committed.
func TestCompactRefuses(t *testing.T) {
	w := open(t)
	w.create(on(1, iceberg.TruncateTransform{Width: 1000}), "2")
	for tile := range int64(3) {
		w.replace(tileRows(tile, configA, 1), of(configA, tile))
	}
	o := compaction()
	o.Fill = func(rec arrow.RecordBatch) (arrow.RecordBatch, error) { return rec.NewSlice(0, rec.NumRows()-1), nil }
	c := files.NewCompactor(o)
	p, err := c.Plan(t.Context(), w.load())
	if err != nil {
		t.Fatal(err)
	}
	before := len(w.parquet())
	if _, err := c.Rewrite(t.Context(), w.load(), p); err == nil || errors.Is(err, table.ErrCommitFailed) || !strings.Contains(err.Error(), "60 rows are there, and 57 were written") {
		t.Errorf("%v", err)
	}
	if after := len(w.parquet()); after != before {
		t.Errorf("%d files are left behind", after-before)
	}
}
