package files

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/dv"
	"github.com/google/uuid"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
)

// Deleted are the delete files of one commit.
type Deleted struct {
	Add    []iceberg.DataFile
	Remove []iceberg.DataFile // deletion vectors that those of Add stand for
}

// Deletes writes what deletes the rows that were found: in tables of format 2 a file
// of position deletes for each data file, in those of format 3 a deletion vector,
// which has all that was deleted of the data file before, since there may be one.
func Deletes(ctx context.Context, t *table.Table, found []Found) (Deleted, error) {
	var d Deleted
	if len(found) == 0 {
		return d, nil
	}
	fs, err := t.FS(ctx)
	if err != nil {
		return d, err
	}
	wfs, ok := fs.(iceio.WriteFileIO)
	if !ok {
		return d, fault.Input(tables.CodeTable, "the table's file system can't be written to").On(t.Location())
	}
	switch v := t.Metadata().Version(); v {
	case 2:
		d.Add, err = positionDeletes(ctx, t, wfs, found)
	case 3:
		d, err = vectors(ctx, t, wfs, found)
	default:
		err = fault.Input(tables.CodeTable, "rows can't be deleted of a table of format version %d", v).On(t.Location()).At("format-version").
			Fix("set the table's property format-version to 2")
	}
	if err != nil {
		discard(wfs, d.Add)
		return Deleted{}, err
	}
	return d, nil
}

// discard removes files that no commit names.
func discard(fs iceio.IO, list []iceberg.DataFile) {
	for _, f := range list {
		_ = fs.Remove(f.FilePath()) // else upkeep takes it
	}
}

func vectors(ctx context.Context, t *table.Table, fs iceio.WriteFileIO, found []Found) (d Deleted, err error) {
	w := dv.NewDVWriter(fs, func(id int32) *iceberg.PartitionSpec { return t.Metadata().PartitionSpecByID(int(id)) })
	for _, f := range found {
		path := f.File.FilePath()
		w.Load(path, f.deleted, f.File.SpecID(), f.File.Partition())
		w.Load(path, f.Rows, f.File.SpecID(), f.File.Partition())
		if f.vector != nil {
			d.Remove = append(d.Remove, f.vector)
		}
	}
	path, err := dataPath(t, "", fmt.Sprintf("00000-0-%s-deletes.puffin", uuid.New()))
	if err != nil {
		return d, err
	}
	d.Add, err = w.Flush(ctx, path)
	return d, err
}

func positionDeletes(ctx context.Context, t *table.Table, fs iceio.WriteFileIO, found []Found) (list []iceberg.DataFile, err error) {
	id := uuid.New()
	for i, f := range found {
		if err := ctx.Err(); err != nil {
			return list, err
		}
		spec := t.Metadata().PartitionSpecByID(int(f.File.SpecID()))
		if spec == nil {
			return list, fault.Data(tables.CodeTable, "a data file is of partition spec %d, which the table doesn't have", f.File.SpecID()).On(f.File.FilePath())
		}
		part := spec.PartitionToPath(table.GetPartitionRecord(f.File, spec.PartitionType(t.Schema())), t.Schema())
		path, err := dataPath(t, part, fmt.Sprintf("00000-0-%s-%05d-deletes.parquet", id, i+1))
		if err != nil {
			return list, err
		}
		df, err := positionDelete(fs, *spec, path, f)
		if err != nil {
			return list, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, df)
	}
	return list, nil
}

// positionDelete writes the positions of one data file, as the bounds of its path tell
// every reader. The field referenced_data_file stays empty: for it the library would
// read manifests, of a whole survey in the end, to see that the file is there, and a
// commit on the very snapshot that was read knows that.
func positionDelete(fs iceio.WriteFileIO, spec iceberg.PartitionSpec, path string, f Found) (iceberg.DataFile, error) {
	sink, err := fs.Create(path)
	if err != nil {
		return nil, err
	}
	size := counter{w: sink}
	err = writePositions(&size, f)
	if ended := sink.Close(); err == nil {
		err = ended
	}
	if err != nil {
		return nil, errors.Join(err, fs.Remove(path))
	}
	n := f.Rows.Cardinality()
	b, err := iceberg.NewDataFileBuilder(spec, iceberg.EntryContentPosDeletes, path, iceberg.ParquetFile, f.File.Partition(), nil, nil, n, size.n)
	if err != nil {
		return nil, err
	}
	low, high, data := int64(-1), int64(-1), []byte(f.File.FilePath())
	for pos := range f.Rows.Positions() {
		if high = int64(pos); low < 0 {
			low = high
		}
	}
	bound := func(v int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }
	return b.ValueCounts(map[int]int64{deletedPath: n, deletedPos: n}).NullValueCounts(map[int]int64{deletedPath: 0, deletedPos: 0}).
		LowerBoundValues(map[int][]byte{deletedPath: data, deletedPos: bound(low)}).
		UpperBoundValues(map[int][]byte{deletedPath: data, deletedPos: bound(high)}).Build(), nil
}

func writePositions(size *counter, f Found) error {
	props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(1), parquet.WithDictionaryFor("pos", false),
		parquet.WithEncodingFor("pos", parquet.Encodings.DeltaBinaryPacked), parquet.WithMaxRowGroupLength(1<<20))
	out, err := pqarrow.NewFileWriter(table.PositionalDeleteArrowSchema, size, props, pqarrow.DefaultWriterProps())
	if err != nil {
		return err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, table.PositionalDeleteArrowSchema)
	defer b.Release()
	paths, positions := b.Field(0).(*array.StringBuilder), b.Field(1).(*array.Int64Builder)
	flush := func() error {
		rec := b.NewRecordBatch()
		defer rec.Release()
		return out.WriteBuffered(rec)
	}
	for pos := range f.Rows.Positions() {
		paths.Append(f.File.FilePath())
		positions.Append(int64(pos))
		if positions.Len() == rowsAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if positions.Len() > 0 {
		if err := flush(); err != nil {
			return err
		}
	}
	return out.Close()
}
