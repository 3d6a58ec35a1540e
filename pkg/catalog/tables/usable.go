package tables

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cosmostat/constellation/pkg/catalog/glue"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// Usable finds out, before anything else is done, whether a run could end in the
// catalogue: it opens, tables that are there are laid as they must be, and the
// database and the places of the tables can be written to. It makes nothing, and
// leaves everything as it was, but for an object named [Probe] in each place of a
// store whose credentials may write and not delete. It returns the tables that
// are there already.
func Usable(ctx context.Context, s settings.Catalog, store objstore.Store) (tables []string, err error) {
	c, err := open(ctx, s, true)
	if err != nil {
		return nil, err
	}
	tables, err = c.usable(ctx, store)
	return tables, errors.Join(err, c.Close())
}

func (c *Catalog) usable(ctx context.Context, store objstore.Store) (tables []string, err error) {
	ctx = c.With(ctx)
	laid, err := c.laid(ctx)
	if err != nil {
		return nil, err
	}
	layouts := []Layout{c.ShearTable(), c.SourcesTable()}
	var places []string
	var idents []table.Identifier
	for _, l := range layouts {
		if !laid {
			break
		}
		t, exists, err := c.Load(ctx, l, nil)
		if err == nil && exists {
			err = errors.Join(l.Check(t), NoEqualityDeletes(ctx, t))
		}
		if err != nil {
			return nil, err
		}
		if exists {
			tables = append(tables, l.Name())
			idents = append(idents, l.Ident)
			places = append(places, t.Location()+"/metadata", t.Location()+"/data")
		}
	}
	whole := len(tables) == len(layouts)
	if !whole {
		places = append(places, c.settings.Warehouse)
	}
	for _, place := range places {
		if err := writable(ctx, store, place); err != nil {
			return nil, err
		}
	}
	if cat, is := c.Ice.(*glue.Catalog); is {
		for _, ident := range idents {
			if err := cat.Writable(ctx, ident); err != nil {
				return nil, err
			}
		}
	}
	return tables, c.rights(ctx, laid, whole)
}

// Probe is the name of what [Usable] writes to a place of tables, to see whether it may.
const Probe = ".constellation-probe"

// writable writes an object that nobody reads, and takes it away again.
func writable(ctx context.Context, store objstore.Store, place string) error {
	var err error
	if dir, local := strings.CutPrefix(place, "file://"); local {
		err = writableDir(dir)
	} else {
		// The name is fixed: who may not delete leaves one, not one a run.
		uri := objstore.Join(place, Probe)
		if _, err = objstore.WriteFile(ctx, store, uri, []byte("whether this place can be written to\n")); err == nil {
			err = store.Delete(ctx, uri)
			if objstore.IsNotFound(err) || fault.CodeOf(err) == objstore.AccessDenied { // another run's check took it; commits delete nothing
				err = nil
			}
		}
	}
	if err == nil || fault.KindOf(err) == fault.Transient || fault.KindOf(err) == fault.Canceled {
		return err
	}
	return fault.Input(CodeSettings, "the catalogue's tables can't be written there: %w", err).On(place).
		Fix("get the right to write there, or choose another output.catalog_warehouse")
}

// writableDir does that in a directory, or where it isn't there yet, in the one
// that it would be made in.
func writableDir(dir string) error {
	for {
		is, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
			dir = filepath.Dir(dir)
			continue
		}
		if err == nil && !is.IsDir() {
			return fault.Input(objstore.NotWritable, "%s is not a directory", dir)
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, Probe+"-"+rand.Text())
		err = os.WriteFile(path, []byte("whether this place can be written to\n"), 0o666)
		if left := os.Remove(path); err == nil {
			err = left
		}
		return err
	}
}

// catalogTables are those of an SQL catalogue, which the library makes.
var catalogTables = []string{"iceberg_tables", "iceberg_namespace_properties"}

// laid says whether there is something to load tables from: an SQL catalogue has
// nothing before its own tables are made.
func (c *Catalog) laid(ctx context.Context) (bool, error) {
	if c.Ice == nil {
		return false, nil // the database's file isn't there
	}
	if c.db == nil {
		return true, nil
	}
	const undefinedTable = "42P01"
	for _, table := range catalogTables {
		_, err := c.db.ExecContext(ctx, "SELECT 1 FROM "+table+" WHERE 1 = 0")
		refused := (*pgconn.PgError)(nil)
		switch {
		case err == nil:
		case errors.As(err, &refused) && refused.Code == undefinedTable, strings.Contains(err.Error(), "no such table"):
			return false, nil
		default:
			return false, c.refused(ctx, err, "the catalogue can't be read", "get the right to read its table "+table)
		}
	}
	return true, nil
}

// rights tries what a commit does to an SQL catalogue, on no row, and takes it
// back: a file that may only be read can be opened, too. Laid says whether its own
// tables are there, whole whether those of the results are.
func (c *Catalog) rights(ctx context.Context, laid, whole bool) error {
	if c.Ice == nil {
		path, _ := c.sqlitePath() // which opening it has looked at
		if err := writableDir(filepath.Dir(path)); err != nil {
			return fault.Input(CodeSettings, "the catalogue's file can't be made: %w", err).On(c.URI()).Fix("get the right to write there, or choose another output.catalog_uri")
		}
		return nil
	}
	if c.db == nil {
		return nil
	}
	tries, right := []string{"UPDATE iceberg_tables SET table_name = table_name WHERE 1 = 0"}, "to write to it, its table iceberg_tables"
	switch {
	case !laid:
		tries, right = []string{"CREATE TABLE constellation_probe (x INTEGER)"}, "to make tables in it, in the schema that search_path begins with"
	case !whole:
		right = "to write to it, its tables " + strings.Join(catalogTables, " and ")
		for _, table := range catalogTables {
			tries = append(tries, "INSERT INTO "+table+" SELECT * FROM "+table+" WHERE 1 = 0")
		}
	}
	tx, err := c.db.BeginTx(ctx, nil)
	if err == nil {
		for _, try := range tries {
			if err == nil {
				_, err = tx.ExecContext(ctx, try)
			}
		}
		if undone := tx.Rollback(); err == nil && !errors.Is(undone, sql.ErrTxDone) {
			err = undone
		}
	}
	if err == nil {
		return nil
	}
	return c.refused(ctx, err, "the catalogue can be read, and not written to", "get the right "+right)
}
