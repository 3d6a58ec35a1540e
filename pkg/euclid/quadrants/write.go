package quadrants

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/cosmostat/constellation/pkg/euclid"
)

// groupRows is the number of quadrants in a row group.
const groupRows = 16384

// Write writes quadrants as one file.
func Write(w io.Writer, qs []euclid.Quadrant) error {
	out, err := NewWriter(w)
	if err != nil {
		return err
	}
	if err := out.Append(qs); err != nil {
		return err
	}
	return out.Close()
}

// Writer writes one file from quadrants that come in pieces; the pieces leave
// no trace in the bytes.
type Writer struct {
	out     *file.Writer
	columns []column
	pending []euclid.Quadrant
}

// NewWriter begins a file.
func NewWriter(w io.Writer) (*Writer, error) {
	cols := columns()
	fields := make(schema.FieldList, len(cols))
	// The writer's name is fixed, so that an update of the library doesn't change the bytes.
	props := []parquet.WriterProperty{
		parquet.WithCreatedBy("constellation"),
		parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithStats(true),
		parquet.WithDictionaryDefault(false),
	}
	for i, c := range cols {
		var err error
		if fields[i], err = c.node(); err != nil {
			return nil, err
		}
		if _, text := c.ref(new(euclid.Quadrant)).(*string); text {
			props = append(props, parquet.WithDictionaryFor(c.name, true))
		}
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, err
	}
	out, err := file.NewParquetWriterWithError(w, root, file.WithWriterProps(parquet.NewWriterProperties(props...)))
	if err != nil {
		return nil, err
	}
	return &Writer{out: out, columns: cols}, nil
}

// Append adds quadrants.
func (w *Writer) Append(qs []euclid.Quadrant) error {
	for len(qs) > 0 {
		n := min(groupRows-len(w.pending), len(qs))
		w.pending = append(w.pending, qs[:n]...)
		qs = qs[n:]
		if len(w.pending) == groupRows {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close writes what is left; without it the file is not readable. It doesn't
// close the underlying writer.
func (w *Writer) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.out.Close()
}

// flush writes the pending rows as one row group.
func (w *Writer) flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	group := w.out.AppendRowGroup()
	for _, c := range w.columns {
		chunk, err := group.NextColumn()
		if err == nil {
			err = writeColumn(chunk, c, w.pending)
		}
		if err != nil {
			return fmt.Errorf("write column %s: %w", c.name, err)
		}
	}
	w.pending = w.pending[:0]
	return group.Close()
}

func writeColumn(w file.ColumnChunkWriter, c column, qs []euclid.Quadrant) (err error) {
	switch w := w.(type) {
	case *file.ByteArrayColumnChunkWriter:
		values := make([]parquet.ByteArray, len(qs))
		for i := range qs {
			values[i] = parquet.ByteArray(*c.ref(&qs[i]).(*string))
		}
		_, err = w.WriteBatch(values, nil, nil)
	case *file.Int64ColumnChunkWriter:
		values := make([]int64, len(qs))
		for i := range qs {
			values[i] = *c.ref(&qs[i]).(*int64)
		}
		_, err = w.WriteBatch(values, nil, nil)
	case *file.Float64ColumnChunkWriter:
		var values []float64
		var def, rep []int16
		for i := range qs {
			switch ref := c.ref(&qs[i]).(type) {
			case *float64:
				values = append(values, *ref)
			case axis:
				values, def, rep = ref.levels(values, def, rep)
			}
		}
		_, err = w.WriteBatch(values, def, rep)
	}
	if err != nil {
		return err
	}
	return w.Close()
}

// levels appends one list: its values, whether there is one (definition), and
// whether it goes on with the list before it (repetition).
func (a axis) levels(values []float64, def, rep []int16) ([]float64, []int16, []int16) {
	if len(*a.outline) == 0 {
		return values, append(def, 0), append(rep, 0)
	}
	for i := range *a.outline {
		values = append(values, *a.at(i))
		def = append(def, 1)
		rep = append(rep, int16(min(i, 1)))
	}
	return values, def, rep
}
