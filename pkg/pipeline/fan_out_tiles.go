package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
)

// Branches of the fan-out: which sub-workflow each tile goes through.
const (
	BranchGPU     = "gpu"
	BranchCPU     = "cpu"
	BranchPrepare = "prepare"
)

// FanOutTilesIn is one run's tiles and what each of them needs.
type FanOutTilesIn struct {
	TileIDs      []int64      `flyte:"tile_ids" doc:"the tiles to process"`
	Branch       string       `flyte:"branch" doc:"gpu, cpu or prepare: what a tile goes through"`
	Source       Source       `flyte:"source" doc:"how to reach the files"`
	Tiling       Tiling       `flyte:"tiling" doc:"how tiles divide"`
	Destination  Destination  `flyte:"destination" doc:"where the run's products go"`
	Inference    Inference    `flyte:"inference" doc:"what infers shear"`
	Observations literal.Blob `flyte:"observations,format=json" doc:"every exposure with its files"`
	Tiles        literal.Blob `flyte:"tiles,format=json" doc:"every tile with its centre and catalogues"`
	Index        literal.Blob `flyte:"index,format=json" doc:"root document of the quadrant index"`
}

// TileIn is what one tile's sub-workflow takes.
type TileIn struct {
	TileID       int64        `flyte:"tile_id" doc:"the tile"`
	Source       Source       `flyte:"source" doc:"how to reach the files"`
	Tiling       Tiling       `flyte:"tiling" doc:"how tiles divide"`
	Destination  Destination  `flyte:"destination" doc:"where the run's products go"`
	Inference    Inference    `flyte:"inference" doc:"what infers shear"`
	Observations literal.Blob `flyte:"observations,format=json" doc:"every exposure with its files"`
	Tiles        literal.Blob `flyte:"tiles,format=json" doc:"every tile with its centre and catalogues"`
	Index        literal.Blob `flyte:"index,format=json" doc:"root document of the quadrant index"`
}

// TileOut is what one tile's sub-workflow gives.
type TileOut struct {
	Prepared literal.Blob    `flyte:"prepared,format=json" doc:"the tile's sub-tile directories and what is in them"`
	Outcomes []*literal.Blob `flyte:"outcomes" doc:"one per sub-tile: the manifest, or what inference said; none where there is neither"`
}

// FanOutTilesOut is every tile's output, in the order of the ids.
type FanOutTilesOut struct {
	Prepared []literal.Blob    `flyte:"prepared,format=json" doc:"per tile: its sub-tile directories and what is in them"`
	Outcomes [][]*literal.Blob `flyte:"outcomes" doc:"per tile and sub-tile: the manifest, or what inference said"`
}

// FanOutTiles multiplies a tile's sub-workflow by the number of tiles.
var FanOutTiles = task.DefineDynamic[FanOutTilesIn, TileIn, FanOutTilesOut](task.Declaration{
	Name:      "fan_out_tiles",
	Doc:       "Sends every tile through its sub-workflow; a tile goes on to inference as soon as it is prepared.",
	Resources: task.Resources{CPU: "500m", Memory: "512Mi"},
	Retries:   2,
})

// Items is one sub-workflow's inputs for each tile.
func (in FanOutTilesIn) Items() []TileIn {
	items := make([]TileIn, len(in.TileIDs))
	for i, id := range in.TileIDs {
		items[i] = TileIn{
			TileID: id, Source: in.Source, Tiling: in.Tiling, Destination: in.Destination, Inference: in.Inference,
			Observations: in.Observations, Tiles: in.Tiles, Index: in.Index,
		}
	}
	return items
}
