package catalog

import (
	"context"
	"testing"

	"github.com/apache/iceberg-go/table"
)

// Expirable is what can go by its metadata document.
func Expirable(t *testing.T, document string, r Retention) (ids []int64) {
	t.Helper()
	m, err := table.ParseMetadataString(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range expirable(m, r) {
		ids = append(ids, s.SnapshotID)
	}
	return ids
}

// Refer has a branch or tag of the shear table name a snapshot, or main roll back to it.
func (c *Catalog) Refer(ctx context.Context, name string, kind table.RefType, id int64) error {
	_, _, err := c.ice.CommitTable(ctx, c.shearTable().ident, nil, []table.Update{table.NewSetSnapshotRefUpdate(name, id, kind, 0, 0, 0)})
	return err
}

// Refs are the branches and tags of the shear table.
func (c *Catalog) Refs(ctx context.Context) (map[string]int64, error) {
	t, _, err := c.load(ctx, c.shearTable(), nil)
	if err != nil {
		return nil, err
	}
	return refsOf(t.Metadata()), nil
}

// Snapshots are those of the shear table, oldest first.
func (c *Catalog) Snapshots(ctx context.Context) (ids []int64, err error) {
	t, _, err := c.load(ctx, c.shearTable(), nil)
	if err != nil {
		return nil, err
	}
	for _, s := range t.Metadata().Snapshots() {
		ids = append(ids, s.SnapshotID)
	}
	return ids, nil
}

// Set sets a property of the shear table.
func (c *Catalog) Set(ctx context.Context, key, value string) error {
	_, _, err := c.ice.CommitTable(ctx, c.shearTable().ident, nil, []table.Update{table.NewSetPropertiesUpdate(map[string]string{key: value})})
	return err
}

// Make makes the tables, without a row.
func (c *Catalog) Make(ctx context.Context) error {
	for _, l := range []layout{c.shearTable(), c.sourcesTable()} {
		if _, err := c.ensure(c.with(ctx), l, nil); err != nil {
			return err
		}
	}
	return nil
}
