package pipeline

import (
	"fmt"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
)

// Branches of the fan-out over batches: what becomes of a batch of tiles, and
// whether it is a part of this execution or one of its own.
const (
	BatchShear       = "shear"
	BatchPrepare     = "prepare"
	batchByExecution = "-by-execution"

	BatchShearByExecution   = BatchShear + batchByExecution
	BatchPrepareByExecution = BatchPrepare + batchByExecution
)

// FanOutBatchesIn is a run's tiles and what a batch of them needs.
type FanOutBatchesIn struct {
	TileIDs     []int64      `flyte:"tile_ids" doc:"the tiles to process"`
	MaxTiles    int64        `flyte:"max_tiles" doc:"tiles that one dynamic task takes; more go in batches to child executions"`
	Kind        string       `flyte:"kind" doc:"shear or prepare: where a batch ends"`
	Branch      string       `flyte:"branch" doc:"gpu, cpu or prepare: what a tile goes through"`
	Source      Source       `flyte:"source" doc:"how to reach the files"`
	Tiling      Tiling       `flyte:"tiling" doc:"how tiles divide"`
	Products    Products     `flyte:"products" doc:"where products go, and how"`
	Destination Destination  `flyte:"destination" doc:"what names the run's products"`
	Inference   Inference    `flyte:"inference" doc:"what infers shear"`
	Limits      Limits       `flyte:"limits" doc:"what bounds inference"`
	GPU         GPU          `flyte:"gpu" doc:"what inference asks for"`
	Catalog     Catalog      `flyte:"catalog" doc:"the Iceberg tables"`
	Leases      string       `flyte:"leases" doc:"document of the leases by which the tiles are committed; empty: without"`
	RunID       string       `flyte:"run_id" doc:"name of the run"`
	Plan        literal.Blob `flyte:"plan,format=json" doc:"root document of the survey's exposures"`
	Tiles       literal.Blob `flyte:"tiles,format=json" doc:"every tile with its centre and catalogues"`
	Index       literal.Blob `flyte:"index,format=json" doc:"root document of the quadrant index"`
}

// BatchIn is what one batch of tiles takes.
type BatchIn struct {
	Part        int64        `flyte:"part" doc:"number of the batch in its run"`
	TileIDs     []int64      `flyte:"tile_ids" doc:"the tiles to process"`
	Branch      string       `flyte:"branch" doc:"gpu, cpu or prepare: what a tile goes through"`
	Source      Source       `flyte:"source" doc:"how to reach the files"`
	Tiling      Tiling       `flyte:"tiling" doc:"how tiles divide"`
	Products    Products     `flyte:"products" doc:"where products go, and how"`
	Destination Destination  `flyte:"destination" doc:"what names the run's products"`
	Inference   Inference    `flyte:"inference" doc:"what infers shear"`
	Limits      Limits       `flyte:"limits" doc:"what bounds inference"`
	GPU         GPU          `flyte:"gpu" doc:"what inference asks for"`
	Catalog     Catalog      `flyte:"catalog" doc:"the Iceberg tables"`
	Leases      string       `flyte:"leases" doc:"document of the leases by which the tiles are committed; empty: without"`
	RunID       string       `flyte:"run_id" doc:"name of the run"`
	Plan        literal.Blob `flyte:"plan,format=json" doc:"root document of the survey's exposures"`
	Tiles       literal.Blob `flyte:"tiles,format=json" doc:"every tile with its centre and catalogues"`
	Index       literal.Blob `flyte:"index,format=json" doc:"root document of the quadrant index"`
}

// String names the batch's node in the console.
func (b BatchIn) String() string {
	if len(b.TileIDs) == 0 {
		return fmt.Sprintf("batch-%d", b.Part)
	}
	return fmt.Sprintf("batch-%d-tiles-%d-to-%d", b.Part, b.TileIDs[0], b.TileIDs[len(b.TileIDs)-1])
}

// BatchOut is what one batch of tiles gives.
type BatchOut struct {
	Part literal.Blob `flyte:"part,format=json" doc:"how each tile and sub-tile of the batch ended, and where its products lie"`
}

// FanOutBatchesOut is every batch's output, in the order of the tiles.
type FanOutBatchesOut struct {
	Part []literal.Blob `flyte:"part,format=json" doc:"per batch: how its tiles ended"`
}

// FanOutBatches keeps a run of many tiles away from the engine's limits: what
// one execution holds grows with its own tiles, so those of a survey go to
// child executions, each with its own assembly. Few tiles stay in this one.
var FanOutBatches = task.DefineDynamic[FanOutBatchesIn, BatchIn, FanOutBatchesOut](task.Declaration{
	Name:      "fan_out_batches",
	Doc:       "Sends tiles in batches through fan_out_tiles and assembly: in this execution where they are few, in child executions where they are many.",
	Resources: task.Resources{CPU: "500m", Memory: "256Mi"},
	Retries:   2,
})

// Batches cuts the tiles, and says which branch takes them.
func (in FanOutBatchesIn) Batches() (branch string, batches []BatchIn) {
	branch, size := in.Kind, max(1, int(in.MaxTiles))
	if len(in.TileIDs) > size {
		branch += batchByExecution
	}
	for from := 0; from < len(in.TileIDs); from += size {
		batches = append(batches, BatchIn{
			Part: int64(len(batches)), TileIDs: in.TileIDs[from:min(from+size, len(in.TileIDs))], Branch: in.Branch,
			Source: in.Source, Tiling: in.Tiling, Products: in.Products, Destination: in.Destination,
			Inference: in.Inference, Limits: in.Limits, GPU: in.GPU, Catalog: in.Catalog, Leases: in.Leases, RunID: in.RunID,
			Plan: in.Plan, Tiles: in.Tiles, Index: in.Index,
		})
	}
	return branch, batches
}
