package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
)

// MergeFootprintsIn is what the map over batches left.
type MergeFootprintsIn struct {
	Plan       literal.Blob    `flyte:"plan,format=json" doc:"root document of the survey's exposures"`
	Footprints []*literal.Blob `flyte:"footprints,format=parquet" doc:"one per batch; none where the batch was lost"`
	Unreadable []*string       `flyte:"unreadable" doc:"per batch: DET files whose exposures are left out, and why, as objects of JSON"`
	MaxMissing string          `flyte:"max_missing" doc:"exposures that may be missing: a count or a fraction"`

	Destination Destination `flyte:"destination" doc:"the indexes of earlier runs lie beside it"`
}

// MergeFootprintsOut is the quadrant index.
type MergeFootprintsOut struct {
	Index     literal.Blob `flyte:"index,format=json" doc:"root document of the quadrant index, beside its files"`
	Quadrants int64        `flyte:"quadrants" doc:"quadrants in the index"`
	Missing   []string     `flyte:"missing" doc:"DET files of exposures that could not be read, and exposures without one"`
	Reasons   []string     `flyte:"reasons" doc:"for each of them, why"`
}

// MergeFootprints builds the quadrant index from the batches, going on from that
// of an earlier run. It is not cached: it finds by itself what is there, and what
// a cache would name is removed one day.
var MergeFootprints = task.Define[MergeFootprintsIn, MergeFootprintsOut](task.Declaration{
	Name:      "merge_footprints",
	Doc:       "Joins the batches into the quadrant index, and names the files that are missing from it.",
	Resources: task.Resources{CPU: "2", Memory: "4Gi", Storage: "20Gi"},
	Retries:   2,
	Deck:      true,
})
