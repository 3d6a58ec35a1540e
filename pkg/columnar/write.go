package columnar

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// Writer writes one file, a row group at a time.
type Writer[T any] struct {
	out     *file.Writer
	columns []Column[T]
	bytes   map[string]parquet.ByteArray // of strings that were seen

	// What a column needs, used again for the next.
	texts    []parquet.ByteArray
	doubles  []float64
	singles  []float32
	longs    []int64
	ints     []int32
	def, rep []int16
}

// NewWriter begins a file.
func NewWriter[T any](w io.Writer, cols []Column[T], props ...parquet.WriterProperty) (*Writer[T], error) {
	root, err := Schema(cols)
	if err != nil {
		return nil, err
	}
	// The writer's name is fixed, so that an update of the library doesn't change the bytes.
	props = append(props, parquet.WithCreatedBy("constellation"))
	out, err := file.NewParquetWriterWithError(w, root, file.WithWriterProps(parquet.NewWriterProperties(props...)))
	if err != nil {
		return nil, err
	}
	return &Writer[T]{out: out, columns: cols, bytes: map[string]parquet.ByteArray{}}, nil
}

// Group writes rows as one row group.
func (w *Writer[T]) Group(rows []T) error {
	if len(w.bytes) > 1<<16 { // strings come and go
		clear(w.bytes)
	}
	group, err := w.out.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	for _, c := range w.columns {
		chunk, err := group.NextColumn()
		if err == nil {
			err = w.column(chunk, c, rows)
		}
		if err != nil {
			return fmt.Errorf("write column %s: %w", c.Name, err)
		}
	}
	return group.Close()
}

// Note puts a key and a value into the footer.
func (w *Writer[T]) Note(key, value string) error { return w.out.AppendKeyValueMetadata(key, value) }

// Close writes the footer; without it the file is not readable. It doesn't
// close the underlying writer.
func (w *Writer[T]) Close() error { return w.out.Close() }

func (w *Writer[T]) column(chunk file.ColumnChunkWriter, c Column[T], rows []T) (err error) {
	w.def, w.rep = w.def[:0], w.rep[:0]
	switch chunk := chunk.(type) {
	case *file.Int64ColumnChunkWriter:
		w.longs = w.longs[:0]
		for i := range rows {
			switch p := c.Ref(&rows[i]).(type) {
			case *int64:
				w.longs = append(w.longs, *p)
			case *uint64:
				w.longs = append(w.longs, int64(*p))
			}
		}
		_, err = chunk.WriteBatch(w.longs, nil, nil)
	case *file.Int32ColumnChunkWriter:
		w.ints = w.ints[:0]
		for i := range rows {
			switch p := c.Ref(&rows[i]).(type) {
			case *int32:
				w.ints = append(w.ints, *p)
			case *[]int32:
				w.ints = append(w.ints, *p...)
				w.list(len(*p))
			}
		}
		_, err = chunk.WriteBatch(w.ints, levels(w.def), levels(w.rep))
	case *file.Float64ColumnChunkWriter:
		w.doubles = w.doubles[:0]
		for i := range rows {
			switch p := c.Ref(&rows[i]).(type) {
			case *float64:
				w.doubles = append(w.doubles, *p)
			case *[]float64:
				w.doubles = append(w.doubles, *p...)
				w.list(len(*p))
			}
		}
		_, err = chunk.WriteBatch(w.doubles, levels(w.def), levels(w.rep))
	case *file.Float32ColumnChunkWriter:
		w.singles = w.singles[:0]
		for i := range rows {
			p := *c.Ref(&rows[i]).(**float32)
			if w.there(p != nil) {
				w.singles = append(w.singles, *p)
			}
		}
		_, err = chunk.WriteBatch(w.singles, levels(w.def), nil)
	case *file.ByteArrayColumnChunkWriter:
		w.texts = w.texts[:0]
		nullable := c.Nullable()
		for i := range rows {
			s := *c.Ref(&rows[i]).(*string)
			if !nullable || w.there(s != "") {
				w.texts = append(w.texts, w.bytesOf(s))
			}
		}
		_, err = chunk.WriteBatch(w.texts, levels(w.def), nil)
	}
	if err != nil {
		return err
	}
	return chunk.Close()
}

// there adds the level that says whether there is a value.
func (w *Writer[T]) there(is bool) bool {
	if is {
		w.def = append(w.def, 1)
	} else {
		w.def = append(w.def, 0)
	}
	return is
}

// list adds the levels of a list of n.
func (w *Writer[T]) list(n int) {
	if n == 0 {
		w.def, w.rep = append(w.def, 0), append(w.rep, 0)
	}
	for i := range n {
		w.def, w.rep = append(w.def, 1), append(w.rep, int16(min(i, 1)))
	}
}

// levels are none where a column has none, which is not the same as no values.
func levels(l []int16) []int16 {
	if len(l) == 0 {
		return nil
	}
	return l
}

func (w *Writer[T]) bytesOf(s string) parquet.ByteArray {
	b, ok := w.bytes[s]
	if !ok {
		b = parquet.ByteArray(s)
		w.bytes[s] = b
	}
	return b
}
