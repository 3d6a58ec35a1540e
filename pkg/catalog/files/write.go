package files

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
)

// Options say how files are written.
type Options struct {
	Keys Keys
	// Whole are columns whose bounds are not cut: field ids. A file of one
	// configuration is known by them.
	Whole []int
	// May are columns of the records that the table may lack: tables of earlier
	// versions don't have them.
	May []string
	// TargetBytes is about how long a file gets: the next row group starts another.
	// Zero is what the table says.
	TargetBytes int64
	GroupRows   int // of a row group; zero is 131,072

	lineage bool // rows have an id and the number of their commit, which stay
}

const (
	groupRows   = 128 << 10
	targetBytes = 512 << 20
)

// Write writes rows, which must come in the order of their tiles, to new files of
// the table's default partition spec, and gives these for a commit. One file is open
// at a time and one row group in memory. The same rows become the same bytes, however
// they are cut into records, under names that nobody else has. Records are the
// caller's to release after the next is asked for. After an error no file stays.
func Write(ctx context.Context, t *table.Table, records iter.Seq2[arrow.RecordBatch, error], o Options) (list []iceberg.DataFile, err error) {
	w, err := newWriter(ctx, t, o)
	if err != nil {
		return nil, err
	}
	if w.parts == nil { // rows of one tile go to several partitions
		return w.scatter(ctx, records)
	}
	defer func() {
		if err != nil {
			w.abandon()
			list = nil
		}
	}()
	for rec, err := range records {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = w.add(rec)
		}
		if err != nil {
			return nil, err
		}
	}
	return w.done, w.closeFile()
}

// writer is one run of Write.
type writer struct {
	table  *table.Table
	o      Options
	fs     iceio.WriteFileIO
	fit    *fit
	tile   int // index of the column
	parts  *partitioner
	sorted *order
	id     uuid.UUID
	target int64

	last  int64 // tile
	any   bool
	part  partition
	rows  int
	group [][]arrow.Array // by column, of rows rows
	open  *output
	done  []iceberg.DataFile
	count int
}

func newWriter(ctx context.Context, t *table.Table, o Options) (*writer, error) {
	tile, err := column(t, o.Keys.Tile)
	if err != nil {
		return nil, err
	}
	fs, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	wfs, ok := fs.(iceio.WriteFileIO)
	if !ok {
		return nil, fault.Input(tables.CodeTable, "the table's file system can't be written to").On(t.Location())
	}
	w := &writer{table: t, o: o, fs: wfs, id: uuid.New()}
	if w.fit, err = newFit(t, o.May, o.lineage); err != nil {
		return nil, err
	}
	w.tile = w.fit.schema.FieldIndices(tile.Name)[0]
	if w.parts, err = newPartitioner(t, tile); err != nil {
		return nil, err
	}
	w.sorted = newOrder(t, w.fit.fields)
	w.group = make([][]arrow.Array, len(w.fit.fields))
	if w.o.GroupRows == 0 {
		w.o.GroupRows = groupRows
	}
	if w.target = o.TargetBytes; w.target == 0 {
		w.target = t.Properties().GetInt64(table.WriteTargetFileSizeBytesKey, targetBytes)
	}
	return w, nil
}

// add takes the rows of a record, each partition's to its file.
func (w *writer) add(rec arrow.RecordBatch) error {
	if rec.NumRows() == 0 {
		return nil
	}
	cols, err := w.fit.columns(rec)
	if err != nil {
		return err
	}
	defer release(cols)
	tiles, ok := cols[w.tile].(*array.Int64)
	if !ok || tiles.NullN() > 0 {
		return fault.New(fault.Bug, CodeUnsorted, "rows without a tile").On(w.table.Location())
	}
	values := tiles.Int64Values()
	if err := w.inOrder(values); err != nil {
		return err
	}
	w.sorted.look(cols)
	for from := 0; from < len(values); {
		p, err := w.parts.of(values[from])
		if err != nil {
			return err
		}
		if p.path != w.part.path {
			if err := w.closeFile(); err != nil {
				return err
			}
		}
		w.part = p
		to, err := w.parts.end(values, from, p)
		if err != nil {
			return err
		}
		for from < to {
			n := min(to-from, w.o.GroupRows-w.rows)
			for i, c := range cols {
				w.group[i] = append(w.group[i], array.NewSlice(c, int64(from), int64(from+n)))
			}
			w.rows += n
			from += n
			if w.rows == w.o.GroupRows {
				if err := w.flush(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (w *writer) inOrder(tiles []int64) error {
	for _, v := range tiles {
		if w.any && v < w.last {
			return fault.New(fault.Bug, CodeUnsorted, "rows don't come in the order of their tiles: %d after %d", v, w.last).On(w.table.Location())
		}
		w.last, w.any = v, true
	}
	return nil
}

// flush writes the rows that gathered as a row group.
func (w *writer) flush() error {
	if w.rows == 0 {
		return nil
	}
	cols := make([]arrow.Array, 0, len(w.group))
	defer func() { release(cols) }()
	for i, list := range w.group {
		c := list[0]
		var err error
		if len(list) > 1 {
			c, err = array.Concatenate(list, memory.DefaultAllocator)
			release(list)
		}
		w.group[i] = w.group[i][:0]
		if err != nil {
			return err
		}
		cols = append(cols, c)
	}
	w.rows = 0
	if w.open == nil {
		if err := w.create(cols); err != nil {
			return err
		}
	}
	if err := w.open.write(cols); err != nil {
		return err
	}
	if w.open.size.n >= w.target {
		return w.closeFile()
	}
	return nil
}

// closeFile ends the file that is open, with the rows that gathered for it.
func (w *writer) closeFile() error {
	if err := w.flush(); err != nil || w.open == nil {
		return err
	}
	f := w.open
	w.open = nil
	df, err := f.close(w.sorted.claim())
	if err != nil {
		return errors.Join(err, w.fs.Remove(f.path))
	}
	w.done = append(w.done, df)
	return nil
}

// abandon removes what was written: nothing will name it.
func (w *writer) abandon() {
	for _, list := range w.group {
		release(list)
	}
	if w.open != nil {
		_ = w.open.sink.Close() // it is removed
		_ = w.fs.Remove(w.open.path)
	}
	for _, f := range w.done {
		_ = w.fs.Remove(f.FilePath()) // else upkeep takes it
	}
}

func (w *writer) create(first []arrow.Array) error {
	path, err := dataPath(w.table, w.part.path, fmt.Sprintf("%05d-0-%s-00001.parquet", w.count, w.id))
	if err != nil {
		return err
	}
	w.count++
	w.open, err = w.newFile(path, first)
	return err
}
