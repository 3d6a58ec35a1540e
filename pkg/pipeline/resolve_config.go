package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// ResolveConfigIn is what people give at launch.
type ResolveConfigIn struct {
	ConfigYAML  string  `flyte:"config_yaml" doc:"URI or path of the configuration file, or the YAML itself, with its line breaks or in braces on one line"`
	TileIDs     []int64 `flyte:"tile_ids" doc:"MER tiles to process; empty: as configured"`
	StorageBase string  `flyte:"storage_base_uri" doc:"where products go; empty or -: as configured"`
	Grid        []int64 `flyte:"sub_tile_grid" doc:"rows and columns of sub-tiles in a tile; empty: as configured"`
	RunID       string  `flyte:"run_id" doc:"name of the run in product paths; empty or -: the execution's name. A relaunch with the same name goes on in the same directory"`
	Assembles   bool    `flyte:"assembles" doc:"whether the run ends in the catalogue, whose settings are then held to what can work"`
}

// ResolveConfigOut is the narrow settings that the stages take.
type ResolveConfigOut struct {
	TileSettings
	Access       settings.Access     `flyte:"access" doc:"which store the survey's files are in"`
	Catalog      settings.Catalog    `flyte:"catalog" doc:"the Iceberg tables"`
	Thresholds   settings.Thresholds `flyte:"thresholds" doc:"what the catalogue is held to"`
	TileIDs      []int64             `flyte:"tile_ids" doc:"MER tiles to process; empty: those of the region"`
	Region       settings.Region     `flyte:"region" doc:"the part of the sky to process; empty: all of it"`
	FilesPerTask int64               `flyte:"files_per_task" doc:"DET files read by one map element"`
	MaxMissing   string              `flyte:"max_missing" doc:"exposures that may be missing: a count or a fraction"`
	Campaign     Campaign            `flyte:"campaign" doc:"how a campaign works a survey off"`
	Compute      string              `flyte:"compute" doc:"gpu or cpu: what the engine runs on"`
	MaxTiles     int64               `flyte:"max_tiles" doc:"tiles that one dynamic task takes; more go in batches to child executions"`
	Retention    settings.Retention  `flyte:"retention" doc:"keep or drop_pixels: what becomes of pixels once their results are committed"`
}

// ResolveConfig merges the configuration file with what was given at launch.
// It is never cached: a path may hold another file tomorrow.
var ResolveConfig = task.Define[ResolveConfigIn, ResolveConfigOut](task.Declaration{
	Name:      "resolve_config",
	Doc:       "Merges the configuration file with what was given at launch, and refuses what can't work.",
	Resources: task.Resources{CPU: "500m", Memory: "256Mi"},
	Retries:   2,
})
