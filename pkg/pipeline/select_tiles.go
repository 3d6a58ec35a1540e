package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// SelectTilesIn is a survey and how far the catalogue has come with it.
type SelectTilesIn struct {
	Tiles       literal.Blob     `flyte:"tiles,format=json" doc:"every tile with its centre and catalogues"`
	Tiling      settings.Tiling  `flyte:"tiling" doc:"how tiles divide"`
	Catalog     settings.Catalog `flyte:"catalog" doc:"the Iceberg tables, which hold the leases too"`
	Destination Destination      `flyte:"destination" doc:"under which configuration tiles are done or not"`
	Campaign    Campaign         `flyte:"campaign" doc:"how many tiles, and for how long"`
}

// SelectTilesOut is what this execution got.
type SelectTilesOut struct {
	TileIDs   []int64      `flyte:"tile_ids" doc:"the tiles that are leased to this execution"`
	Selection literal.Blob `flyte:"selection,format=json" doc:"the leases, and how the survey stands"`
	Leases    string       `flyte:"leases" doc:"where the selection lies"`
}

// SelectTiles picks the next tiles of the survey that the catalogue lacks, and
// leases them. What is done and who has what stands in the catalogue; a task
// that is tried again gets the tiles that it had.
var SelectTiles = task.Define[SelectTilesIn, SelectTilesOut](task.Declaration{
	Name:      "select_tiles",
	Doc:       "Picks the next tiles that the catalogue lacks for this configuration, and leases them to this execution.",
	Resources: task.Resources{CPU: "1", Memory: "2Gi"},
	Retries:   3,
	Deck:      true,
})
