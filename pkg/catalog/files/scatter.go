package files

import (
	"context"
	"errors"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// scatter writes rows by a spec of somebody else's that parts those of a tile: by
// the library, with a file open for each partition.
func (w *writer) scatter(ctx context.Context, records iter.Seq2[arrow.RecordBatch, error]) (list []iceberg.DataFile, err error) {
	fitted := func(yield func(arrow.RecordBatch, error) bool) {
		for rec, err := range records {
			var out arrow.RecordBatch
			if err == nil {
				out, err = w.fitted(rec)
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
	opts := []table.WriteRecordOption{table.WithMaxWriteWorkers(1), table.WithRecordBatchBufferSize(2), table.WithWriteUUID(w.id), table.WithTargetFileSize(w.target)}
	for df, err := range table.WriteRecords(ctx, w.table, w.fit.schema, fitted, opts...) {
		if err != nil {
			for _, f := range list {
				err = errors.Join(err, w.fs.Remove(f.FilePath()))
			}
			return nil, err
		}
		list = append(list, df)
	}
	return list, nil
}

func (w *writer) fitted(rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	cols, err := w.fit.columns(rec)
	if err != nil {
		return nil, err
	}
	defer release(cols)
	spec := w.table.Spec()
	for _, f := range spec.Fields() {
		for i, field := range w.fit.fields {
			if _, void := f.Transform.(iceberg.VoidTransform); field.ID == f.SourceID() && w.fit.from[i] < 0 && !void {
				return nil, refuseSpec(w.table, f, "nothing fills %q", field.Name)
			}
		}
	}
	if tiles, ok := cols[w.tile].(*array.Int64); ok {
		if err := w.inOrder(tiles.Int64Values()); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(w.fit.schema, cols, rec.NumRows()), nil
}
