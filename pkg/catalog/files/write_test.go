package files_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/files"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
)

func local(t testing.TB, f iceberg.DataFile) []byte {
	t.Helper()
	b, err := os.ReadFile(strings.TrimPrefix(f.FilePath(), "file://"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func many(from, to int64) (rows []row) {
	for tile := from; tile < to; tile++ {
		rows = append(rows, tileRows(tile, configA, float32(tile))...)
	}
	return rows
}

// TestWrite looks at what the table is told of the files.
func TestWrite(t *testing.T) {
	w := open(t)
	tb := w.create(on(1, iceberg.TruncateTransform{Width: 10}), "2")
	rows := many(95, 115)
	rows[0].value, rows[1].value = float32(math.NaN()), float32(math.Inf(-1))
	list, err := files.Write(t.Context(), tb, stream(rows, 7), options)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 {
		t.Fatalf("%d files, want one for each of 90, 100 and 110", len(list))
	}
	known := names(tb.Metadata())
	long := func(v int64) string { return string(binary.LittleEndian.AppendUint64(nil, uint64(v))) }
	for i, want := range []struct{ part, low, high, rows, nans, nulls int64 }{{90, 95, 99, 100, 1, 20}, {100, 100, 109, 200, 0, 40}, {110, 110, 114, 100, 0, 20}} {
		f := list[i]
		if f.Count() != want.rows || f.Partition()[1000] != want.part || f.NaNValueCounts()[5] != want.nans || f.NullValueCounts()[5] != want.nulls || f.ValueCounts()[5] != want.rows {
			t.Errorf("file %d: %d rows, partition %v, %d NaNs, %d nulls of %d", i, f.Count(), f.Partition(), f.NaNValueCounts()[5], f.NullValueCounts()[5], f.ValueCounts()[5])
		}
		if string(f.LowerBoundValues()[1]) != long(want.low) || string(f.UpperBoundValues()[1]) != long(want.high) {
			t.Errorf("file %d: bounds of the tile %x, %x", i, f.LowerBoundValues()[1], f.UpperBoundValues()[1])
		}
		if string(f.LowerBoundValues()[6]) != configA || string(f.UpperBoundValues()[6]) != configA {
			t.Errorf("file %d: bounds of the configuration %q, %q", i, f.LowerBoundValues()[6], f.UpperBoundValues()[6])
		}
		if f.SortOrderID() == nil || *f.SortOrderID() != tb.SortOrder().OrderID() {
			t.Errorf("file %d: sort order %v", i, f.SortOrderID())
		}
		if size := len(local(t, f)); f.FileSizeBytes() != int64(size) {
			t.Errorf("file %d: %d bytes, the table is told %d", i, size, f.FileSizeBytes())
		}
		if rel := strings.TrimPrefix(f.FilePath(), tb.Location()+"/"); !known.MatchString(rel) {
			t.Errorf("upkeep doesn't know %s", rel)
		}
	}
	low := math.Float32frombits(binary.LittleEndian.Uint32(list[0].LowerBoundValues()[5]))
	high := math.Float32frombits(binary.LittleEndian.Uint32(list[0].UpperBoundValues()[5]))
	if !math.IsInf(float64(low), -1) || high != 103 {
		t.Errorf("bounds of values with a NaN: %v, %v", low, high)
	}
}

// TestWriteIsTheSame: bytes don't depend on how the rows are cut, and a file ends
// where it is long enough.
func TestWriteIsTheSame(t *testing.T) {
	w := open(t)
	tb := w.create(on(1, iceberg.TruncateTransform{Width: 1000}), "2")
	rows := many(0, 100)
	var first []iceberg.DataFile
	for _, each := range []int{2000, 3, 117} {
		o := options
		o.GroupRows, o.TargetBytes = 300, 3000
		list, err := files.Write(t.Context(), tb, stream(rows, each), o)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = list
		}
		if len(list) < 3 || len(list) != len(first) {
			t.Fatalf("%d files, want %d", len(list), len(first))
		}
		for i, f := range list {
			if !bytes.Equal(local(t, f), local(t, first[i])) {
				t.Errorf("in records of %d rows, file %d has other bytes", each, i)
			}
			if i < len(list)-1 && (f.FileSizeBytes() < 3000 || f.FileSizeBytes() > 20000) {
				t.Errorf("file %d has %d bytes", i, f.FileSizeBytes())
			}
		}
	}
}

// TestWriteRefuses: what can't be written is refused with a code, and no file stays.
func TestWriteRefuses(t *testing.T) {
	broken := errors.New("broken")
	fail := func(rows []row) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for rec, err := range stream(rows, 50) {
				if !yield(rec, err) {
					return
				}
			}
			yield(nil, broken)
		}
	}
	unsorted := append(many(5, 10), many(0, 3)...)
	for name, c := range map[string]struct {
		rows  iter.Seq2[arrow.RecordBatch, error]
		alter func(*table.UpdateSchema)
		spec  *iceberg.PartitionSpec
		code  string
		say   string
	}{
		"unsorted":                {rows: stream(unsorted, 60), code: files.CodeUnsorted, say: "0 after 9"},
		"unsorted in a record":    {rows: stream(unsorted, 1000), code: files.CodeUnsorted},
		"unsorted by a bucket":    {rows: stream(unsorted, 60), spec: ptr(on(4, iceberg.BucketTransform{NumBuckets: 2})), code: files.CodeUnsorted},
		"the source fails":        {rows: fail(many(0, 20)), say: "broken"},
		"a column gone":           {rows: stream(many(0, 2), 9), alter: func(u *table.UpdateSchema) { u.DeleteColumn([]string{"VALUE"}) }, code: tables.CodeTable, say: `column "VALUE"`},
		"a required column added": {rows: stream(many(0, 2), 9), alter: func(u *table.UpdateSchema) { u.AddColumn([]string{"NEW"}, iceberg.PrimitiveTypes.Int32, "", true, nil) }, code: tables.CodeTable, say: `column "NEW"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			spec := on(1, iceberg.TruncateTransform{Width: 4})
			if c.spec != nil {
				spec = *c.spec
			}
			tb := w.create(spec, "2")
			if c.alter != nil {
				tx := tb.NewTransaction()
				u := tx.UpdateSchema(true, true)
				c.alter(u)
				if err := u.Commit(); err != nil {
					t.Fatal(err)
				}
				var err error
				if tb, err = tx.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			o := options
			o.GroupRows = 70
			list, err := files.Write(t.Context(), tb, c.rows, o)
			if err == nil || list != nil || fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.say) {
				t.Fatalf("%d files, %v", len(list), err)
			}
			if left := w.parquet(); len(left) > 0 {
				t.Errorf("files stay: %v", left)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// TestWriteEvolved: columns are found by their ids, whatever their names and types
// are by now; others are null.
func TestWriteEvolved(t *testing.T) {
	w := open(t)
	w.create(on(1, iceberg.TruncateTransform{Width: 4}), "2")
	want := model{}
	want.put(many(0, 8))
	w.replace(many(0, 8), of(configA, 0))
	tx := w.load().NewTransaction()
	u := tx.UpdateSchema(true, true)
	u.RenameColumn([]string{"TILE_ID"}, "TILE").AddColumn([]string{"NOTE"}, iceberg.PrimitiveTypes.String, "", false, nil)
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.replace(tileRows(5, configA, 50), of(configA, 5))
	want.put(tileRows(5, configA, 50))
	w.check("a renamed column", want, true)
	sc := arrow.NewSchema([]arrow.Field{{Name: "SOMETHING", Type: arrow.BinaryTypes.String}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, sc)
	b.Field(0).(*array.StringBuilder).Append("x")
	odd := b.NewRecordBatch()
	if _, err := files.Write(t.Context(), w.load(), func(yield func(arrow.RecordBatch, error) bool) { yield(odd, nil) }, options); fault.CodeOf(err) != tables.CodeTable {
		t.Errorf("records of other columns: %v", err)
	}
}

// TestReplaceInOldTable: files of an earlier spec, one for each tile, are replaced
// like others.
func TestReplaceInOldTable(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		w := open(t)
		w.create(on(1, iceberg.IdentityTransform{}), version)
		want := model{}
		want.put(many(0, 20))
		w.replace(many(0, 20), of(configA, 0))
		tx := w.load().NewTransaction()
		u := tx.UpdateSpec(true).RemoveField("part").AddField("TILE_ID", iceberg.TruncateTransform{Width: 8}, "tiles")
		if err := u.Commit(); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, tile := range []int64{3, 4, 4, 11} {
			w.replace(tileRows(tile, configA, float32(i*10)), of(configA, tile))
			want.put(tileRows(tile, configA, float32(i*10)))
		}
		w.check("an old table", want, true)
		known := names(w.load().Metadata())
		for _, f := range w.parquet() {
			if !known.MatchString(f) {
				t.Errorf("upkeep doesn't know %s", f)
			}
		}
	}
}
