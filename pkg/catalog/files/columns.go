package files

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
)

// fieldID is the key under which Arrow's fields have their ids.
const fieldID = "PARQUET:field_id"

// fit brings records to the columns that a table has now.
type fit struct {
	table  *table.Table
	whole  *iceberg.Schema // of the table, or with its rows' ids
	schema *arrow.Schema   // the same
	fields []iceberg.NestedField
	may    []string // columns of records that the table may lack

	given *arrow.Schema // that from was made for
	from  []int         // the table's columns in the records, -1: not there
}

func newFit(t *table.Table, may []string, lineage bool) (*fit, error) {
	whole := t.Schema()
	if lineage {
		whole = iceberg.SchemaWithRowLineage(whole)
	}
	sc, err := table.SchemaToArrowSchema(whole, nil, true, false)
	return &fit{table: t, whole: whole, schema: sc, fields: whole.Fields(), may: may}, err
}

// columns are a record's values in the table's columns, to be released.
func (f *fit) columns(rec arrow.RecordBatch) ([]arrow.Array, error) {
	if f.given == nil || f.given != rec.Schema() && !f.given.Equal(rec.Schema()) {
		if err := f.match(rec.Schema()); err != nil {
			return nil, err
		}
	}
	out := make([]arrow.Array, 0, len(f.fields))
	for i, from := range f.from {
		var values arrow.Array
		var err error
		if from < 0 {
			values, err = f.filled(i, int(rec.NumRows()))
		} else {
			values, err = f.cast(i, rec.Column(from))
		}
		if err != nil {
			release(out)
			return nil, err
		}
		out = append(out, values)
	}
	return out, nil
}

func release(list []arrow.Array) {
	for _, a := range list {
		a.Release()
	}
}

// match finds the table's columns in the records' schema: by field ids where the
// records have them, else by names.
func (f *fit) match(given *arrow.Schema) error {
	ids := map[int]int{}
	for i, g := range given.Fields() {
		if id, err := strconv.Atoi(meta(g, fieldID)); err == nil {
			ids[id] = i
		}
	}
	f.from = f.from[:0]
	for _, field := range f.fields {
		at, ok := ids[field.ID]
		if !ok && len(ids) == 0 {
			if list := given.FieldIndices(field.Name); len(list) == 1 {
				at, ok = list[0], true
			}
		}
		if !ok {
			at = -1
		}
		if at < 0 && field.Required && field.WriteDefault == nil {
			return f.refuse(field.Name, "it is required, and nothing writes it")
		}
		f.from = append(f.from, at)
	}
	for i, g := range given.Fields() {
		if !slices.Contains(f.from, i) && !slices.Contains(f.may, g.Name) {
			return f.refuse(g.Name, "it is not there any more")
		}
	}
	f.given = given
	return nil
}

func meta(f arrow.Field, key string) string {
	s, _ := f.Metadata.GetValue(key)
	return s
}

func (f *fit) refuse(column, format string, a ...any) error {
	return fault.Input(tables.CodeTable, "rows can't be written to the table as it is now: "+format, a...).On(f.table.Location()).At("column %q", column).
		Fix("undo the change of the table's schema, or choose another output.catalog_table")
}

// filled is a column that the records don't have.
func (f *fit) filled(i, n int) (arrow.Array, error) {
	typ, value := f.schema.Field(i).Type, f.fields[i].WriteDefault
	if value == nil {
		return array.MakeArrayOfNull(memory.DefaultAllocator, typ, n), nil
	}
	b := array.NewBuilder(memory.DefaultAllocator, typ)
	defer b.Release()
	for range n {
		if err := b.AppendValueFromString(fmt.Sprint(value)); err != nil {
			return nil, f.refuse(f.fields[i].Name, "its default %v is not understood: %w", value, err)
		}
	}
	return b.NewArray(), nil
}

// cast is a column as the table has it: the same type, or one that the table's was
// promoted from.
func (f *fit) cast(i int, values arrow.Array) (arrow.Array, error) {
	want, got := f.schema.Field(i), values.DataType()
	if !want.Nullable && values.NullN() > 0 {
		return nil, f.refuse(want.Name, "a row has no value in it, and it is required")
	}
	if d, ok := got.(*arrow.DictionaryType); ok {
		got = d.ValueType
	}
	switch {
	case arrow.TypeEqual(values.DataType(), want.Type):
		values.Retain()
		return values, nil
	case arrow.TypeEqual(got, want.Type), promoted(got.ID(), want.Type.ID()):
		return compute.CastArray(context.Background(), values, compute.SafeCastOptions(want.Type))
	}
	return nil, f.refuse(want.Name, "it is a %s, and the rows have a %s", want.Type, got)
}

func promoted(from, to arrow.Type) bool {
	return from == arrow.INT32 && to == arrow.INT64 || from == arrow.FLOAT32 && to == arrow.FLOAT64
}
