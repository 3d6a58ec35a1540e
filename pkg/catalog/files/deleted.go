package files

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/dv"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
)

// Field ids of position deletes, by the specification.
const (
	deletedPath = 2147483546
	deletedPos  = 2147483545
)

// readDeletes gives the positions that position deletes name, by data file. A delete
// file is read once, whoever it is for.
func readDeletes(ctx context.Context, fs iceio.IO, tasks []table.FileScanTask) (map[string]*dv.RoaringPositionBitmap, error) {
	type use struct {
		file iceberg.DataFile
		data map[string]bool // files it applies to
	}
	uses := map[string]use{}
	var order []string
	for _, task := range tasks {
		for _, d := range task.DeleteFiles {
			u, ok := uses[d.FilePath()]
			if !ok {
				u = use{d, map[string]bool{}}
				order = append(order, d.FilePath())
			}
			u.data[task.File.FilePath()] = true
			uses[d.FilePath()] = u
		}
	}
	gone := map[string]*dv.RoaringPositionBitmap{}
	for _, path := range order {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		u := uses[path]
		if err := readDelete(fs, u.file, u.data, gone); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return gone, nil
}

func readDelete(fs iceio.IO, d iceberg.DataFile, data map[string]bool, gone map[string]*dv.RoaringPositionBitmap) (err error) {
	if d.FileFormat() != iceberg.ParquetFile {
		return fault.Input(tables.CodeDeletes, "position deletes are %s, and must be Parquet", d.FileFormat()).On(d.FilePath()).
			Fix("have the deletes worked into the data files: Spark's rewrite_data_files with delete-file-threshold 1")
	}
	defer func() {
		if r := recover(); r != nil { // the library panics on some broken files
			err = fmt.Errorf("%v", r)
		}
	}()
	f, err := fs.Open(d.FilePath())
	if err != nil {
		return err
	}
	rdr, err := file.NewParquetReader(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	defer func() { err = errors.Join(err, rdr.Close()) }()
	path, pos := -1, -1
	for i := range rdr.MetaData().Schema.NumColumns() {
		switch c := rdr.MetaData().Schema.Column(i); {
		case c.SchemaNode().FieldID() == deletedPath, c.Name() == "file_path" && c.SchemaNode().FieldID() < 0:
			path = i
		case c.SchemaNode().FieldID() == deletedPos, c.Name() == "pos" && c.SchemaNode().FieldID() < 0:
			pos = i
		}
	}
	if path < 0 || pos < 0 {
		return errors.New("position deletes without file_path and pos")
	}
	rows := int64(0)
	for g := range rdr.NumRowGroups() {
		rg := rdr.RowGroup(g)
		var of []*dv.RoaringPositionBitmap // by row; nil: another file's
		last, into := "", (*dv.RoaringPositionBitmap)(nil)
		if err := eachText(rg, path, func(_ int64, v parquet.ByteArray) {
			if string(v) != last {
				last, into = string(v), nil
				if data[last] {
					if into = gone[last]; into == nil {
						into = dv.NewRoaringPositionBitmap()
						gone[last] = into
					}
				}
			}
			of = append(of, into)
		}); err != nil {
			return err
		}
		if err := eachInt(rg, pos, func(i, v int64) {
			rows++
			if i < int64(len(of)) && of[i] != nil {
				of[i].Set(uint64(v))
			}
		}); err != nil {
			return err
		}
	}
	if rows != d.Count() {
		return fault.Data(CodeRows, "the file has %d deletes, and the table says %d", rows, d.Count()).On(d.FilePath()).Fix("restore the file, or have the table repaired")
	}
	return nil
}
