package index

import (
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/cosmostat/constellation/pkg/columnar"
)

// checksumsKey is the footer's key for the CRC-32C of each row group, hexadecimal, with spaces between.
const checksumsKey = "constellation.crc32c"

// writer writes one file from sorted rows.
type writer struct {
	out  *columnar.Writer[row]
	sink *tally
	sums []string
}

func newWriter(w io.Writer, codec compress.Compression) (*writer, error) {
	sink := &tally{w: w, sum: crc32.New(crc32.MakeTable(crc32.Castagnoli))}
	out, err := columnar.NewWriter(sink, columns(), properties(codec)...)
	if err != nil {
		return nil, err
	}
	return &writer{out: out, sink: sink}, nil
}

// group writes rows as one row group.
func (w *writer) group(rows []row) error {
	w.sink.sum.Reset()
	if err := w.out.Group(rows); err != nil {
		return err
	}
	w.sums = append(w.sums, fmt.Sprintf("%08x", w.sink.sum.Sum32()))
	return nil
}

// close writes the footer and returns it, with what follows it.
func (w *writer) close() (footer []byte, err error) {
	if err := w.out.Note(checksumsKey, strings.Join(w.sums, " ")); err != nil {
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
