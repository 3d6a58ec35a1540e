package tables

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	icecat "github.com/apache/iceberg-go/catalog"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/fault"
)

// A catalogue holds little more of a table than where its newest metadata document
// is. The library loads that document or fails; who mends a table whose document is
// gone has to see, and move, the pointer itself.

// Pointer is where an SQL catalogue says that a table's metadata is; other
// catalogues don't tell it without reading the metadata.
func (c *Catalog) Pointer(ctx context.Context, l Layout) (at string, there bool, err error) {
	return c.pointer(ctx, l, "metadata_location")
}

// Previous is where it says that the metadata before that is.
func (c *Catalog) Previous(ctx context.Context, l Layout) (at string, there bool, err error) {
	return c.pointer(ctx, l, "previous_metadata_location")
}

func (c *Catalog) pointer(ctx context.Context, l Layout, column string) (at string, there bool, err error) {
	if c.db == nil {
		return "", false, nil
	}
	var location sql.NullString
	err = c.db.QueryRowContext(ctx, "SELECT "+column+" FROM iceberg_tables WHERE catalog_name = $1 AND table_namespace = $2 AND table_name = $3",
		Name, l.space(), l.Ident[len(l.Ident)-1]).Scan(&location)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("ask the catalogue where the metadata of table %s is: %w", l.Name(), err)
	}
	return location.String, location.Valid, nil
}

// space is the table's namespace as SQL catalogues write it.
func (l Layout) space() string { return strings.Join(l.Ident[:len(l.Ident)-1], ".") }

// Repoint has an SQL catalogue point at another metadata document of a table, if it
// still points at the one that it was seen to.
func (c *Catalog) Repoint(ctx context.Context, l Layout, from, to string) error {
	if c.db == nil {
		return fault.Input(CodeSettings, "this kind of catalogue points at its metadata itself").On(c.URI())
	}
	done, err := c.db.ExecContext(ctx, "UPDATE iceberg_tables SET metadata_location = $1, previous_metadata_location = $2 WHERE catalog_name = $3 AND table_namespace = $4 AND table_name = $5 AND metadata_location = $6",
		to, from, Name, l.space(), l.Ident[len(l.Ident)-1], from)
	if err != nil {
		return fmt.Errorf("have the catalogue point at %s: %w", to, err)
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("%w: the catalogue doesn't point at %s any more", table.ErrCommitFailed, from))
	}
	return nil
}

// Repoints says whether the pointer can be moved: that of an SQL catalogue.
func (c *Catalog) Repoints() bool { return c.db != nil }

// FS reaches the files of a table that is at a place.
func (c *Catalog) FS(at string) table.FSysF { return iceio.LoadFSFunc(c.props, at) }

// LoadAt loads a table as a metadata document has it, whatever the catalogue says.
func (c *Catalog) LoadAt(ctx context.Context, l Layout, document string) (*table.Table, error) {
	return table.NewFromLocation(ctx, l.Ident, document, c.FS(document), noCatalogue{})
}

// noCatalogue is that of a table that can't be committed to.
type noCatalogue struct{}

func (noCatalogue) LoadTable(context.Context, table.Identifier) (*table.Table, error) {
	return nil, icecat.ErrNoSuchTable
}

func (noCatalogue) CommitTable(context.Context, table.Identifier, []table.Requirement, []table.Update) (table.Metadata, string, error) {
	return nil, "", icecat.ErrNoSuchTable
}
