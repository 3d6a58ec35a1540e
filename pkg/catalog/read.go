package catalog

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/columnar"
)

// Filter selects rows.
type Filter struct {
	ConfigID string  // empty: all configurations
	Tiles    []int64 // empty: all tiles
}

// Rows gives the shear rows that a filter selects, in no particular order.
// A catalogue that nothing was committed to has none.
func (c *Catalog) Rows(ctx context.Context, f Filter) iter.Seq2[ShearRow, error] {
	return each(scan(ctx, c, c.shearTable(), shearColumns(), f))
}

// Sources gives the source rows that a filter selects, in no particular order.
func (c *Catalog) Sources(ctx context.Context, f Filter) iter.Seq2[SourceRow, error] {
	return each(scan(ctx, c, c.sourcesTable(), sourceColumns(), f))
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
func scan[R any](ctx context.Context, c *Catalog, l layout, cols []columnar.Column[R], f Filter, only ...string) iter.Seq2[[]R, error] {
	return func(yield func([]R, error) bool) {
		ctx := c.with(ctx)
		t, exists, err := c.load(ctx, l, nil)
		if err != nil || !exists || t.CurrentSnapshot() == nil {
			if err != nil {
				yield(nil, err)
			}
			return
		}
		scanTable(ctx, t, cols, f, only...)(yield)
	}
}

// scanTable is scan of a table's state that is loaded already.
func scanTable[R any](ctx context.Context, t *table.Table, cols []columnar.Column[R], f Filter, only ...string) iter.Seq2[[]R, error] {
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
		s := t.Scan(table.WithRowFilter(ofTiles(filter.ConfigID, filter.Tiles)), table.WithSelectedFields(only...), table.WithMaxConcurrency(2), table.WithArrowBatchSize(rowsAtOnce))
		defer func() { _ = s.Close() }() // what was read is judged by the reads
		_, records, err := s.ToArrowRecords(ctx)
		if err != nil {
			yield(nil, fmt.Errorf("read table at %s: %w", t.Location(), err))
			return
		}
		var rows []R
		for rec, err := range records {
			if err == nil {
				rows, err = decode(rec, cols, rows[:0])
				rec.Release()
			}
			if err != nil {
				yield(nil, fmt.Errorf("read table at %s: %w", t.Location(), err))
				return
			}
			if !yield(rows, nil) {
				return
			}
		}
	}
}

// rowsAtOnce is what is decoded at a time: row groups of others may be any size.
const rowsAtOnce = 16 << 10

// maxTilesInFilter bounds the predicate; beyond it, callers select by themselves.
const maxTilesInFilter = 1000

// tiles gives the tiles of a plan, sorted.
func (p Plan) tiles() []int64 {
	tiles := make([]int64, len(p.SubTiles))
	for i, s := range p.SubTiles {
		tiles[i] = s.TileID
	}
	slices.Sort(tiles)
	return slices.Compact(tiles)
}
