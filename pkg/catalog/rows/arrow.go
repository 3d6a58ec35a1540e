package rows

import (
	"cmp"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/cosmostat/constellation/pkg/columnar"
)

// Records makes records of chunks of rows, a field for each column; one that can be
// null is where a value isn't. A record is the caller's until the next.
func Records[R any](cols []columnar.Column[R], chunks iter.Seq2[[]R, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		sc := schemaOf(cols)
		for rows, err := range chunks {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(rows) == 0 {
				continue
			}
			rec := encode(sc, cols, rows)
			more := yield(rec, nil)
			rec.Release()
			if !more {
				return
			}
		}
	}
}

func schemaOf[R any](cols []columnar.Column[R]) *arrow.Schema {
	fields := make([]arrow.Field, len(cols))
	for i, c := range cols {
		fields[i] = arrow.Field{Name: c.Name, Type: arrowType(c.Ref(new(R))), Nullable: c.Nullable()}
	}
	return arrow.NewSchema(fields, nil)
}

func arrowType(ref any) arrow.DataType {
	switch ref.(type) {
	case *int64:
		return arrow.PrimitiveTypes.Int64
	case *int32:
		return arrow.PrimitiveTypes.Int32
	case *float64:
		return arrow.PrimitiveTypes.Float64
	case **float32:
		return arrow.PrimitiveTypes.Float32
	}
	return arrow.BinaryTypes.String
}

func encode[R any](sc *arrow.Schema, cols []columnar.Column[R], rows []R) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, sc)
	defer b.Release()
	for i, c := range cols {
		field := b.Field(i)
		field.Reserve(len(rows))
		for j := range rows {
			switch p := c.Ref(&rows[j]).(type) {
			case *int64:
				field.(*array.Int64Builder).UnsafeAppend(*p)
			case *int32:
				field.(*array.Int32Builder).UnsafeAppend(*p)
			case *float64:
				field.(*array.Float64Builder).UnsafeAppend(*p)
			case **float32:
				if *p == nil {
					field.(*array.Float32Builder).AppendNull()
				} else {
					field.(*array.Float32Builder).Append(**p)
				}
			case *string:
				if *p == "" && c.Nullable() {
					field.(*array.StringBuilder).AppendNull()
				} else {
					field.(*array.StringBuilder).Append(*p)
				}
			}
		}
	}
	return b.NewRecordBatch()
}

// Decode appends the rows of a record; columns that it lacks stay zero. What a
// field of it holds is said by columns, else by its name.
func Decode[R any](rec arrow.RecordBatch, columns map[string]string, cols []columnar.Column[R], rows []R) ([]R, error) {
	first := len(rows)
	rows = append(rows, make([]R, rec.NumRows())...)
	for i, f := range rec.Schema().Fields() {
		name := cmp.Or(columns[f.Name], f.Name)
		for _, c := range cols {
			if c.Name != name {
				continue
			}
			for j := range rows[first:] {
				if err := decodeValue(c.Ref(&rows[first+j]), rec.Column(i), j); err != nil {
					return nil, fmt.Errorf("column %s: %w", c.Name, err)
				}
			}
		}
	}
	return rows, nil
}

func decodeValue(field any, values arrow.Array, j int) error {
	if values.IsNull(j) {
		return nil
	}
	switch p := field.(type) {
	case *int64:
		if v, ok := values.(*array.Int64); ok {
			*p = v.Value(j)
			return nil
		}
	case *int32:
		switch v := values.(type) {
		case *array.Int32:
			*p = v.Value(j)
			return nil
		case *array.Int64: // somebody widened the column
			if *p = int32(v.Value(j)); int64(*p) != v.Value(j) {
				return fmt.Errorf("%d is beyond 32 bits", v.Value(j))
			}
			return nil
		}
	case *float64:
		if v, ok := values.(*array.Float64); ok {
			*p = v.Value(j)
			return nil
		}
	case **float32:
		var x float32
		switch v := values.(type) {
		case *array.Float32:
			x = v.Value(j)
		case *array.Float64:
			x = float32(v.Value(j))
		default:
			return fmt.Errorf("can't read %s", values.DataType())
		}
		*p = &x
		return nil
	case *string:
		if v, ok := values.(interface{ Value(int) string }); ok {
			*p = v.Value(j)
			return nil
		}
	}
	return fmt.Errorf("can't read %s", values.DataType())
}
