package upkeep

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// Each commit leaves a manifest and a snapshot. A commit and a selection read the
// list of all manifests, and those that may list their tiles; and each reads and
// writes the metadata, which names all snapshots. So both are kept few by those
// who commit.
const (
	manyManifests = 64
	manifestBytes = 1 << 20 // some 3,000 files
	// manySnapshots is how many there are before old ones go: so many commits that
	// are known to be done already, in at most 2 MB of metadata.
	manySnapshots = 1000
	// keptSnapshots and keptFor are what stays of them at least; the standard's own
	// default is the latter (history.expire.max-snapshot-age-ms).
	keptSnapshots = 500
	keptFor       = 5 * 24 * time.Hour
)

// Tidy keeps small what each commit reads and writes: it merges the manifests of
// both tables where many small ones have gathered, and takes snapshots out of the
// metadata where there are very many; their files are for [Expire]. No row changes.
// Another committer's change may come first; then it is left for the next time.
func Tidy(ctx context.Context, c *tables.Catalog) error {
	ctx = c.With(ctx)
	for _, l := range []tables.Layout{c.SourcesTable(), c.ShearTable()} {
		t, exists, err := c.Load(ctx, l, nil)
		if err == nil && exists {
			err = mergeManifests(ctx, t, manyManifests)
		}
		if err == nil && exists {
			err = shorten(ctx, c, l)
		}
		if err != nil && !tables.Lost(err) {
			return fmt.Errorf("tidy up table %s: %w", l.Name(), err)
		}
	}
	return nil
}

// shorten takes old snapshots out of a table's metadata, as [Expire] does.
func shorten(ctx context.Context, c *tables.Catalog, l tables.Layout) error {
	t, exists, err := c.Load(ctx, l, nil)
	if err != nil || !exists || len(t.Metadata().Snapshots()) < manySnapshots {
		return err
	}
	if v, set := t.Properties()[table.GCEnabledKey]; set && !strings.EqualFold(v, "true") {
		return nil
	}
	x := &Expiry{Retention: Retention{Before: time.Now().Add(-keptFor), Keep: keptSnapshots}}
	if err := x.wait(t); err != nil {
		return err
	}
	var ids []int64
	for _, old := range expirable(t.Metadata(), x.Retention) {
		ids = append(ids, old.SnapshotID)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err = c.Update(ctx, l, unmoved(t.Metadata()), []table.Update{table.NewRemoveSnapshotsUpdate(ids, false)})
	return err
}

// mergeManifests merges those of data files that are small, where there are as many.
func mergeManifests(ctx context.Context, t *table.Table, many int) error {
	list, err := tables.ManifestsOf(ctx, t)
	if err != nil {
		return err
	}
	small := func(m iceberg.ManifestFile) bool {
		return m.ManifestContent() == iceberg.ManifestContentData && m.Length() < manifestBytes/2
	}
	n := 0
	for _, m := range list {
		if small(m) {
			n++
		}
	}
	if n < many {
		return nil
	}
	tx := t.NewTransaction()
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		return err
	}
	done, err := tx.RewriteManifests(ctx, table.WithManifestTargetSize(manifestBytes), table.WithRewriteManifestPredicate(small))
	if err != nil || done.IsNoOp() {
		return err
	}
	_, err = tx.Commit(ctx)
	return err
}
