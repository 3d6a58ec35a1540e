package survey

import (
	"context"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

// TilePlan is everything that a tile is made from: who prepares it reads
// nothing that grows with the survey. It holds nothing of the run that made it;
// its SHA-256 is the tile's identity in the engine's cache.
type TilePlan struct {
	Tile       euclid.MERTile    `json:"tile"`
	Neighbours []euclid.MERTile  `json:"neighbours"` // whose sources may lie in the tile's margins
	Grid       sky.Grid          `json:"grid"`
	Exposures  []euclid.Exposure `json:"exposures"` // those that have quadrants near the tile
	// Quadrants are the candidates: those that may touch the tile.
	Quadrants QuadrantsFile `json:"quadrants"`
	// Again is not empty where an earlier preparation of the same inputs is not
	// to be taken for done: see Redo.
	Again string `json:"again,omitempty"`
}

// QuadrantsFile is the Parquet file of a tile plan's quadrants.
type QuadrantsFile struct {
	File   string `json:"file"` // relative to the plan
	SHA256 string `json:"sha256"`
	Count  int    `json:"count"`
}

// Key names the tile's inputs without regard to whether they are to be prepared
// again: what Redo marks them by.
func (p *TilePlan) Key() (string, error) {
	same := *p
	same.Again = ""
	text, err := encode(same)
	return digest(text), err
}

// Save writes the plan and returns its SHA-256.
func (p *TilePlan) Save(ctx context.Context, w objstore.Writer, uri string) (string, error) {
	return SaveDigest(ctx, w, uri, p)
}
