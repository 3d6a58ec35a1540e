package pipeline

import (
	"fmt"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// Branches of the fan-out: which sub-workflow each tile goes through.
const (
	BranchGPU     = "gpu"
	BranchCPU     = "cpu"
	BranchPrepare = "prepare"
)

// FanOutTilesIn is a batch of tiles and what each of them needs.
type FanOutTilesIn struct {
	TileIDs []int64 `flyte:"tile_ids" doc:"the tiles to process"`
	Branch  string  `flyte:"branch" doc:"gpu, cpu or prepare: what a tile goes through"`
	TileSettings
	Plan  literal.Blob `flyte:"plan,format=json" doc:"root document of the survey's exposures"`
	Tiles literal.Blob `flyte:"tiles,format=json" doc:"every tile with its centre and catalogues"`
	Index literal.Blob `flyte:"index,format=json" doc:"root document of the quadrant index"`
}

// TileIn is what one tile's sub-workflow takes. What grows is in documents: a
// batch has hundreds of these, and the engine bounds what they are together.
type TileIn struct {
	TileID int64 `flyte:"tile_id" doc:"the tile"`
	PrepareTileIn
	GPU          GPU             `flyte:"gpu" doc:"what inference asks for"`
	Inference    literal.Blob    `flyte:"inference,format=json" doc:"what infers shear"`
	InferenceKey string          `flyte:"inference_key" doc:"SHA-256 of that"`
	Limits       settings.Limits `flyte:"limits" doc:"what bounds inference"`
}

// Tile is one of the batch. The keys are the SHA-256 of its plan and of what infers.
func (in FanOutTilesIn) Tile(id int64, plan literal.Blob, key string, inference literal.Blob, inferenceKey string) TileIn {
	return TileIn{
		TileID: id,
		PrepareTileIn: PrepareTileIn{
			Plan: plan, Key: key, Listing: in.Plan,
			Source: in.Source, Access: in.Source.Access(), Products: in.Products, Tolerance: in.Tolerance, Destination: in.Destination,
		},
		GPU: in.GPU, Inference: inference, InferenceKey: inferenceKey, Limits: in.Limits,
	}
}

// String names the tile's node in the console.
func (t TileIn) String() string { return fmt.Sprintf("tile-%d", t.TileID) }

// TileOut is what one tile's sub-workflow gives.
type TileOut struct {
	Prepared literal.Blob    `flyte:"prepared,format=json" doc:"the tile's sub-tile directories and what is in them"`
	Outcomes []*literal.Blob `flyte:"outcomes" doc:"what inference said, one per sub-tile that there was something to infer on; none where it failed"`
}

// FanOutTilesOut is every tile's output, in the order of the ids.
type FanOutTilesOut struct {
	Prepared []literal.Blob    `flyte:"prepared,format=json" doc:"per tile: its sub-tile directories and what is in them"`
	Outcomes [][]*literal.Blob `flyte:"outcomes" doc:"per tile and sub-tile: what inference said"`
}

// FanOutTiles plans each tile, so that no tile's task reads what grows with the
// survey, and multiplies a tile's sub-workflow by the number of tiles.
var FanOutTiles = task.DefineDynamic[FanOutTilesIn, TileIn, FanOutTilesOut](task.Declaration{
	Name:      "fan_out_tiles",
	Doc:       "Plans every tile and sends it through its sub-workflow; a tile goes on to inference as soon as it is prepared.",
	Resources: task.Resources{CPU: "2", Memory: "1Gi"},
	Retries:   3,
	Deck:      true,
})
