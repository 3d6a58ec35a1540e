package reading

import (
	"context"
	"slices"

	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// SubTile is a planned sub-tile; RA and Dec are its centre's, in degrees.
type SubTile struct {
	sky.SubTileID
	RA  float64 `json:"ra"`
	Dec float64 `json:"dec"`
}

// Plan is what a run set out to measure, under one configuration.
type Plan struct {
	ConfigID string    `json:"config_id"`
	SubTiles []SubTile `json:"sub_tiles"`
	// Check holds a sub-tile's results to what it was planned from. Nil: nobody does.
	Check func(ctx context.Context, s SubTile, o survey.Outcome, shear results.Shear, sources []results.Source) error `json:"-"`
}

// tiles gives the tiles of a plan, sorted.
func (p Plan) tiles() []int64 {
	tiles := make([]int64, len(p.SubTiles))
	for i, s := range p.SubTiles {
		tiles[i] = s.TileID
	}
	slices.Sort(tiles)
	return slices.Compact(tiles)
}
