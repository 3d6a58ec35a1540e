// Package reading reads the shear catalogue back: rows that a filter selects, and a
// verdict on those of a run. It writes nothing.
package reading

import (
	"context"
	"fmt"
	"github.com/apache/iceberg-go"
	"iter"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/columnar"
)

// Filter selects rows.
type Filter struct {
	ConfigID string  // empty: all configurations
	Tiles    []int64 // empty: all tiles
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
		Scan(ctx, t, cols, f, only...)(yield)
	}
}

// Scan is scan of a table's state that is loaded already.
func Scan[R any](ctx context.Context, t *table.Table, cols []columnar.Column[R], f Filter, only ...string) iter.Seq2[[]R, error] {
	return func(yield func([]R, error) bool) {
		if len(only) == 0 {
			for _, col := range cols {
				only = append(only, col.Name)
			}
		}
		filter := f
		if len(f.Tiles) > maxTilesInFilter {
			filter.Tiles = nil
		}
		s := t.Scan(table.WithRowFilter(Of(filter.ConfigID, filter.Tiles)), table.WithSelectedFields(only...), table.WithMaxConcurrency(2), table.WithArrowBatchSize(rowsAtOnce))
		defer func() { _ = s.Close() }() // what was read is judged by the reads
		_, records, err := s.ToArrowRecords(ctx)
		if err != nil {
			yield(nil, fmt.Errorf("read table at %s: %w", t.Location(), err))
			return
		}
		var chunk []R
		for rec, err := range records {
			if err == nil {
				chunk, err = rows.Decode(rec, cols, chunk[:0])
				rec.Release()
			}
			if err != nil {
				yield(nil, fmt.Errorf("read table at %s: %w", t.Location(), err))
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

// maxTilesInFilter bounds the predicate; beyond it, callers select by themselves.
const maxTilesInFilter = 1000

// Of selects the rows of a configuration in some tiles; no tiles is all.
func Of(config string, tiles []int64) iceberg.BooleanExpression {
	var expr iceberg.BooleanExpression = iceberg.AlwaysTrue{}
	if config != "" {
		expr = iceberg.EqualTo(iceberg.Reference("CONFIG_ID"), config)
	}
	if len(tiles) > 0 {
		expr = iceberg.NewAnd(expr, iceberg.IsIn(iceberg.Reference("TILE_ID"), tiles...))
	}
	return expr
}
