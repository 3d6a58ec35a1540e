package catalog

import (
	"context"

	"github.com/apache/iceberg-go"

	"github.com/cosmostat/constellation/pkg/results"
)

// keepEarlier takes out of a batch the sub-tiles that failed this time and were
// measured before: a run that goes wrong leaves the catalogue no worse.
func (c *Catalog) keepEarlier(ctx context.Context, b *Batch, shear []ShearRow) ([]ShearRow, error) {
	failed := map[key]bool{}
	for _, r := range shear {
		if r.Status == results.Failed {
			failed[key{r.TileID, int(r.Row), int(r.Col)}] = true
		}
	}
	if len(failed) == 0 {
		return shear, nil
	}
	earlier := map[key]bool{}
	for r, err := range c.Rows(ctx, Filter{ConfigID: b.ConfigID, Tiles: b.Tiles}) {
		if err != nil {
			return nil, err
		}
		if k := (key{r.TileID, int(r.Row), int(r.Col)}); failed[k] && r.Status != results.Failed {
			earlier[k] = true
		}
	}
	var rows []ShearRow
	for _, r := range shear {
		if k := (key{r.TileID, int(r.Row), int(r.Col)}); earlier[k] {
			b.keep = append(b.keep, k)
			continue
		}
		rows = append(rows, r)
	}
	b.nothingNew = len(rows) == 0
	return rows, nil
}

// replaced selects the rows that a batch stands for: those of its tiles and
// configuration, less the sub-tiles that keep theirs.
func (b *Batch) replaced() iceberg.BooleanExpression {
	expr := ofTiles(b.ConfigID, b.Tiles)
	for _, k := range b.keep {
		expr = iceberg.NewAnd(expr, iceberg.NewNot(iceberg.NewAnd(
			iceberg.EqualTo(iceberg.Reference("TILE_ID"), k.tile),
			iceberg.EqualTo(iceberg.Reference("SUBTILE_ROW"), int32(k.row)),
			iceberg.EqualTo(iceberg.Reference("SUBTILE_COL"), int32(k.col)),
		)))
	}
	return expr
}
