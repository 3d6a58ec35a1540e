package upkeep

import (
	"context"
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// Each commit leaves a manifest, and each commit and selection reads all those
// that may list its tiles, which is all of them, since the order of a survey is
// not that of tile ids. So they are merged now and then: 60,000 tiles in 1,900
// manifests are 18 MB in as many requests.
const (
	manyManifests = 64
	manifestBytes = 1 << 20 // some 3,000 tiles
)

// Compact merges the manifests of both tables where many small ones have
// gathered. No row changes. Another committer's change may come first; then it
// is left for the next time.
func Compact(ctx context.Context, c *tables.Catalog) error {
	ctx = c.With(ctx)
	for _, l := range []tables.Layout{c.SourcesTable(), c.ShearTable()} {
		t, exists, err := c.Load(ctx, l, nil)
		if err == nil && exists {
			err = compact(ctx, t)
		}
		if err != nil && !tables.Lost(err) {
			return fmt.Errorf("merge manifests of table %s: %w", l.Name(), err)
		}
	}
	return nil
}

func compact(ctx context.Context, t *table.Table) error {
	list, err := tables.ManifestsOf(ctx, t)
	if err != nil {
		return err
	}
	small := func(m iceberg.ManifestFile) bool { return m.Length() < manifestBytes/2 }
	n := 0
	for _, m := range list {
		if small(m) {
			n++
		}
	}
	if n < manyManifests {
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
