package files_test

import (
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

// promote has somebody widen columns, as the standard lets them.
func (w *warehouse) promote(columns map[string]iceberg.Type) {
	w.Helper()
	tx := w.load().NewTransaction()
	u := tx.UpdateSchema(true, false)
	for name, to := range columns {
		u.UpdateColumn([]string{name}, table.ColumnUpdate{FieldType: iceberg.Optional[iceberg.Type]{Val: to, Valid: true}})
	}
	err := u.Commit()
	if err == nil {
		_, err = tx.Commit(w.Context())
	}
	if err != nil {
		w.Fatal(err)
	}
}

// TestPromoted: rows of the narrower types are written to columns that were widened,
// int to long and float to double, keys and values; what is in files of before is
// found, replaced and compacted, and all readers agree.
func TestPromoted(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			w.create(on(1, iceberg.TruncateTransform{Width: 100}), version)
			want := model{}
			first := append(tileRows(1, configA, 0.1), tileRows(2, configA, 0.2)...)
			want.put(first)
			w.replace(first, of(configA, 1, 2))
			w.promote(map[string]iceberg.Type{"SUBTILE_ROW": iceberg.PrimitiveTypes.Int64, "SUBTILE_COL": iceberg.PrimitiveTypes.Int64, "VALUE": iceberg.PrimitiveTypes.Float64})
			w.check("widened", want, false)
			again := append(tileRows(2, configA, 0.3)[:17], tileRows(3, configA, -1e30)...)
			want.drop(func(k key) bool { return k.tile == 2 })
			want.put(again)
			w.replace(again, of(configA, 2, 3))
			w.check("replaced", want, true)
			data, _ := w.live()
			for _, f := range data {
				size := 4 // bytes of a bound
				if f.Count() == int64(len(again)) {
					size = 8
				}
				for _, id := range []int{2, 3, 5} {
					if n := len(f.LowerBoundValues()[id]); n != size {
						t.Errorf("the bound of field %d of a file of %d rows has %d bytes, want %d", id, f.Count(), n, size)
					}
				}
			}
			if taken, _ := w.compact(compaction()); taken != 2 {
				t.Errorf("%d files were compacted", taken)
			}
			w.check("compacted", want, true)
		})
	}
}

// TestNotPromoted: types that don't hold the values are refused, by the column's name.
func TestNotPromoted(t *testing.T) {
	w := open(t)
	tb := w.create(on(1, iceberg.TruncateTransform{Width: 100}), "2")
	for _, c := range []struct {
		column string
		typ    arrow.DataType
	}{{"SUBTILE_ROW", arrow.PrimitiveTypes.Int64}, {"VALUE", arrow.PrimitiveTypes.Float64}, {"VALUE", arrow.PrimitiveTypes.Int32}, {"OBJECT_ID", arrow.PrimitiveTypes.Float64}, {"CONFIG_ID", arrow.PrimitiveTypes.Int64}} {
		rec := record(tileRows(1, configA, 1))
		var fields []arrow.Field
		var cols []arrow.Array
		for i, f := range rec.Schema().Fields() {
			col := rec.Column(i)
			if f.Name == c.column {
				f.Type = c.typ
				col = array.MakeArrayOfNull(memory.DefaultAllocator, c.typ, int(rec.NumRows()))
				f.Nullable = true
			}
			fields, cols = append(fields, f), append(cols, col)
		}
		other := array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, rec.NumRows())
		_, err := files.Write(t.Context(), tb, func(yield func(arrow.RecordBatch, error) bool) { yield(other, nil) }, options)
		if fault.CodeOf(err) != tables.CodeTable || !strings.Contains(err.Error(), c.column) {
			t.Errorf("%s of %s: %v", c.column, c.typ, err)
		}
	}
	if _, err := os.Stat(w.dir + "/t/data"); !os.IsNotExist(err) {
		if left := w.parquet(); len(left) > 0 {
			t.Errorf("%v are left behind", left)
		}
	}
}
