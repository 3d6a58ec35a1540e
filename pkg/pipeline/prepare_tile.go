package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// PrepareTileIn names one tile and what to cut it from.
type PrepareTileIn struct {
	Plan        literal.Blob    `flyte:"plan,format=json" doc:"everything that the tile is made from"`
	Key         string          `flyte:"key" doc:"SHA-256 of the plan, which stands for it in the cache key"`
	Listing     literal.Blob    `flyte:"listing,format=json" doc:"the survey's plan: when files were listed"`
	Source      settings.Source `flyte:"source" doc:"how to reach the files"`
	Access      settings.Access `flyte:"access" doc:"which store the files are in"`
	Products    Products        `flyte:"products" doc:"where products go, and how"`
	Tolerance   Tolerance       `flyte:"tolerance" doc:"what may be wrong with the tile's files"`
	Destination Destination     `flyte:"destination" doc:"what names the run's products"`
}

// PrepareTileOut is what was prepared.
type PrepareTileOut struct {
	Prepared literal.Blob `flyte:"prepared,format=json" doc:"the tile's sub-tile directories and what is in them"`
	Failure  string       `flyte:"failure" doc:"why the tile could not be prepared; empty where it was"`
}

// PrepareTile cuts one tile into self-contained sub-tile directories. A tile
// that can't be prepared for a reason of its own is an outcome, not a failure:
// it says why, and the campaign goes on. The next run tries it again. So it does
// where exposures were left out, or kept, by the tolerance.
//
// What is cached lies in the directory of the run that made it. Two runs that
// want the same tile at once would both move its 40 GB: one waits for the other.
var PrepareTile = task.Define[PrepareTileIn, PrepareTileOut](task.Declaration{
	Name:           "prepare_tile",
	Doc:            "Extracts the quadrants and catalogue rows under every sub-tile of a tile into self-contained directories.",
	Resources:      task.Resources{CPU: "2", Memory: "512Mi", Storage: "2Gi"}, // it takes 70 MB; catalogue rows pass through files
	Retries:        3,
	CacheVersion:   "5",
	CacheIgnore:    []string{"plan", "listing", "source", "tolerance", "destination"},
	CacheSerialize: true,
	Deck:           true,
})
