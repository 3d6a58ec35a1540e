package tables

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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
	fields := make([]iceberg.NestedField, len(cols), len(cols)+1)
	for i, c := range cols {
		doc := c.Doc
		if c.Unit != "" {
			doc += " [" + c.Unit + "]"
		}
		fields[i] = iceberg.NestedField{ID: i + 1, Name: c.Name, Required: !c.Nullable(), Doc: doc, Type: icebergType(c.Ref(new(R)))}
	}
	// Optional, as a column is that a table was given later.
	fields = append(fields, iceberg.NestedField{ID: len(fields) + 1, Name: rows.Healpix, Doc: "HEALPix pixel of RA, DEC in nested order 29", Type: iceberg.PrimitiveTypes.Int64})
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
	Width  int      // of the range of TILE_ID that a partition is of
}

// Euclid's ids number the tiles along strips of declination, so that neighbours in
// number are neighbours on the sky. Of 60,000 tiles, these widths make some 80
// partitions of shear, and 700 of sources, with 0.5 GB in one at most.
const (
	shearWidth   = 2000
	sourcesWidth = 200
)

// ShearTable is the table of the sub-tiles' shears, which holds the leases too.
func (c *Catalog) ShearTable() Layout {
	key := []string{"TILE_ID", "SUBTILE_ROW", "SUBTILE_COL"}
	return Layout{c.ident(""), schema(rows.ShearColumns(), append(key, "CONFIG_ID")), key, shearWidth}
}

// SourcesTable is the table of their sources.
func (c *Catalog) SourcesTable() Layout {
	key := []string{"TILE_ID", "SUBTILE_ROW", "SUBTILE_COL", "OBJECT_ID"}
	return Layout{c.ident("_sources"), schema(rows.SourceColumns(), append(key, "CONFIG_ID")), key, sourcesWidth}
}

func (c *Catalog) ident(suffix string) table.Identifier {
	return append(strings.Split(c.settings.Namespace, "."), c.settings.Table+suffix)
}

// Spec is how the table is parted.
func (l Layout) Spec() iceberg.PartitionSpec {
	tile, _ := l.Schema.FindFieldByName("TILE_ID")
	return iceberg.NewPartitionSpec(iceberg.PartitionField{
		SourceIDs: []int{tile.ID}, FieldID: iceberg.PartitionDataIDStart, Name: "TILE_ID_trunc", Transform: iceberg.TruncateTransform{Width: l.Width},
	})
}

// Parts says how a table is parted, in its columns' names.
func (l Layout) Parts(t *table.Table, spec iceberg.PartitionSpec) string {
	var parts []string
	for _, f := range spec.Fields() {
		name, _ := t.Schema().FindColumnName(f.SourceID())
		parts = append(parts, fmt.Sprintf("%s(%s)", f.Transform, name))
	}
	return strings.Join(parts, ", ")
}

// Properties are those that a table is given.
func Properties() iceberg.Properties {
	return iceberg.Properties{
		// Whole bounds show whether a file may hold rows of a configuration.
		table.MetricsModeColumnConfPrefix + ".CONFIG_ID": "full",
		table.ParquetCompressionKey:                      "zstd",
		table.MetadataDeleteAfterCommitEnabledKey:        "true", // keeps the last 100 metadata files
		table.CommitNumRetriesKey:                        "50",
		table.CommitMinRetryWaitMsKey:                    "20",
		table.CommitMaxRetryWaitMsKey:                    "2000",
		// The library's compaction loses rows of files that a scan splits: none of
		// ours is as long as that.
		table.WriteTargetFileSizeBytesKey: strconv.Itoa(256 << 20),
		table.ReadSplitTargetSizeKey:      strconv.Itoa(512 << 20),
	}
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
	return t, true, nil
}

// Ensure opens a table, and makes it and its namespace if need be.
func (c *Catalog) Ensure(ctx context.Context, l Layout, g Guard) (*table.Table, error) {
	if c.looking {
		return nil, fault.New(fault.Bug, CodeSettings, "the catalogue was opened to be read").On(c.URI())
	}
	if t, ok, err := c.Load(ctx, l, g); ok || err != nil {
		return t, errors.Join(err, l.checkIf(ok, t))
	}
	space := l.Ident[:len(l.Ident)-1]
	for i := range space {
		if err := c.Ice.CreateNamespace(ctx, space[:i+1], nil); err != nil && !errors.Is(err, icecat.ErrNamespaceAlreadyExists) {
			if ok, e := c.Ice.CheckNamespaceExists(ctx, space[:i+1]); e != nil || !ok { // else another committer made it just now
				return nil, fmt.Errorf("create namespace %s: %w", strings.Join(space[:i+1], "."), err)
			}
		}
	}
	spec := l.Spec()
	sorted := make([]table.SortField, len(l.Order))
	for i, id := range FieldIDs(l.Schema.Fields(), l.Order) {
		sorted[i] = table.SortField{SourceIDs: []int{id}, Transform: iceberg.IdentityTransform{}, Direction: table.SortASC, NullOrder: table.NullsFirst}
	}
	order, err := table.NewSortOrder(1, sorted)
	if err != nil {
		return nil, err
	}
	props := Properties()
	props[table.PropertyFormatVersion] = "2"
	_, err = c.Ice.CreateTable(ctx, l.Ident, l.Schema,
		icecat.WithLocation(c.settings.Warehouse+"/"+strings.Join(l.Ident, "/")),
		icecat.WithPartitionSpec(&spec), icecat.WithSortOrder(order), icecat.WithProperties(props))
	// Another committer may have made it in the meantime: whether it's there decides.
	t, ok, lerr := c.Load(ctx, l, g)
	lerr = errors.Join(lerr, l.checkIf(ok, t))
	switch {
	case lerr != nil:
		return nil, lerr
	case !ok:
		return nil, fmt.Errorf("create table %s: %w", l.Name(), err)
	}
	return t, nil
}
