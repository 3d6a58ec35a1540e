package files

import (
	"fmt"
	"io"
	"maps"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// output is a data file that is being written.
type output struct {
	w    *writer
	part partition
	path string
	sink iceio.FileWriter
	size counter
	out  *pqarrow.FileWriter
	nans map[int]int64 // by field id
}

// counter counts what goes through it, and leaves its end to whoever made the sink.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (w *writer) newFile(path string, first []arrow.Array) (*output, error) {
	sink, err := w.fs.Create(path)
	if err != nil {
		return nil, err
	}
	f := &output{w: w, part: w.part, path: path, sink: sink, size: counter{w: sink}, nans: map[int]int64{}}
	props := parquet.NewWriterProperties(properties(w.table, w.fit.schema, first, int64(w.o.GroupRows))...)
	if f.out, err = pqarrow.NewFileWriter(w.fit.schema, &f.size, props, pqarrow.DefaultWriterProps()); err != nil {
		_ = sink.Close() // it is removed
		_ = w.fs.Remove(path)
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// write adds a row group.
func (f *output) write(cols []arrow.Array) error {
	if err := f.out.NewRowGroupChecked(); err != nil {
		return err
	}
	for i, c := range cols {
		f.countNaN(f.w.fit.fields[i].ID, c)
		values := c
		if d := dictionary(c); d != nil {
			values = d
			defer d.Release()
		}
		if err := f.out.WriteColumnData(values); err != nil {
			return fmt.Errorf("%s: column %s: %w", f.path, f.w.fit.fields[i].Name, err)
		}
	}
	return nil
}

func (f *output) countNaN(id int, values arrow.Array) {
	n := int64(0)
	switch v := values.(type) {
	case *array.Float32:
		for i, x := range v.Float32Values() {
			if x != x && v.IsValid(i) {
				n++
			}
		}
	case *array.Float64:
		for i, x := range v.Float64Values() {
			if math.IsNaN(x) && v.IsValid(i) {
				n++
			}
		}
	default:
		return
	}
	f.nans[id] += n
}

// close ends the file, and says what is in it.
func (f *output) close(sortOrder int) (iceberg.DataFile, error) {
	err := f.out.Close()
	if ended := f.sink.Close(); err == nil {
		err = ended
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	meta, err := f.out.FileMetadata()
	if err != nil {
		return nil, err
	}
	props := maps.Clone(f.w.table.Properties())
	if props == nil {
		props = iceberg.Properties{}
	}
	for _, id := range f.w.o.Whole {
		if c, ok := f.w.table.Schema().FindFieldByID(id); ok {
			props[table.MetricsModeColumnConfPrefix+"."+c.Name] = "full"
		}
	}
	spec := f.w.table.Spec()
	df, err := table.DataFileFromMetadata(table.DataFileArgs{
		Schema: f.w.fit.whole, Spec: spec, Format: iceberg.ParquetFile, Metadata: meta, FilePath: f.path, FileSize: f.size.n,
		Content: iceberg.EntryContentData, PartitionValues: f.part.values, SortOrderID: sortOrder, Properties: props, FormatVersion: f.w.table.Metadata().Version(),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return f.counted(spec, df)
}

// counted is the file with the numbers of its NaNs, which the library leaves out, and
// without which a reader takes a column to have none.
func (f *output) counted(spec iceberg.PartitionSpec, df iceberg.DataFile) (iceberg.DataFile, error) {
	nans := map[int]int64{}
	for id, n := range f.nans {
		if _, ok := df.ValueCounts()[id]; ok {
			nans[id] = n
		}
	}
	b, err := iceberg.NewDataFileBuilder(spec, df.ContentType(), df.FilePath(), df.FileFormat(), df.Partition(), nil, nil, df.Count(), df.FileSizeBytes())
	if err != nil {
		return nil, err
	}
	b.ColumnSizes(df.ColumnSizes()).ValueCounts(df.ValueCounts()).NullValueCounts(df.NullValueCounts()).NaNValueCounts(nans).
		LowerBoundValues(df.LowerBoundValues()).UpperBoundValues(df.UpperBoundValues()).SplitOffsets(df.SplitOffsets())
	if id := df.SortOrderID(); id != nil && *id != table.UnsortedSortOrderID {
		b.SortOrderID(*id)
	}
	return b.Build(), nil
}
