package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
)

// ScheduleTileIn is a prepared tile, and the device that its inference will ask for.
type ScheduleTileIn struct {
	Prepared literal.Blob `flyte:"prepared,format=json" doc:"the tile's sub-tile directories and what is in them"`
	GPU      GPU          `flyte:"gpu" doc:"what inference asks for"`
}

// ScheduleTileOut is what is worth a GPU.
type ScheduleTileOut struct {
	SubTiles []int64 `flyte:"sub_tiles" doc:"indices of the sub-tiles that there is something to infer on, and room for"`
}

// ScheduleTile decides before a GPU is taken. It is not part of the preparation,
// which moves 40 GB and is cached: another device must not move them again.
var ScheduleTile = task.Define[ScheduleTileIn, ScheduleTileOut](task.Declaration{
	Name:      "schedule_tile",
	Doc:       "Says which sub-tiles of a tile have work, and fit the GPU that inference asks for.",
	Resources: task.Resources{CPU: "200m", Memory: "256Mi"},
	Retries:   3,
	Deck:      true,
})
