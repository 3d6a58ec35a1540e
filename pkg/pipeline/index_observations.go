package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// IndexObservationsIn says where to look.
type IndexObservationsIn struct {
	Source       settings.Source `flyte:"source" doc:"where the survey's files lie"`
	Tiling       settings.Tiling `flyte:"tiling" doc:"where tile centres come from"`
	TileIDs      []int64         `flyte:"tile_ids" doc:"MER tiles to process; empty: those of the region"`
	Region       settings.Region `flyte:"region" doc:"the part of the sky whose tiles are processed; empty: all of it"`
	FilesPerTask int64           `flyte:"files_per_task" doc:"DET files read by one map element"`
	Destination  Destination     `flyte:"destination" doc:"where batches are marked that have to be read again"`
}

// IndexObservationsOut is the plan that the later stages share. Its documents
// hold nothing of the run, and hashes stand in their stead in cache keys.
type IndexObservationsOut struct {
	Plan    literal.Blob `flyte:"plan,format=json" doc:"root document of the survey's exposures: what was listed, in batches"`
	Tiles   literal.Blob `flyte:"tiles,format=json" doc:"every tile with its centre and catalogues"`
	Batches []string     `flyte:"batches" doc:"SHA-256 of each batch of exposures, which is its name beside the plan"`
	LeftOut []string     `flyte:"left_out" doc:"tiles that can't be placed on the sky, and why"`
	TileIDs []int64      `flyte:"tile_ids" doc:"the tiles that will be processed"`
	Release string       `flyte:"release" doc:"release of the MER products that counts; -: their names have none"`
	Notes   []string     `flyte:"notes" doc:"what the listings held and what is not taken of it, in a line each"`
}

// IndexObservations lists the bucket. A listing is a snapshot of a moment, so
// it isn't cached.
var IndexObservations = task.Define[IndexObservationsIn, IndexObservationsOut](task.Declaration{
	Name:      "index_observations",
	Doc:       "Lists VIS and MER files, groups them into exposures and tiles, and reports what is incomplete.",
	Resources: task.Resources{CPU: "2", Memory: "2Gi"},
	Retries:   3,
	Deck:      true,
})
