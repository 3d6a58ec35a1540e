package survey

import (
	"fmt"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Prepared is what preparation left for one tile. A tile that could not be
// prepared for a reason of its own has that reason in Failure and still lists
// all its sub-tiles, so that nothing drops out of the count.
type Prepared struct {
	TileReport
	Plan    string `json:"plan,omitempty"`  // key of what the tile was made from
	Again   string `json:"again,omitempty"` // what that was made again for
	Failure string `json:"failure,omitempty"`
}

// ToInfer returns the indices of the sub-tiles that inference has something to
// do on. The others are decided already, and wake no GPU.
// A budget is what an inference may take of a GPU's memory, in bytes; 0: any.
func (p *Prepared) ToInfer(budget int64) []int64 {
	indices := []int64{}
	for i, s := range p.SubTiles {
		if p.Failure == "" && s.Status == StatusOK && p.TooLarge(i, budget) == "" {
			indices = append(indices, int64(i))
		}
	}
	return indices
}

// TooLarge says why a sub-tile can't be inferred within a budget, with the
// numbers; empty where it can.
func (p *Prepared) TooLarge(i int, budget int64) string {
	s := p.SubTiles[i]
	if budget <= 0 || s.Memory <= budget {
		return ""
	}
	return fmt.Sprintf("inference needs %.1f GB for %d quadrants of %d exposures and %d sources, the GPU gives %.1f GB: take a larger shine.accelerator, or more sub-tiles a tile (tiling.sub_tile_grid)",
		float64(s.Memory)/1e9, s.Quadrants, s.Exposures, s.Sources, float64(budget)/1e9)
}

// SubTile returns one sub-tile.
func (p *Prepared) SubTile(i int) (SubTile, error) {
	if i < 0 || i >= len(p.SubTiles) {
		return SubTile{}, fault.Input("UnknownSubTile", "tile %d has no sub-tile %d", p.TileID, i).Fix("use 0 to %d", len(p.SubTiles)-1)
	}
	return p.SubTiles[i], nil
}

// String says in one line what was prepared.
func (p *Prepared) String() string {
	if p.Failure != "" {
		return "failed: " + p.Failure
	}
	quadrants, core := 0, 0
	for _, s := range p.SubTiles {
		quadrants += s.Quadrants
		core += s.CoreSources
	}
	return fmt.Sprintf("%d sub-tiles, %d quadrants, %d core sources", len(p.SubTiles), quadrants, core)
}
