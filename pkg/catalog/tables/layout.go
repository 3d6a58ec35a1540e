package tables

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/foreign"
	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
)

// schema is the Iceberg schema of columns; key lists the identifier fields.
func schema[R any](cols []columnar.Column[R], key []string) *iceberg.Schema {
	fields := make([]iceberg.NestedField, len(cols))
	for i, c := range cols {
		doc := c.Doc
		if c.Unit != "" {
			doc += " [" + c.Unit + "]"
		}
		fields[i] = iceberg.NestedField{ID: i + 1, Name: c.Name, Required: !c.Nullable(), Doc: doc, Type: icebergType(c.Ref(new(R)))}
	}
	return iceberg.NewSchemaWithIdentifiers(0, FieldIDs(fields, key), fields...)
}

func icebergType(ref any) iceberg.Type {
	switch ref.(type) {
	case *int64:
		return iceberg.PrimitiveTypes.Int64
	case *int32:
		return iceberg.PrimitiveTypes.Int32
	case *float64:
		return iceberg.PrimitiveTypes.Float64
	case **float32:
		return iceberg.PrimitiveTypes.Float32
	}
	return iceberg.PrimitiveTypes.String
}

// FieldIDs are those of the fields that are named.
func FieldIDs(fields []iceberg.NestedField, names []string) []int {
	ids := make([]int, 0, len(names))
	for _, n := range names {
		for _, f := range fields {
			if f.Name == n {
				ids = append(ids, f.ID)
			}
		}
	}
	return ids
}

// Layout is one of the two tables as it must be.
type Layout struct {
	Ident  table.Identifier
	Schema *iceberg.Schema
	Order  []string // columns that rows are written in the order of
}

// ShearTable is the table of the sub-tiles' shears, which holds the leases too.
func (c *Catalog) ShearTable() Layout {
	key := []string{"TILE_ID", "SUBTILE_ROW", "SUBTILE_COL"}
	return Layout{c.ident(""), schema(rows.ShearColumns(), append(key, "CONFIG_ID")), key}
}

// SourcesTable is the table of their sources.
func (c *Catalog) SourcesTable() Layout {
	key := []string{"TILE_ID", "SUBTILE_ROW", "SUBTILE_COL", "OBJECT_ID"}
	return Layout{c.ident("_sources"), schema(rows.SourceColumns(), append(key, "CONFIG_ID")), key}
}

func (c *Catalog) ident(suffix string) table.Identifier {
	return append(strings.Split(c.settings.Namespace, "."), c.settings.Table+suffix)
}

// Name is the table's identifier, dotted.
func (l Layout) Name() string { return strings.Join(l.Ident, ".") }

// Load opens a table; exists is false where nothing was ever committed. What is
// committed to it is guarded by g, if any, where it has to be replayed.
func (c *Catalog) Load(ctx context.Context, l Layout, g Guard) (t *table.Table, exists bool, err error) {
	if c.Ice == nil {
		return nil, false, nil
	}
	t, err = (&committer{c.Ice, c.props, g, time.Now()}).load(ctx, l.Ident)
	if errors.Is(err, icecat.ErrNoSuchTable) || errors.Is(err, icecat.ErrNoSuchNamespace) {
		return nil, false, nil
	}
	if errors.Is(err, rest.ErrRESTError) && !passing(err) && fault.CodeOf(err) != foreign.Code {
		return nil, false, c.refusedREST(ctx, err, "load table "+l.Name())
	}
	if errors.Is(err, table.ErrInvalidMetadata) {
		err = foreign.Refuse(l.Name(), "its metadata", err)
	}
	if err != nil {
		return nil, false, fmt.Errorf("load table %s: %w", l.Name(), err)
	}
	return t, true, l.check(t)
}

// check refuses a table that somebody else laid, or changed: each column must be
// there under its id and type. Further columns don't hurt that may be null.
func (l Layout) check(t *table.Table) error {
	wrong := func(column, format string, a ...any) error {
		return fault.Input(CodeTable, "the table that is there has another layout: "+format, a...).On(t.Location()).At("column %s", column).
			Fix("choose another output.catalog_table, or undo the change of the table's schema")
	}
	for _, want := range l.Schema.Fields() {
		got, ok := t.Schema().FindFieldByName(want.Name)
		named, renamed := t.Schema().FindFieldByID(want.ID)
		switch {
		case !ok && renamed:
			return wrong(want.Name, "it is named %s there", named.Name)
		case !ok:
			return wrong(want.Name, "it is not there")
		case got.ID != want.ID:
			return wrong(want.Name, "its field id is %d, it must be %d", got.ID, want.ID)
		case !got.Type.Equals(want.Type):
			return wrong(want.Name, "it is a %s, it must be a %s", got.Type, want.Type)
		case got.Required && !want.Required:
			return wrong(want.Name, "it must be able to be null")
		}
	}
	for _, got := range t.Schema().Fields() {
		if _, ours := l.Schema.FindFieldByName(got.Name); !ours && got.Required {
			return wrong(got.Name, "it is required, and nothing writes it")
		}
	}
	return nil
}

// Ensure opens a table, and makes it and its namespace if need be.
func (c *Catalog) Ensure(ctx context.Context, l Layout, g Guard) (*table.Table, error) {
	if c.looking {
		return nil, fault.New(fault.Bug, CodeSettings, "the catalogue was opened to be read").On(c.URI())
	}
	if t, ok, err := c.Load(ctx, l, g); ok || err != nil {
		return t, err
	}
	space := l.Ident[:len(l.Ident)-1]
	for i := range space {
		if err := c.Ice.CreateNamespace(ctx, space[:i+1], nil); err != nil && !errors.Is(err, icecat.ErrNamespaceAlreadyExists) {
			if ok, e := c.Ice.CheckNamespaceExists(ctx, space[:i+1]); e != nil || !ok { // else another committer made it just now
				return nil, fmt.Errorf("create namespace %s: %w", strings.Join(space[:i+1], "."), err)
			}
		}
	}
	tile, _ := l.Schema.FindFieldByName("TILE_ID")
	spec := iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{tile.ID}, FieldID: iceberg.PartitionDataIDStart, Name: "TILE_ID", Transform: iceberg.IdentityTransform{}})
	sorted := make([]table.SortField, len(l.Order))
	for i, id := range FieldIDs(l.Schema.Fields(), l.Order) {
		sorted[i] = table.SortField{SourceIDs: []int{id}, Transform: iceberg.IdentityTransform{}, Direction: table.SortASC, NullOrder: table.NullsFirst}
	}
	order, err := table.NewSortOrder(1, sorted)
	if err != nil {
		return nil, err
	}
	_, err = c.Ice.CreateTable(ctx, l.Ident, l.Schema,
		icecat.WithLocation(c.settings.Warehouse+"/"+strings.Join(l.Ident, "/")),
		icecat.WithPartitionSpec(&spec), icecat.WithSortOrder(order), icecat.WithProperties(iceberg.Properties{
			table.PropertyFormatVersion: "2",
			// Whole bounds let a replacement see that a file holds one
			// configuration only, and drop it without reading it.
			table.MetricsModeColumnConfPrefix + ".CONFIG_ID": "full",
			table.ParquetCompressionKey:                      "zstd",
			table.MetadataDeleteAfterCommitEnabledKey:        "true", // keeps the last 100 metadata files
			table.CommitNumRetriesKey:                        "50",
			table.CommitMinRetryWaitMsKey:                    "20",
			table.CommitMaxRetryWaitMsKey:                    "2000",
		}))
	// Another committer may have made it in the meantime: whether it's there decides.
	t, ok, lerr := c.Load(ctx, l, g)
	switch {
	case lerr != nil:
		return nil, lerr
	case !ok:
		return nil, fmt.Errorf("create table %s: %w", l.Name(), err)
	}
	return t, nil
}
