package rows

import (
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/cosmostat/constellation/pkg/columnar"
)

// Encode makes a record of rows; the schema's fields are the columns.
func Encode[R any](sc *arrow.Schema, cols []columnar.Column[R], rows []R) arrow.RecordBatch {
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

// Decode appends the rows of a record; columns that it lacks stay zero.
func Decode[R any](rec arrow.RecordBatch, cols []columnar.Column[R], rows []R) ([]R, error) {
	first := len(rows)
	rows = append(rows, make([]R, rec.NumRows())...)
	for i, f := range rec.Schema().Fields() {
		for _, c := range cols {
			if c.Name != f.Name {
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
		if v, ok := values.(*array.Int32); ok {
			*p = v.Value(j)
			return nil
		}
	case *float64:
		if v, ok := values.(*array.Float64); ok {
			*p = v.Value(j)
			return nil
		}
	case **float32:
		if v, ok := values.(*array.Float32); ok {
			x := v.Value(j)
			*p = &x
			return nil
		}
	case *string:
		if v, ok := values.(interface{ Value(int) string }); ok {
			*p = v.Value(j)
			return nil
		}
	}
	return fmt.Errorf("can't read %s", values.DataType())
}

// Reader is an array.RecordReader over chunks of rows; it holds one chunk.
type Reader[R any] struct {
	schema *arrow.Schema
	cols   []columnar.Column[R]
	next   func() ([]R, error, bool)
	stop   func()
	record arrow.RecordBatch
	err    error
}

// NewReader reads chunks; the schema's fields are the columns.
func NewReader[R any](sc *arrow.Schema, cols []columnar.Column[R], chunks iter.Seq2[[]R, error]) *Reader[R] {
	next, stop := iter.Pull2(chunks)
	return &Reader[R]{schema: sc, cols: cols, next: next, stop: stop}
}

func (r *Reader[R]) Schema() *arrow.Schema { return r.schema }

func (r *Reader[R]) Next() bool {
	for r.err == nil {
		rows, err, ok := r.next()
		if r.err = err; err != nil || !ok {
			return false
		}
		if len(rows) > 0 {
			r.drop()
			r.record = Encode(r.schema, r.cols, rows)
			return true
		}
	}
	return false
}

func (r *Reader[R]) drop() {
	if r.record != nil {
		r.record.Release()
		r.record = nil
	}
}

func (r *Reader[R]) RecordBatch() arrow.RecordBatch { return r.record }
func (r *Reader[R]) Record() arrow.RecordBatch      { return r.record }
func (r *Reader[R]) Err() error                     { return r.err }
func (r *Reader[R]) Retain()                        {}
func (r *Reader[R]) Release()                       { r.drop(); r.stop() }
