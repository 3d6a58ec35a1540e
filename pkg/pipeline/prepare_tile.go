package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
)

// PrepareTileIn names one tile and what to cut it from.
type PrepareTileIn struct {
	TileID       int64        `flyte:"tile_id" doc:"the tile"`
	Source       Source       `flyte:"source" doc:"how to reach the files"`
	Tiling       Tiling       `flyte:"tiling" doc:"how the tile divides"`
	Destination  Destination  `flyte:"destination" doc:"where the run's products go"`
	Observations literal.Blob `flyte:"observations,format=json" doc:"every exposure with its files"`
	Tiles        literal.Blob `flyte:"tiles,format=json" doc:"every tile with its centre and catalogues"`
	Index        literal.Blob `flyte:"index,format=json" doc:"root document of the quadrant index"`
}

// PrepareTileOut is what was prepared.
type PrepareTileOut struct {
	Prepared  literal.Blob    `flyte:"prepared,format=json" doc:"the tile's sub-tile directories and what is in them"`
	SubTiles  []int64         `flyte:"sub_tiles" doc:"indices of the sub-tiles, row by row"`
	Manifests []*literal.Blob `flyte:"manifests" doc:"one per sub-tile; none where the tile could not be prepared"`
}

// PrepareTile cuts one tile into self-contained sub-tile directories. A tile
// that can't be prepared for a reason of its own is an outcome, not a failure:
// it says why, and the campaign goes on.
var PrepareTile = task.Define[PrepareTileIn, PrepareTileOut](task.Declaration{
	Name:      "prepare_tile",
	Doc:       "Extracts the quadrants and catalogue rows under every sub-tile of a tile into self-contained directories.",
	Resources: task.Resources{CPU: "2", Memory: "2Gi", Storage: "10Gi"},
	Retries:   3,
	Deck:      true,
})
