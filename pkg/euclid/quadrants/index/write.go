package index

import (
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// checksumsKey is the footer's key for the CRC-32C of each row group, hexadecimal, with spaces between.
const checksumsKey = "constellation.crc32c"

// writer writes one file from sorted rows.
type writer struct {
	out     *file.Writer
	sink    *tally
	columns []column
	sums    []string

	// What a column needs, used again for the next.
	texts    []parquet.ByteArray
	reals    []float64
	integers []int64
	outline  []int32
	def, rep []int16
	bytes    map[string]parquet.ByteArray // of strings that were seen
}

func newWriter(w io.Writer, codec compress.Compression) (*writer, error) {
	cols := columns()
	root, err := newSchema(cols)
	if err != nil {
		return nil, err
	}
	sink := &tally{w: w, sum: crc32.New(crc32.MakeTable(crc32.Castagnoli))}
	out, err := file.NewParquetWriterWithError(sink, root, file.WithWriterProps(properties(codec)))
	if err != nil {
		return nil, err
	}
	return &writer{out: out, sink: sink, columns: cols, bytes: map[string]parquet.ByteArray{}}, nil
}

// group writes rows as one row group.
func (w *writer) group(rows []row) error {
	w.sink.sum.Reset()
	if len(w.bytes) > 1<<16 { // exposures come and go
		clear(w.bytes)
	}
	group := w.out.AppendRowGroup()
	for _, c := range w.columns {
		chunk, err := group.NextColumn()
		if err == nil {
			err = w.column(chunk, c, rows)
		}
		if err != nil {
			return fmt.Errorf("write column %s: %w", c.name, err)
		}
	}
	if err := group.Close(); err != nil {
		return err
	}
	w.sums = append(w.sums, fmt.Sprintf("%08x", w.sink.sum.Sum32()))
	return nil
}

func (w *writer) column(chunk file.ColumnChunkWriter, c column, rows []row) (err error) {
	switch chunk := chunk.(type) {
	case *file.ByteArrayColumnChunkWriter:
		w.texts = w.texts[:0]
		for i := range rows {
			w.texts = append(w.texts, w.bytesOf(*c.text(&rows[i])))
		}
		_, err = chunk.WriteBatch(w.texts, nil, nil)
	case *file.Int64ColumnChunkWriter:
		w.integers = w.integers[:0]
		for i := range rows {
			w.integers = append(w.integers, c.integer.get(&rows[i]))
		}
		_, err = chunk.WriteBatch(w.integers, nil, nil)
	case *file.Float64ColumnChunkWriter:
		w.reals = w.reals[:0]
		for i := range rows {
			w.reals = append(w.reals, *c.real(&rows[i]))
		}
		_, err = chunk.WriteBatch(w.reals, nil, nil)
	case *file.Int32ColumnChunkWriter:
		w.outline, w.def, w.rep = w.outline[:0], w.def[:0], w.rep[:0]
		for i := range rows {
			w.outline = append(w.outline, rows[i].outline...)
			for k := range rows[i].outline { // never empty
				w.def, w.rep = append(w.def, 1), append(w.rep, int16(min(k, 1)))
			}
		}
		_, err = chunk.WriteBatch(w.outline, w.def, w.rep)
	}
	if err != nil {
		return err
	}
	return chunk.Close()
}

func (w *writer) bytesOf(s string) parquet.ByteArray {
	b, ok := w.bytes[s]
	if !ok {
		b = parquet.ByteArray(s)
		w.bytes[s] = b
	}
	return b
}

// close writes the footer and returns it, with what follows it.
func (w *writer) close() (footer []byte, err error) {
	if err := w.out.AppendKeyValueMetadata(checksumsKey, strings.Join(w.sums, " ")); err != nil {
		return nil, err
	}
	w.sink.keep = true
	err = w.out.Close()
	return w.sink.kept, err
}

// tally counts and sums up what passes through, and keeps it if told to.
type tally struct {
	w    io.Writer
	n    int64
	sum  hash.Hash32
	keep bool
	kept []byte
}

func (t *tally) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.n += int64(n)
	t.sum.Write(p[:n])
	if t.keep {
		t.kept = append(t.kept, p[:n]...)
	}
	return n, err
}
