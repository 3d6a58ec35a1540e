package reading

import (
	"slices"

	"github.com/cosmostat/constellation/pkg/sky"
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
