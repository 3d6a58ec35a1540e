package catalog

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

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/results"
)

// ShearRow is a row of the shear table.
type ShearRow struct {
	results.Shear
	RunID, ConfigID string
}

// SourceRow is a row of the source table.
type SourceRow struct {
	results.Source
	RunID, ConfigID string
}

// Columns of the tables. A column's field id is its place in this order, from
// 1, and stays: new columns come last, whatever the files' order is.

func shearColumns() []columnar.Column[ShearRow] {
	return tableColumns(results.ShearColumns(), func(r *ShearRow) *results.Shear { return &r.Shear },
		func(r *ShearRow) (*string, *string) { return &r.RunID, &r.ConfigID })
}

func sourceColumns() []columnar.Column[SourceRow] {
	return tableColumns(results.SourceColumns(), func(r *SourceRow) *results.Source { return &r.Source },
		func(r *SourceRow) (*string, *string) { return &r.RunID, &r.ConfigID })
}

func tableColumns[R, T any](file []columnar.Column[T], inner func(*R) *T, ids func(*R) (run, config *string)) []columnar.Column[R] {
	cols := make([]columnar.Column[R], 0, len(file)+2)
	for _, c := range file {
		cols = append(cols, columnar.Column[R]{Name: c.Name, Unit: c.Unit, Doc: c.Doc, Required: c.Required || c.Name == "STATUS",
			Ref: func(r *R) any { return c.Ref(inner(r)) }})
	}
	return append(cols,
		columnar.Column[R]{Name: "RUN_ID", Doc: "run that committed the row first", Required: true, Ref: func(r *R) any { p, _ := ids(r); return p }},
		columnar.Column[R]{Name: "CONFIG_ID", Doc: "SHA-256 of the settings that can change a result", Required: true, Ref: func(r *R) any { _, p := ids(r); return p }},
	)
}

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
	return iceberg.NewSchemaWithIdentifiers(0, fieldIDs(fields, key), fields...)
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

func fieldIDs(fields []iceberg.NestedField, names []string) []int {
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

// layout is one of the two tables as it must be.
type layout struct {
	ident  table.Identifier
	schema *iceberg.Schema
	order  []string // columns that rows are written in the order of
}

func (c *Catalog) shearTable() layout {
	key := []string{"TILE_ID", "SUBTILE_ROW", "SUBTILE_COL"}
	return layout{c.ident(""), schema(shearColumns(), append(key, "CONFIG_ID")), key}
}

func (c *Catalog) sourcesTable() layout {
	key := []string{"TILE_ID", "SUBTILE_ROW", "SUBTILE_COL", "OBJECT_ID"}
	return layout{c.ident("_sources"), schema(sourceColumns(), append(key, "CONFIG_ID")), key}
}

func (c *Catalog) ident(suffix string) table.Identifier {
	return append(strings.Split(c.settings.Namespace, "."), c.settings.Table+suffix)
}

// name is the table's identifier, dotted.
func (l layout) name() string { return strings.Join(l.ident, ".") }

// load opens a table; exists is false where nothing was ever committed. What is
// committed to it is guarded by g, if any, where it has to be replayed.
func (c *Catalog) load(ctx context.Context, l layout, g guard) (t *table.Table, exists bool, err error) {
	if c.ice == nil {
		return nil, false, nil
	}
	t, err = (&committer{c.ice, c.props, g, time.Now()}).load(ctx, l.ident)
	if errors.Is(err, icecat.ErrNoSuchTable) || errors.Is(err, icecat.ErrNoSuchNamespace) {
		return nil, false, nil
	}
	if errors.Is(err, rest.ErrRESTError) && !passing(err) && fault.CodeOf(err) != CodeForeign {
		return nil, false, c.refusedREST(ctx, err, "load table "+l.name())
	}
	if errors.Is(err, table.ErrInvalidMetadata) {
		err = refuseForeign(l.name(), foreignError{"its metadata", err})
	}
	if err != nil {
		return nil, false, fmt.Errorf("load table %s: %w", l.name(), err)
	}
	return t, true, l.check(t)
}

// check refuses a table that somebody else laid, or changed: each column must be
// there under its id and type. Further columns don't hurt that may be null.
func (l layout) check(t *table.Table) error {
	wrong := func(column, format string, a ...any) error {
		return fault.Input(CodeTable, "the table that is there has another layout: "+format, a...).On(t.Location()).At("column %s", column).
			Fix("choose another output.catalog_table, or undo the change of the table's schema")
	}
	for _, want := range l.schema.Fields() {
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
		if _, ours := l.schema.FindFieldByName(got.Name); !ours && got.Required {
			return wrong(got.Name, "it is required, and nothing writes it")
		}
	}
	return nil
}

// ensure opens a table, and makes it and its namespace if need be.
func (c *Catalog) ensure(ctx context.Context, l layout, g guard) (*table.Table, error) {
	if c.looking {
		return nil, fault.New(fault.Bug, CodeSettings, "the catalogue was opened to be read").On(c.URI())
	}
	if t, ok, err := c.load(ctx, l, g); ok || err != nil {
		return t, err
	}
	space := l.ident[:len(l.ident)-1]
	for i := range space {
		if err := c.ice.CreateNamespace(ctx, space[:i+1], nil); err != nil && !errors.Is(err, icecat.ErrNamespaceAlreadyExists) {
			if ok, e := c.ice.CheckNamespaceExists(ctx, space[:i+1]); e != nil || !ok { // else another committer made it just now
				return nil, fmt.Errorf("create namespace %s: %w", strings.Join(space[:i+1], "."), err)
			}
		}
	}
	tile, _ := l.schema.FindFieldByName("TILE_ID")
	spec := iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{tile.ID}, FieldID: iceberg.PartitionDataIDStart, Name: "TILE_ID", Transform: iceberg.IdentityTransform{}})
	sorted := make([]table.SortField, len(l.order))
	for i, id := range fieldIDs(l.schema.Fields(), l.order) {
		sorted[i] = table.SortField{SourceIDs: []int{id}, Transform: iceberg.IdentityTransform{}, Direction: table.SortASC, NullOrder: table.NullsFirst}
	}
	order, err := table.NewSortOrder(1, sorted)
	if err != nil {
		return nil, err
	}
	_, err = c.ice.CreateTable(ctx, l.ident, l.schema,
		icecat.WithLocation(c.settings.Warehouse+"/"+strings.Join(l.ident, "/")),
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
	t, ok, lerr := c.load(ctx, l, g)
	switch {
	case lerr != nil:
		return nil, lerr
	case !ok:
		return nil, fmt.Errorf("create table %s: %w", l.name(), err)
	}
	return t, nil
}
