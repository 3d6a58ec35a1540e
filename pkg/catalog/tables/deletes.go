package tables

import (
	"context"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/fault"
)

// CodeDeletes is that of a table with rows that somebody deleted by their values.
const CodeDeletes = "CatalogDeletes"

// NoEqualityDeletes refuses a table in which somebody deleted rows by files that name
// their values, as Flink does. PyIceberg and Polars refuse to read it, and rows that
// a commit adds could be told to be deleted, too. Rows that were deleted by their
// position, as Trino, Spark and DuckDB do, stay deleted whatever is committed.
func NoEqualityDeletes(ctx context.Context, t *table.Table) error {
	s := t.CurrentSnapshot()
	if s == nil {
		return nil
	}
	if s.Summary != nil { // whoever finds such files in spite of it refuses them then
		if n, err := strconv.ParseInt(s.Summary.Properties["total-equality-deletes"], 10, 64); err == nil && n == 0 {
			return nil
		}
	}
	all, err := ManifestsOf(ctx, t)
	if err != nil {
		return err
	}
	fs, err := t.FS(ctx)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.ManifestContent() != iceberg.ManifestContentDeletes {
			continue
		}
		for entry, err := range iceberg.EntriesWithProjection(fs, m, true, iceberg.ManifestEntryProjection{}) {
			if err != nil {
				return err
			}
			if d := entry.DataFile(); d.ContentType() == iceberg.EntryContentEqDeletes {
				return RefuseEqualityDeletes(t, d.FilePath())
			}
		}
	}
	return nil
}

// RefuseEqualityDeletes refuses a table with such a file.
func RefuseEqualityDeletes(t *table.Table, file string) error {
	return fault.Input(CodeDeletes, "somebody deleted rows of the table by their values (equality deletes, in %q)", file).
		On(t.Location()).At("snapshot %d", SnapshotID(t)).
		Fix("have the deletes worked into the data files first: Trino's ALTER TABLE ... EXECUTE optimize, or Spark's rewrite_data_files with delete-file-threshold 1 and remove-dangling-deletes; delete by position or by copy from then on")
}
