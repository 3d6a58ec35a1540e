// Package reading reads the shear catalogue back: rows that a filter selects, and a
// verdict on those of a run. It writes nothing.
package reading

import (
	"context"
	"fmt"
	"github.com/apache/iceberg-go"
	"iter"
	"slices"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/columnar"
)

// Filter selects rows.
type Filter struct {
	ConfigID string  // empty: all configurations
	Tiles    []int64 // empty: all tiles
	From, To int64   // if not both 0, only tiles from the one to the other
}

// Shear gives the shear rows that a filter selects, in no particular order.
// A catalogue that nothing was committed to has none.
func Shear(ctx context.Context, c *tables.Catalog, f Filter) iter.Seq2[rows.Shear, error] {
	return each(scan(ctx, c, c.ShearTable(), rows.ShearColumns(), f))
}

// Sources gives the source rows that a filter selects, in no particular order.
func Sources(ctx context.Context, c *tables.Catalog, f Filter) iter.Seq2[rows.Source, error] {
	return each(scan(ctx, c, c.SourcesTable(), rows.SourceColumns(), f))
}

func each[R any](chunks iter.Seq2[[]R, error]) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for rows, err := range chunks {
			if err != nil {
				yield(*new(R), err)
				return
			}
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// scan gives rows in chunks; a chunk is the caller's until the next one.
// Columns named in only, if any, are read and the others left zero.
func scan[R any](ctx context.Context, c *tables.Catalog, l tables.Layout, cols []columnar.Column[R], f Filter, only ...string) iter.Seq2[[]R, error] {
	return func(yield func([]R, error) bool) {
		ctx := c.With(ctx)
		t, exists, err := c.Load(ctx, l, nil)
		if err != nil || !exists || t.CurrentSnapshot() == nil {
			if err != nil {
				yield(nil, err)
			}
			return
		}
		Scan(ctx, l, t, cols, f, only...)(yield)
	}
}

// Scan is scan of a table's state that is loaded already.
func Scan[R any](ctx context.Context, l tables.Layout, t *table.Table, cols []columnar.Column[R], f Filter, only ...string) iter.Seq2[[]R, error] {
	return func(yield func([]R, error) bool) {
		if len(only) == 0 {
			for _, col := range cols {
				only = append(only, col.Name)
			}
		}
		if err := l.Check(t, append(only, "TILE_ID", "CONFIG_ID")...); err != nil {
			yield(nil, err)
			return
		}
		var fields []string
		for _, column := range only {
			if field, there := l.Field(t, column); there {
				fields = append(fields, field.Name)
			}
		}
		s := t.Scan(table.WithRowFilter(f.of(l, t)), table.WithSelectedFields(fields...), table.WithMaxConcurrency(2), table.WithArrowBatchSize(rowsAtOnce))
		defer func() { _ = s.Close() }() // what was read is judged by the reads
		_, records, err := s.ToArrowRecords(ctx)
		if err != nil {
			yield(nil, fmt.Errorf("read table at %s, snapshot %d: %w", t.Location(), tables.SnapshotID(t), err))
			return
		}
		var chunk []R
		columns := l.Columns(t)
		for rec, err := range records {
			if err == nil {
				chunk, err = rows.Decode(rec, columns, cols, chunk[:0])
				rec.Release()
			}
			if err != nil {
				yield(nil, fmt.Errorf("read table at %s, snapshot %d: %w", t.Location(), tables.SnapshotID(t), err))
				return
			}
			if !yield(chunk, nil) {
				return
			}
		}
	}
}

// rowsAtOnce is what is decoded at a time: row groups of others may be any size.
const rowsAtOnce = 16 << 10

// maxTilesInFilter bounds the list of tiles in the predicate; beyond it, their range
// stands there, and callers select by themselves.
const maxTilesInFilter = 1000

// of is the predicate of a filter, in the names that the table has.
func (f Filter) of(l tables.Layout, t *table.Table) iceberg.BooleanExpression {
	name := func(column string) iceberg.Reference {
		field, _ := l.Field(t, column)
		return iceberg.Reference(field.Name)
	}
	var expr iceberg.BooleanExpression = iceberg.AlwaysTrue{}
	if f.ConfigID != "" {
		expr = iceberg.EqualTo(name("CONFIG_ID"), f.ConfigID)
	}
	tile := name("TILE_ID")
	if len(f.Tiles) > maxTilesInFilter {
		f.From, f.To, f.Tiles = slices.Min(f.Tiles), slices.Max(f.Tiles), nil
	}
	if f.From != 0 || f.To != 0 {
		expr = iceberg.NewAnd(expr, iceberg.GreaterThanEqual(tile, f.From), iceberg.LessThanEqual(tile, f.To))
	}
	if len(f.Tiles) > 0 {
		expr = iceberg.NewAnd(expr, iceberg.IsIn(tile, f.Tiles...))
	}
	return expr
}
