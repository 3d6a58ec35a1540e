package results

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// WriteShear writes rows as shear.parquet; the same rows give the same bytes.
func WriteShear(w io.Writer, rows []Shear) error { return write(w, ShearColumns(), rows) }

// WriteSources writes rows as sources.parquet; the same rows give the same bytes.
func WriteSources(w io.Writer, rows []Source) error { return write(w, SourceColumns(), rows) }

func write[T any](w io.Writer, cols []Column[T], rows []T) error {
	fields := make(schema.FieldList, len(cols))
	for i, c := range cols {
		fields[i] = node(c)
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return err
	}
	// Dictionaries don't pay for a few thousand measured values, and the
	// writer's name must not change the bytes when the library is updated.
	out, err := file.NewParquetWriterWithError(w, root, file.WithWriterProps(parquet.NewWriterProperties(
		parquet.WithCreatedBy("constellation"),
		parquet.WithDictionaryDefault(false),
		parquet.WithCompression(compress.Codecs.Snappy))))
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		group := out.AppendRowGroup()
		for _, c := range cols {
			chunk, err := group.NextColumn()
			if err == nil {
				err = writeColumn(chunk, c, rows)
			}
			if err != nil {
				return fmt.Errorf("write column %s: %w", c.Name, err)
			}
		}
		if err := group.Close(); err != nil {
			return err
		}
	}
	return out.Close()
}

func node[T any](c Column[T]) schema.Node {
	rep := parquet.Repetitions.Required
	if c.Nullable() {
		rep = parquet.Repetitions.Optional
	}
	switch c.Ref(new(T)).(type) {
	case *int64:
		return schema.NewInt64Node(c.Name, rep, -1)
	case *int32:
		return schema.NewInt32Node(c.Name, rep, -1)
	case *float64:
		return schema.NewFloat64Node(c.Name, rep, -1)
	case **float32:
		return schema.NewFloat32Node(c.Name, rep, -1)
	}
	return schema.MustPrimitive(schema.NewPrimitiveNodeLogical(c.Name, rep,
		schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1))
}

func writeColumn[T any](w file.ColumnChunkWriter, c Column[T], rows []T) (err error) {
	switch w := w.(type) {
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(gather(c, rows, func(p *int64) (int64, bool) { return *p, true }))
	case *file.Int32ColumnChunkWriter:
		_, err = w.WriteBatch(gather(c, rows, func(p *int32) (int32, bool) { return *p, true }))
	case *file.Float64ColumnChunkWriter:
		_, err = w.WriteBatch(gather(c, rows, func(p *float64) (float64, bool) { return *p, true }))
	case *file.Float32ColumnChunkWriter:
		_, err = w.WriteBatch(gather(c, rows, func(p **float32) (float32, bool) {
			if *p == nil {
				return 0, false
			}
			return **p, true
		}))
	case *file.ByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(gather(c, rows, func(p *string) (parquet.ByteArray, bool) {
			return parquet.ByteArray(*p), *p != "" || !c.Nullable()
		}))
	}
	if err != nil {
		return err
	}
	return w.Close()
}

// gather collects the values of a column that are there, and the definition
// levels that say where they are; repetition levels are always nil.
func gather[T, F, V any](c Column[T], rows []T, get func(*F) (V, bool)) (values []V, def, rep []int16) {
	values = make([]V, 0, len(rows))
	if c.Nullable() {
		def = make([]int16, len(rows))
	}
	for i := range rows {
		v, ok := get(c.Ref(&rows[i]).(*F))
		if !ok {
			continue
		}
		values = append(values, v)
		if def != nil {
			def[i] = 1
		}
	}
	return values, def, nil
}
