package catalog

import (
	"context"
	"crypto/rand"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Usable finds out, before anything else is done, whether a commit could be made:
// tables that are there are laid as they must be, and the catalogue and the
// places of the tables can be written to. It leaves everything as it was.
func (c *Catalog) Usable(ctx context.Context, store objstore.Store) error {
	ctx = c.with(ctx)
	places := map[string]bool{}
	for _, l := range []layout{c.shearTable(), c.sourcesTable()} {
		t, exists, err := c.load(ctx, l, nil)
		if err != nil {
			return err
		}
		if !exists {
			places[c.settings.Warehouse] = true
			continue
		}
		if err := noDeletes(ctx, t); err != nil {
			return err
		}
		places[t.Location()+"/metadata"], places[t.Location()+"/data"] = true, true
	}
	for place := range places {
		if err := writable(ctx, store, place); err != nil {
			return err
		}
	}
	return c.locks(ctx)
}

// writable writes an object that nobody reads, and takes it away again.
func writable(ctx context.Context, store objstore.Store, place string) error {
	uri := objstore.Join(place, ".constellation-probe-"+rand.Text())
	_, err := objstore.WriteFile(ctx, store, uri, []byte("whether this place can be written to\n"))
	if err == nil {
		err = store.Delete(ctx, uri)
	}
	if err == nil || fault.KindOf(err) == fault.Transient || fault.KindOf(err) == fault.Canceled {
		return err
	}
	return fault.Input(CodeSettings, "the catalogue's tables can't be written there: %w", err).On(place).
		Fix("get the right to write and delete there, or choose another output.catalog_warehouse")
}

// locks takes the lock of an SQL catalogue for a moment: a file that may only be
// read can be opened, too.
func (c *Catalog) locks(ctx context.Context) error {
	if c.db == nil {
		return nil
	}
	const rows = "iceberg_tables"
	tx, err := c.db.BeginTx(ctx, nil)
	if err == nil {
		_, err = tx.ExecContext(ctx, "UPDATE "+rows+" SET table_name = table_name WHERE 1 = 0")
		if undone := tx.Rollback(); err == nil {
			err = undone
		}
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	return fault.Input(CodeSettings, "the catalogue can be read, and not written to: %w", err).On(c.URI()).
		Fix("get the right to write to it, its table %s", rows)
}
