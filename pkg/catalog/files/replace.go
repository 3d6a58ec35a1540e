package files

import (
	"context"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// Replace stages one snapshot that adds rows and deletes others: an append where
// there is nothing to delete, a delete where nothing is added; nothing at all where
// there is neither, of which it tells. The transaction then commits on the very
// snapshot that it was made on, or is lost: a replay would double rows.
//
// Data files all of whose rows are deleted stay in the table: their removal would
// need every manifest. Compaction takes them out.
func Replace(ctx context.Context, tx *table.Transaction, add []iceberg.DataFile, del Deleted, props iceberg.Properties) (staged bool, err error) {
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		return false, err
	}
	if len(add)+len(del.Add) == 0 {
		return false, nil
	}
	return true, tx.NewRowDelta(props).AddRows(add...).AddDeletes(del.Add...).RemoveDeletes(del.Remove...).Commit(ctx)
}
