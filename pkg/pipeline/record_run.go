package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// RecordTilesIn is what became of a batch of tiles that were prepared only.
type RecordTilesIn struct {
	Part        int64          `flyte:"part" doc:"number of the batch in its run"`
	Prepared    []literal.Blob `flyte:"prepared,format=json" doc:"per tile: its sub-tile directories"`
	Destination Destination    `flyte:"destination" doc:"what names the run's products"`
}

// RecordTilesOut is the batch's part of the run's record.
type RecordTilesOut struct {
	Part literal.Blob `flyte:"part,format=json" doc:"how each tile and sub-tile of the batch ended, and where its products lie"`
}

// RecordTiles writes down what a batch of tiles left, where no assembly does.
var RecordTiles = task.Define[RecordTilesIn, RecordTilesOut](task.Declaration{
	Name:      "record_tiles",
	Doc:       "Writes down where the products of a batch of tiles lie.",
	Resources: task.Resources{CPU: "1", Memory: "1Gi"},
	Retries:   3,
	Deck:      true,
})

// RecordRunIn is the parts of a run.
type RecordRunIn struct {
	Parts       []literal.Blob      `flyte:"parts,format=json" doc:"per batch: how its tiles ended"`
	Destination Destination         `flyte:"destination" doc:"what names the run's products"`
	Judges      bool                `flyte:"judges" doc:"whether the run ends here, and fails where tiles do: no validation follows"`
	Thresholds  settings.Thresholds `flyte:"thresholds" doc:"how many sub-tiles may have failed"`
	Release     string              `flyte:"release" doc:"release of the MER products that counts; empty or -: their names have none"`
	Missing     []string            `flyte:"missing" doc:"exposures that the run is without, and why"`
	LeftOut     []string            `flyte:"left_out" doc:"tiles that can't be placed on the sky, and why"`
	Notes       []string            `flyte:"notes" doc:"what the listings held and what is not taken of it, in a line each"`
}

// RecordRunOut is the run's record.
type RecordRunOut struct {
	Run literal.Blob `flyte:"run,format=json" doc:"run.json: where each tile's and sub-tile's products lie, and how each ended"`
}

// RecordRun writes the run's record, and where nothing follows says whether the
// run did what it was to do. It is not cached: a run of which the cache
// had every result has a record of its own too.
var RecordRun = task.Define[RecordRunIn, RecordRunOut](task.Declaration{
	Name:      "record_run",
	Doc:       "Writes the run's record: where the products of its tiles lie, made by this run or by an earlier one.",
	Resources: task.Resources{CPU: "500m", Memory: "1Gi"},
	Retries:   3,
	Deck:      true,
})
