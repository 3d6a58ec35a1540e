package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
)

// ReadFootprintsIn names one batch of exposures.
type ReadFootprintsIn struct {
	Source       Source       `flyte:"source" doc:"how to reach the files"`
	Observations literal.Blob `flyte:"observations,format=json" doc:"every exposure with its files, in batches"`
	Batch        int64        `flyte:"batch" doc:"index of the batch to read"`
}

// ReadFootprintsOut is what the headers say.
type ReadFootprintsOut struct {
	Footprints literal.Blob      `flyte:"footprints,format=parquet" doc:"the batch's quadrants: outline on the sky and places in the files"`
	Unreadable map[string]string `flyte:"unreadable" doc:"DET files whose exposures are left out, and why"`
}

// ReadFootprints reads the FITS headers of one batch by range requests.
var ReadFootprints = task.Define[ReadFootprintsIn, ReadFootprintsOut](task.Declaration{
	Name:         "read_footprints",
	Doc:          "Reads the headers of every quadrant of a batch of exposures: where it lies on the sky, and where in its files.",
	Resources:    task.Resources{CPU: "1", Memory: "512Mi"},
	Retries:      3,
	CacheVersion: "2",
	Over:         []string{"batch"},
})
