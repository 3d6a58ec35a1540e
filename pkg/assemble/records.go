package assemble

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/cosmostat/constellation/pkg/columnar"
)

// recordOf makes a record of a table, which it takes over: nothing is copied. Its
// fields are the columns.
func recordOf[T any](cols []columnar.Column[T], t *columnar.Table) arrow.RecordBatch {
	fields, values := make([]arrow.Field, len(cols)), make([]arrow.Array, len(cols))
	for i, c := range cols {
		v := &t.Columns[i]
		var typ arrow.DataType
		var bytes []byte
		switch c.Ref(new(T)).(type) {
		case *int64:
			typ, bytes = arrow.PrimitiveTypes.Int64, arrow.Int64Traits.CastToBytes(v.Int64)
		case *int32:
			typ, bytes = arrow.PrimitiveTypes.Int32, arrow.Int32Traits.CastToBytes(v.Int32)
		case *float64:
			typ, bytes = arrow.PrimitiveTypes.Float64, arrow.Float64Traits.CastToBytes(v.Float64)
		case **float32:
			typ, bytes = arrow.PrimitiveTypes.Float32, arrow.Float32Traits.CastToBytes(v.Float32)
		}
		fields[i] = arrow.Field{Name: c.Name, Type: typ, Nullable: c.Nullable()}
		valid, nulls := validity(v.Null, t.Rows)
		data := array.NewData(typ, t.Rows, []*memory.Buffer{valid, memory.NewBufferBytes(bytes)}, nil, nulls, 0)
		values[i] = array.MakeFromData(data)
		data.Release()
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), values, int64(t.Rows))
}

// validity is the bitmap of what is not null; none where all is.
func validity(null []bool, rows int) (bitmap *memory.Buffer, nulls int) {
	for _, is := range null {
		if is {
			nulls++
		}
	}
	if nulls == 0 {
		return nil, 0
	}
	bits := make([]byte, bitutil.BytesForBits(int64(rows)))
	bitutil.SetBitsTo(bits, 0, int64(rows), true)
	for i, is := range null {
		if is {
			bitutil.ClearBit(bits, i)
		}
	}
	return memory.NewBufferBytes(bits), nulls
}
