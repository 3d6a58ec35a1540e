package commits

import (
	"context"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/reading"
	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// A run that goes wrong leaves the catalogue no worse. The two tables are
// committed one after the other, and other runs may commit in between, so each
// has a rule that holds by itself: sources of sub-tiles that failed this time
// are never touched, since there are some only where an earlier run measured;
// shear rows of such sub-tiles stay where the table, as it is when it is
// replaced, has a row that is not a failure.

// failed lists the sub-tiles that failed, in the order of the rows.
func failed(shear []results.Shear) (keys []sky.SubTileID) {
	for _, r := range shear {
		if r.Status == survey.StatusFailed {
			keys = append(keys, r.ID())
		}
	}
	return keys
}

// keepEarlier parts a batch's shear rows, sorted, into those to write and the
// sub-tiles that keep the row that t has.
func keepEarlier(ctx context.Context, l tables.Layout, t *table.Table, b *Batch, shear []results.Shear) (written []results.Shear, keep []sky.SubTileID, err error) {
	wanted := map[sky.SubTileID]bool{}
	for _, k := range failed(shear) {
		wanted[k] = true
	}
	if len(wanted) == 0 || t.CurrentSnapshot() == nil {
		return shear, nil, nil
	}
	earlier := map[sky.SubTileID]bool{}
	for chunk, err := range reading.Scan(ctx, l, t, rows.ShearColumns(), reading.Filter{ConfigID: b.ConfigID, Tiles: b.Tiles}, "TILE_ID", "SUBTILE_ROW", "SUBTILE_COL", "STATUS") {
		if err != nil {
			return nil, nil, err
		}
		for i := range chunk {
			if k := chunk[i].ID(); wanted[k] && chunk[i].Status != survey.StatusFailed {
				earlier[k] = true
			}
		}
	}
	for i := range shear {
		if k := shear[i].ID(); earlier[k] {
			keep = append(keep, k)
		} else {
			written = append(written, shear[i])
		}
	}
	return written, keep, nil
}
