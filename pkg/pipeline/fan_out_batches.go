package pipeline

import (
	"fmt"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
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
	MaxTiles int64  `flyte:"max_tiles" doc:"tiles that one dynamic task takes; more go in batches to child executions"`
	Kind     string `flyte:"kind" doc:"shear or prepare: where a batch ends"`
	FanOutTilesIn
	CommitSettings
}

// BatchIn is what one batch of tiles takes.
type BatchIn struct {
	Part int64 `flyte:"part" doc:"number of the batch in its run"`
	FanOutTilesIn
	CommitSettings
}

// CommitSettings is what a batch's results are committed by.
type CommitSettings struct {
	Catalog settings.Catalog `flyte:"catalog" doc:"the Iceberg tables"`
	Leases  string           `flyte:"leases" doc:"document of the leases by which the tiles are committed; empty or -: without"`
	Release string           `flyte:"release" doc:"release of the MER products that counts; -: their names have none, empty: not known"`
}

// String names the batch's node in the console.
func (b BatchIn) String() string {
	if len(b.TileIDs) == 0 {
		return fmt.Sprintf("batch-%d", b.Part)
	}
	if len(b.TileIDs) == 1 {
		return fmt.Sprintf("batch-%d-tile-%d", b.Part, b.TileIDs[0])
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
	Deck:      true,
})

// Batches cuts the tiles, and says which branch takes them.
func (in FanOutBatchesIn) Batches() (branch string, batches []BatchIn) {
	branch, size := in.Kind, max(1, int(in.MaxTiles))
	if len(in.TileIDs) > size {
		branch += batchByExecution
	}
	for from := 0; from < len(in.TileIDs); from += size {
		b := BatchIn{Part: int64(len(batches)), FanOutTilesIn: in.FanOutTilesIn, CommitSettings: in.CommitSettings}
		b.TileIDs = in.TileIDs[from:min(from+size, len(in.TileIDs))]
		batches = append(batches, b)
	}
	return branch, batches
}
