// Package config reads the one YAML file that steers a campaign, and cuts it
// into the narrow settings that each stage needs.
//
// Unknown keys, wrong types and impossible values are refused with file, line,
// column and the valid choices. The sections inference and gal belong to SHINE:
// they are kept as the text that they are. A file may hold several YAML
// documents: later ones overlay earlier ones, which is how command-line
// overrides arrive.
package config

import (
	"time"

	"github.com/cosmostat/constellation/pkg/settings"
)

// Config is the file, with its defaults filled in. The doc tags become the
// descriptions of the JSON Schema.
type Config struct {
	FieldName string          `yaml:"field_name" jsonschema_description:"name of the field; part of the default run id and table name"`
	TileIDs   IDs             `yaml:"tile_ids" jsonschema_description:"MER tile ids, or: all"`
	Region    settings.Region `yaml:"region" jsonschema_description:"a part of the sky, instead of a list of tile ids: the tiles whose cores it touches"`
	Tiling    settings.Tiling `yaml:"tiling"`
	Data      Data            `yaml:"data"`
	Output    Output          `yaml:"output"`

	Engine    settings.Engine `yaml:"engine" jsonschema_description:"what infers shear"`
	MockShine bool            `yaml:"mock_shine" jsonschema_description:"the older name of engine: mock"`
	Shine     Shine           `yaml:"shine"`
	Compute   Compute         `yaml:"compute" jsonschema_description:"where inference runs; checked, and nothing reads it yet"`

	QuadrantConcurrency int                 `yaml:"quadrant_concurrency" jsonschema_description:"map elements that read headers at once"`
	MaxParallelism      int                 `yaml:"max_parallelism" jsonschema_description:"nodes of one execution that run at once: of the launch plan that 'constellation package --config' writes"`
	MaxTilesPerDynamic  int                 `yaml:"max_tiles_per_dynamic" jsonschema_description:"tiles in one execution: more of them go in batches of this size to child executions"`
	Validation          settings.Thresholds `yaml:"validation"`

	Campaign Campaign `yaml:"campaign"`

	Inference Section `yaml:"inference" jsonschema_description:"passed to SHINE unchanged"`
	GAL       Section `yaml:"gal" jsonschema_description:"passed to SHINE unchanged"`

	// Warnings are what was accepted but should be looked at, a line each;
	// Notes are which keys have no effect yet.
	Warnings, Notes []string `yaml:"-" json:"-"`
	// PlaceAsCatalog: output.catalog_uri held the warehouse's place, as in older
	// files, and nothing names the catalogue that a warehouse there needs.
	PlaceAsCatalog bool `yaml:"-" json:"-"`
}

// Data describes the sources, and nothing but the sources.
type Data struct {
	settings.Source `yaml:",inline"`

	FilesPerTask int   `yaml:"files_per_task" json:"-" jsonschema_description:"DET files per map element"`
	MaxMissing   Limit `yaml:"max_missing" json:"-" jsonschema_description:"exposures that may be missing, since they lack a DET, BKG or PSF or one of their files could not be used: a count, or a fraction such as 0.01"`

	Verify settings.Verify `yaml:"verify" json:"-" jsonschema_description:"what becomes of an exposure with an HDU that doesn't match its CHECKSUM or DATASUM: strict, it counts as unreadable; warn, it is used as it is, and said"`
}

// Output says where products go.
type Output struct {
	StorageBase      string `yaml:"storage_base_uri" jsonschema_description:"where sub-tile directories go: s3://... or a directory"`
	settings.Catalog `yaml:",inline"`
	StorageClass     settings.StorageClass `yaml:"storage_class" jsonschema_description:"S3 storage class of the sub-tile directories, such as STANDARD_IA; empty: the bucket's default"`
	Copy             settings.Copy         `yaml:"copy" jsonschema_description:"how pixels come to the sub-tile directories: stream, through the task, which checks them; server, copied by the object store from bucket to bucket where it can; auto, whichever of the two is faster"`
	Retention        settings.Retention    `yaml:"retention" jsonschema_description:"what happens to extracted pixels once their results are committed"`
	Format           settings.Format       `yaml:"format" jsonschema_description:"of results"`

	SaveDiagnostics Sample `yaml:"save_diagnostics" jsonschema_description:"sub-tiles whose diagnostics are kept; checked, and nothing reads it yet: they all are"`
	SaveModelImages bool   `yaml:"save_model_images" jsonschema_description:"whether the model's images are kept; checked, and nothing reads it yet: they are not"`
}

// Shine says how SHINE is run.
type Shine struct {
	Command             []string `yaml:"command" jsonschema_description:"argument vector; no shell is involved"`
	Timeout             string   `yaml:"timeout" jsonschema_description:"time limit of one sub-tile, such as 2h or 90m"`
	AcceleratorMemoryGB float64  `yaml:"accelerator_memory_gb" jsonschema_description:"memory of that device; 0: as its name says"`
	Accelerator         string   `yaml:"accelerator" jsonschema_description:"GPU device that inference asks for, as the cluster labels its nodes, such as nvidia-l4"`
}

// Compute says where inference runs.
type Compute struct {
	Backend        settings.Backend `yaml:"backend" jsonschema_description:"kind of place"`
	GPUType        string           `yaml:"gpu_type" jsonschema_description:"GPU device, such as L4"`
	UseSpot        bool             `yaml:"use_spot" jsonschema_description:"take machines that may be taken back"`
	MaxConcurrency int              `yaml:"max_concurrency" jsonschema_description:"GPUs at once; 0: no limit"`
}

// Campaign says how survey_campaign works a survey off.
type Campaign struct {
	Tiles       int    `yaml:"tiles" jsonschema_description:"tiles that one execution takes"`
	LeaseExpiry string `yaml:"lease_expiry" jsonschema_description:"time after which tiles are given to others, where FlyteAdmin can't tell whether their execution lives; such as 48h"`
	MaxAttempts int    `yaml:"max_attempts" jsonschema_description:"how often a tile is tried before it is left alone"`
	Endpoint    string `yaml:"flyte_endpoint" jsonschema_description:"FlyteAdmin, to ask whether other executions live, such as dns:///flyteadmin.flyte:81; empty: as the file says that $FLYTECTL_CONFIG names, else nobody is asked"`
	Insecure    bool   `yaml:"flyte_insecure" jsonschema_description:"speak to flyte_endpoint without TLS"`
}

// Expiry is how long tiles are leased for, or 0 where lease_expiry is no time.
func (c Campaign) Expiry() time.Duration {
	d, err := time.ParseDuration(c.LeaseExpiry)
	if err != nil {
		return 0
	}
	return d
}

// Default is the configuration that an empty file stands for.
func Default() *Config {
	return &Config{
		FieldName: "field",
		Tiling:    settings.Tiling{Source: settings.FromMosaic, Grid: settings.Grid{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}},
		Data: Data{
			Source: settings.Source{
				VISBase:     "s3://nasa-irsa-euclid-q1/q1/VIS/",
				MERBase:     "s3://nasa-irsa-euclid-q1/q1/MER/",
				CatalogBase: "s3://nasa-irsa-euclid-q1/q1/catalogs/MER_FINAL_CATALOG/",
				Region:      "us-east-1", Addressing: settings.AutoStyle, Anonymous: true, Exposures: settings.Nominal, Release: settings.Newest,
			},
			FilesPerTask: 1, MaxMissing: "0", Verify: settings.VerifyStrict,
		},
		Output:              Output{Catalog: settings.Catalog{Namespace: "shear"}, Retention: settings.Keep, Copy: settings.CopyStream, Format: settings.Parquet, SaveDiagnostics: sampleAll},
		Engine:              settings.EngineShine,
		Shine:               Shine{Command: []string{"python", "-m", "shine.euclid.run"}, Timeout: "2h", Accelerator: "nvidia-l4"},
		Compute:             Compute{Backend: settings.BackendFlyte, UseSpot: true},
		QuadrantConcurrency: 50,
		MaxParallelism:      100,
		MaxTilesPerDynamic:  500,
		Validation:          settings.Thresholds{MinCompleteness: 1, MaxOutsideFraction: 0.1},
		Campaign:            Campaign{Tiles: 100, LeaseExpiry: "48h", MaxAttempts: 3},
	}
}

// Paths are the values that may be paths of this machine, by key; empty ones are left out.
func (c *Config) Paths() map[string]string {
	all := map[string]string{
		"tiling.tile_table": c.Tiling.TileTable, "data.files": c.Data.Files, "data.vis_base_uri": c.Data.VISBase, "data.mer_base_uri": c.Data.MERBase,
		"data.catalog_base_uri": c.Data.CatalogBase, "output.storage_base_uri": c.Output.StorageBase, "output.catalog_warehouse": c.Output.Warehouse,
	}
	for key, value := range all {
		if value == "" {
			delete(all, key)
		}
	}
	return all
}
