package tables

import (
	"context"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/fault"
)

// CodeDeletes is that of a table with rows that were deleted, and whose files
// still hold them.
const CodeDeletes = "CatalogDeletes"

// NoDeletes refuses a table in which somebody deleted rows by delete files, as
// Trino, Spark and DuckDB do with merge-on-read. A commit writes files of its tiles
// anew, and iceberg-go leaves the deletes behind: the rows would be back
// (apache/iceberg-go#2042).
func NoDeletes(ctx context.Context, t *table.Table) error {
	all, err := ManifestsOf(ctx, t)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.ManifestContent() == iceberg.ManifestContentDeletes && (m.HasAddedFiles() || m.HasExistingFiles()) {
			return fault.Input(CodeDeletes, "somebody deleted rows of the table by delete files (merge-on-read), and a commit would bring them back").
				On(t.Location()).At("snapshot %d", SnapshotID(t)).
				Fix("have the deletes worked into the data files first: Trino's ALTER TABLE ... EXECUTE optimize, or Spark's rewrite_data_files with delete-file-threshold 1 and remove-dangling-deletes; delete with write.delete.mode copy-on-write from then on")
		}
	}
	return nil
}
