package glue

import (
	"context"
	"errors"
	"iter"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
)

// errUnused is what the calls answer that nothing here needs.
var errUnused = errors.New("glue: not done here: use the AWS console or PyIceberg")

// ListTables is not done here.
func (c *Catalog) ListTables(context.Context, table.Identifier) iter.Seq2[table.Identifier, error] {
	return func(yield func(table.Identifier, error) bool) { yield(nil, errUnused) }
}

// DropTable is not done here.
func (c *Catalog) DropTable(context.Context, table.Identifier) error { return errUnused }

// RenameTable is not done here.
func (c *Catalog) RenameTable(context.Context, table.Identifier, table.Identifier) (*table.Table, error) {
	return nil, errUnused
}

// ListNamespaces is not done here.
func (c *Catalog) ListNamespaces(context.Context, table.Identifier) ([]table.Identifier, error) {
	return nil, errUnused
}

// DropNamespace is not done here.
func (c *Catalog) DropNamespace(context.Context, table.Identifier) error { return errUnused }

// LoadNamespaceProperties is not done here.
func (c *Catalog) LoadNamespaceProperties(context.Context, table.Identifier) (iceberg.Properties, error) {
	return nil, errUnused
}

// UpdateNamespaceProperties is not done here.
func (c *Catalog) UpdateNamespaceProperties(context.Context, table.Identifier, []string, iceberg.Properties) (icecat.PropertiesUpdateSummary, error) {
	return icecat.PropertiesUpdateSummary{}, errUnused
}
