package pipeline

import (
	"encoding/json"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// ReadFootprintsIn names one batch of exposures.
type ReadFootprintsIn struct {
	Source      settings.Source `flyte:"source" doc:"how to reach the files"`
	Access      settings.Access `flyte:"access" doc:"which store the files are in"`
	Plan        literal.Blob    `flyte:"plan,format=json" doc:"root document of the survey's exposures; the batches lie beside it"`
	Batch       string          `flyte:"batch" doc:"SHA-256 of the batch: the exposures with their files as they were listed"`
	Destination Destination     `flyte:"destination" doc:"where a batch that could not be read whole is marked"`
}

// ReadFootprintsOut is what the headers say.
type ReadFootprintsOut struct {
	Footprints literal.Blob `flyte:"footprints,format=parquet" doc:"the batch's quadrants: outline on the sky and places in the files"`
	Unreadable string       `flyte:"unreadable" doc:"DET files whose exposures are left out, and quadrants (FILE#HDU) without pixels, and why: an object of JSON"`
}

// ByFile is a text for Unreadable. A map would be the literal for it, and the
// console's form has none for a list of maps of which some are none.
func ByFile(why map[string]string) string {
	if len(why) == 0 {
		return "{}" // the form sends no empty text
	}
	text, err := json.Marshal(why)
	if err != nil {
		panic("pipeline: texts failed to encode: " + err.Error()) // they always do
	}
	return string(text)
}

// Files is what [ByFile] wrote.
func Files(text string) (why map[string]string, err error) {
	if err := bounds.Unmarshal([]byte(text), &why); err != nil {
		return nil, fault.Input("InputsInvalid", "not an object of files and reasons in JSON: %w", err).At("unreadable").Fix(`give {"FILE": "REASON"}, or {}`)
	}
	return why, nil
}

// ReadFootprints reads the FITS headers of one batch by range requests. Its
// cache key is the batch's content, names, sizes and ETags of the files: a new
// file misses the cache for its own batch.
var ReadFootprints = task.Define[ReadFootprintsIn, ReadFootprintsOut](task.Declaration{
	Name:         "read_footprints",
	Doc:          "Reads the headers of every quadrant of a batch of exposures: where it lies on the sky, and where in its files.",
	Resources:    task.Resources{CPU: "1", Memory: "512Mi"},
	Retries:      3,
	CacheVersion: "6",
	CacheIgnore:  []string{"source", "plan", "destination"},
	Over:         []string{"batch"},
})
