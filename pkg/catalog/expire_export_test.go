package catalog

import (
	"context"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// Refer has a branch or tag of the shear table name a snapshot, or main roll back to it.
func (c *Catalog) Refer(ctx context.Context, name string, kind table.RefType, id int64) error {
	_, _, err := c.Ice.CommitTable(ctx, c.ShearTable().Ident, nil, []table.Update{table.NewSetSnapshotRefUpdate(name, id, kind, 0, 0, 0)})
	return err
}

// Refs are the branches and tags of the shear table.
func (c *Catalog) Refs(ctx context.Context) (map[string]int64, error) {
	t, _, err := c.Load(ctx, c.ShearTable(), nil)
	if err != nil {
		return nil, err
	}
	refs := map[string]int64{}
	for name, ref := range t.Metadata().Refs() {
		refs[name] = ref.SnapshotID
	}
	return refs, nil
}

// Snapshots are those of the shear table, oldest first.
func (c *Catalog) Snapshots(ctx context.Context) (ids []int64, err error) {
	t, _, err := c.Load(ctx, c.ShearTable(), nil)
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
	_, _, err := c.Ice.CommitTable(ctx, c.ShearTable().Ident, nil, []table.Update{table.NewSetPropertiesUpdate(map[string]string{key: value})})
	return err
}

// Make makes the tables, without a row.
func (c *Catalog) Make(ctx context.Context) error {
	for _, l := range []tables.Layout{c.ShearTable(), c.SourcesTable()} {
		if _, err := c.Ensure(c.With(ctx), l, nil); err != nil {
			return err
		}
	}
	return nil
}
