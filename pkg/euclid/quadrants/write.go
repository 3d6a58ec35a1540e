package quadrants

import (
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/cosmostat/constellation/pkg/columnar"
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
	out     *columnar.Writer[row]
	pending []euclid.Quadrant
}

// NewWriter begins a file.
func NewWriter(w io.Writer) (*Writer, error) {
	cols := columns()
	props := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithStats(true),
		parquet.WithDictionaryDefault(false),
	}
	for _, c := range cols {
		if _, text := c.Ref(new(row)).(*string); text {
			props = append(props, parquet.WithDictionaryFor(c.Name, true))
		}
	}
	out, err := columnar.NewWriter(w, cols, props...)
	if err != nil {
		return nil, err
	}
	return &Writer{out: out}, nil
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
	err := w.out.Group(rowsOf(w.pending))
	w.pending = w.pending[:0]
	return err
}
