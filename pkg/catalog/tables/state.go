package tables

import (
	"context"
	"fmt"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// ManifestReads is how many manifests are read at the same time.
const ManifestReads = 16

// ManifestsOf are those of a table's newest snapshot; none where there is none.
func ManifestsOf(ctx context.Context, t *table.Table) ([]iceberg.ManifestFile, error) {
	s := t.CurrentSnapshot()
	if s == nil {
		return nil, nil
	}
	fs, err := t.FS(ctx)
	if err != nil {
		return nil, err
	}
	return s.Manifests(fs)
}

// FilesOf gives the files that a manifest lists as there. One that its snapshot
// took out is there for earlier snapshots alone, whose manifests list it.
func FilesOf(ctx context.Context, fs iceio.IO, m iceberg.ManifestFile) (paths []string, err error) {
	for entry, err := range iceberg.EntriesWithProjection(fs, m, true, iceberg.ManifestEntryProjection{}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("%s, of snapshot %d: %w", m.FilePath(), m.SnapshotID(), err)
		}
		paths = append(paths, entry.DataFile().FilePath())
	}
	return paths, nil
}

// SnapshotID is that of the newest snapshot, 0 where there is none.
func SnapshotID(t *table.Table) int64 {
	if s := t.CurrentSnapshot(); s != nil {
		return s.SnapshotID
	}
	return 0
}
