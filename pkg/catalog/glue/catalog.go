package glue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"

	_ "github.com/cosmostat/constellation/pkg/catalog/foreign" // looks at metadata on their way to the library
	"github.com/cosmostat/constellation/pkg/fault"
)

// What an Iceberg table in Glue is known by.
const (
	external      = "EXTERNAL_TABLE"
	paramType     = "table_type"
	paramMetadata = "metadata_location"
	paramPrevious = "previous_metadata_location"
	typeIceberg   = "ICEBERG"
)

// LoadTable opens a table; [icecat.ErrNoSuchTable] where Glue has none, or not
// its database.
func (c *Catalog) LoadTable(ctx context.Context, ident table.Identifier) (*table.Table, error) {
	_, t, err := c.current(ctx, ident)
	return t, err
}

// current asks for a table, and reads its metadata if they are others than before.
func (c *Catalog) current(ctx context.Context, ident table.Identifier) (*types.Table, *table.Table, error) {
	entry, err := c.entry(ctx, ident)
	if err != nil {
		return nil, nil, err
	}
	location, err := c.iceberg(ident, entry)
	if err != nil {
		return nil, nil, err
	}
	key := name(ident)
	c.mu.Lock()
	t := c.known[key]
	c.mu.Unlock()
	if t != nil && t.MetadataLocation() == location {
		return entry, t, nil
	}
	if t, err = table.NewFromLocation(ctx, ident, location, iceio.LoadFSFunc(c.props, location), c); err != nil {
		return nil, nil, fmt.Errorf("read the metadata of table %s, %s: %w", key, location, err)
	}
	if !c.below(t.Location()) {
		return nil, nil, c.elsewhere(ident, t.Location())
	}
	c.keep(t)
	return entry, t, nil
}

// keep remembers a table as it is at its metadata's location.
func (c *Catalog) keep(t *table.Table) {
	c.mu.Lock()
	c.known[name(t.Identifier())] = t
	c.mu.Unlock()
}

// entry is what Glue has of a table.
func (c *Catalog) entry(ctx context.Context, ident table.Identifier) (*types.Table, error) {
	if len(ident) != 2 {
		return nil, fmt.Errorf("%w: %s is not a database and a table", icecat.ErrNoSuchTable, name(ident))
	}
	asked, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	got, err := c.getTable(asked, &glue.GetTableInput{CatalogId: c.account, DatabaseName: &ident[0], Name: &ident[1]})
	switch {
	case absent(err):
		return nil, fmt.Errorf("%w: %s in %s", icecat.ErrNoSuchTable, name(ident), c)
	case err != nil:
		return nil, c.refused(ctx, err, "glue:GetTable", "table "+name(ident))
	case got.Table == nil:
		return nil, fault.Passing(CodeSettings, "AWS Glue gives no table").On(c.String()).At("table %s", name(ident)).Fix("see whether the address is right")
	}
	return got.Table, nil
}

// iceberg is where an Iceberg table's metadata are; other tables are refused.
func (c *Catalog) iceberg(ident table.Identifier, entry *types.Table) (location string, err error) {
	other := func(format string, a ...any) *fault.Error {
		return fault.Input(CodeTable, "the table that is there "+format, a...).On(c.String()).At("table %s", name(ident)).
			Fix("choose another output.catalog_table or catalog_namespace")
	}
	if link := entry.TargetTable; link != nil {
		return "", other("is a link to table %q.%q of account %q", text(link.DatabaseName), text(link.Name), text(link.CatalogId)).
			Fix("name the account in output.catalog_uri, glue://account@region, and the database in output.catalog_namespace")
	}
	kind := entry.Parameters[paramType]
	if entry.Parameters == nil || !strings.EqualFold(kind, typeIceberg) {
		return "", other("is not an Iceberg table: its %s is %q, its TableType %q", paramType, kind, text(entry.TableType))
	}
	location = entry.Parameters[paramMetadata]
	scheme, _, _ := strings.Cut(location, "://")
	switch {
	case location == "":
		return "", other("says nowhere where its metadata are: it has no parameter %s", paramMetadata)
	case scheme != "s3" && scheme != "file":
		return "", other("has its metadata at %q, which can't be read", location)
	case !c.below(location):
		return "", c.elsewhere(ident, location)
	case entry.VersionId == nil || *entry.VersionId == "":
		return "", other("has no VersionId, without which nothing can be committed to it safely")
	}
	return location, nil
}

// below says whether a place is in the warehouse.
func (c *Catalog) below(place string) bool {
	return strings.HasPrefix(strings.TrimRight(place, "/")+"/", c.warehouse+"/")
}

func (c *Catalog) elsewhere(ident table.Identifier, place string) error {
	return fault.Input(CodeTable, "the table that is there lies at %q, not in the warehouse %s", place, c.warehouse).On(c.String()).At("table %s", name(ident)).
		Fix("choose another output.catalog_table or catalog_namespace; or, if these are the rows that you mean, set output.catalog_warehouse to a place that it lies below")
}

// CreateTable makes a table, where the options say or below the warehouse.
func (c *Catalog) CreateTable(ctx context.Context, ident table.Identifier, schema *iceberg.Schema, opts ...icecat.CreateTableOpt) (*table.Table, error) {
	if len(ident) != 2 {
		return nil, fmt.Errorf("%w: %s is not a database and a table", icecat.ErrInvalidIdentifier, name(ident))
	}
	cfg := icecat.NewCreateTableCfg()
	for _, o := range opts {
		o(&cfg)
	}
	if cfg.Location == "" {
		cfg.Location = c.warehouse + "/" + strings.Join(ident, "/")
	}
	if !c.below(cfg.Location) {
		return nil, c.elsewhere(ident, cfg.Location)
	}
	meta, err := table.NewMetadata(schema, cfg.PartitionSpec, cfg.SortOrder, cfg.Location, cfg.Properties)
	if err != nil {
		return nil, err
	}
	t, err := c.write(ctx, ident, meta, 0)
	if err != nil {
		return nil, err
	}
	asked, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	_, err = c.createTable(asked, &glue.CreateTableInput{CatalogId: c.account, DatabaseName: &ident[0], TableInput: input(t, nil)})
	switch {
	case exists(err): // perhaps by a first try whose answer was lost
		if now, err := c.entry(ctx, ident); err != nil || now.Parameters[paramMetadata] != t.MetadataLocation() {
			return nil, errors.Join(fmt.Errorf("%w: %s in %s", icecat.ErrTableAlreadyExists, name(ident), c), err)
		}
	case absent(err):
		return nil, fmt.Errorf("%w: %s in %s", icecat.ErrNoSuchNamespace, ident[0], c)
	case err != nil:
		return nil, c.refused(ctx, err, "glue:CreateTable", "table "+name(ident))
	}
	c.keep(t)
	return t, nil
}

// CreateNamespace makes a database.
func (c *Catalog) CreateNamespace(ctx context.Context, space table.Identifier, props iceberg.Properties) error {
	if len(space) != 1 {
		return fmt.Errorf("%w: %s: a database of AWS Glue has no levels", icecat.ErrInvalidIdentifier, name(space))
	}
	asked, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	_, err := c.createDatabase(asked, &glue.CreateDatabaseInput{CatalogId: c.account, DatabaseInput: &types.DatabaseInput{Name: &space[0], Parameters: maps.Clone(props)}})
	switch {
	case exists(err):
		return fmt.Errorf("%w: %s in %s", icecat.ErrNamespaceAlreadyExists, space[0], c)
	case err != nil:
		err = c.refused(ctx, err, "glue:CreateDatabase", "database "+space[0])
		if is := (*fault.Error)(nil); errors.As(err, &is) && is.Kind == fault.BadInput {
			err = is.Fix("have database %s made, which glue:GetDatabase shows; or %s", space[0], is.Remedy)
		}
	}
	return err
}

// CheckNamespaceExists says whether there is a database of that name.
func (c *Catalog) CheckNamespaceExists(ctx context.Context, space table.Identifier) (bool, error) {
	if len(space) != 1 {
		return false, nil
	}
	asked, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	_, err := c.getDatabase(asked, &glue.GetDatabaseInput{CatalogId: c.account, Name: &space[0]})
	switch {
	case absent(err):
		return false, nil
	case err != nil:
		return false, c.refused(ctx, err, "glue:GetDatabase", "database "+space[0])
	}
	return true, nil
}

// CheckTableExists says whether there is a table of that name.
func (c *Catalog) CheckTableExists(ctx context.Context, ident table.Identifier) (bool, error) {
	_, err := c.entry(ctx, ident)
	if errors.Is(err, icecat.ErrNoSuchTable) {
		return false, nil
	}
	return err == nil, err
}

func name(ident table.Identifier) string { return strings.Join(ident, ".") }

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
