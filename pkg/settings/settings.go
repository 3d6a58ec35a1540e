package settings

import (
	"fmt"
	"time"
)

// The groups below are what people write in the configuration (yaml) and what
// stages take (json). They are cut narrow on purpose: a stage's cache key holds
// those that it takes, so a knob that it doesn't use doesn't miss its cache.

// Source says where the survey's files lie and how to reach them.
type Source struct {
	VISBase     string     `yaml:"vis_base_uri" json:"vis_base_uri" jsonschema_description:"prefix of the VIS files: s3://..., https://... where the server lists its directories, or a directory"`
	MERBase     string     `yaml:"mer_base_uri" json:"mer_base_uri" jsonschema_description:"prefix of the MER tile directories, as of vis_base_uri"`
	CatalogBase string     `yaml:"catalog_base_uri" json:"catalog_base_uri" jsonschema_description:"prefix of the MER final catalogue's tile directories, as of vis_base_uri"`
	Files       string     `yaml:"files" json:"files,omitempty" jsonschema_description:"file list (CSV or Parquet) of which file holds which product, in place of the three prefixes and their listings"`
	Region      string     `yaml:"s3_region" json:"s3_region" jsonschema_description:"region of the sources"`
	Endpoint    string     `yaml:"s3_endpoint_url" json:"s3_endpoint_url" jsonschema_description:"any S3-compatible server; empty: AWS, also where the environment names another server for the outputs"`
	Addressing  Addressing `yaml:"s3_addressing" json:"s3_addressing,omitempty" jsonschema_description:"where the bucket's name stands in requests: path (https://host/bucket), virtual (https://bucket.host), or auto: path where s3_endpoint_url is given"`
	Anonymous   bool       `yaml:"s3_no_sign_request" json:"s3_no_sign_request" jsonschema_description:"read the sources without credentials"`
	Exposures   Exposures  `yaml:"exposures" json:"exposures" jsonschema_description:"which exposures; never mixed unless asked"`
	Release     Release    `yaml:"release" json:"release,omitempty" jsonschema_description:"release of the MER products, as at the end of their names, such as 00.00; newest: the newest that there is when the campaign begins"`
}

// Access is which store sources are in: what of Source can change what a URI
// means, and so what belongs into the cache keys of stages whose inputs name files whole.
type Access struct {
	Region   string `json:"s3_region"`
	Endpoint string `json:"s3_endpoint_url"`
}

// Access is which store the sources are in.
func (s Source) Access() Access { return Access{s.Region, s.Endpoint} }

// Shape is rows and columns of sub-tiles.
type Shape struct {
	Rows int `json:"rows"`
	Cols int `json:"cols"`
}

// String shows a shape as people write it.
func (s Shape) String() string { return fmt.Sprintf("[%d, %d]", s.Rows, s.Cols) }

// Grid says how tiles are divided. Lengths are arc minutes.
type Grid struct {
	Shape        `yaml:"sub_tile_grid" jsonschema_description:"sub-tiles of a tile: rows, columns"`
	MarginArcmin float64 `yaml:"sub_tile_margin_arcmin" json:"margin_arcmin" jsonschema_description:"margin on each side of a sub-tile's core"`
	TileArcmin   float64 `yaml:"mer_tile_size_arcmin" json:"tile_arcmin" jsonschema_description:"side of the square that the grid divides"`
	CoreArcmin   float64 `yaml:"mer_core_size_arcmin" json:"core_arcmin" jsonschema_description:"side of the square that a tile owns, nominally"`
}

// Tiling says where tiles lie and how they divide.
type Tiling struct {
	Source    TileSource `yaml:"source" json:"source" jsonschema_description:"where tile centres come from"`
	TileTable string     `yaml:"tile_table" json:"tile_table" jsonschema_description:"for source tile_table: CSV, Parquet or FITS with tile_id, ra, dec"`
	Grid      `yaml:",inline"`
}

// Region is a part of the sky in degrees: one of the three, or none for all of it.
type Region struct {
	Cone    []float64   `json:"cone,omitempty"`    // ra, dec, radius
	Box     []float64   `json:"box,omitempty"`     // ra_min, ra_max, dec_min, dec_max; from ra_max on over RA 0 where it is the smaller
	Polygon [][]float64 `json:"polygon,omitempty"` // corners: ra, dec; either way round, not closed
}

// Given says whether the region is more special than the whole sky.
func (r Region) Given() bool { return len(r.Cone)+len(r.Box)+len(r.Polygon) > 0 }

// String is the region in a few words.
func (r Region) String() string {
	switch {
	case len(r.Cone) > 0:
		return fmt.Sprintf("cone %v", r.Cone)
	case len(r.Box) > 0:
		return fmt.Sprintf("box %v", r.Box)
	case len(r.Polygon) > 0:
		return fmt.Sprintf("polygon %v", r.Polygon)
	}
	return "the whole sky"
}

// Catalog says which Iceberg tables take the results.
type Catalog struct {
	Warehouse string `yaml:"catalog_warehouse" json:"warehouse" jsonschema_description:"where the Iceberg tables lie: s3://... or a directory"`
	URI       string `yaml:"catalog_uri" json:"catalog_uri" jsonschema_description:"Iceberg catalogue: postgresql://user@host/database, http(s)://host/... of a REST catalogue (with ?warehouse=NAME where it has several), glue://region or glue://account@region of AWS Glue, or sqlite:///path on one machine; default: SQLite beside a local warehouse"`
	Namespace string `yaml:"catalog_namespace" json:"namespace" jsonschema_description:"Iceberg namespace"`
	Table     string `yaml:"catalog_table" json:"table" jsonschema_description:"Iceberg table; the sources go to a second one, with _sources behind its name"`
}

// EnvREST begins the names of the variables that a REST catalogue's token comes by:
// PyIceberg's own, for a catalogue named constellation.
const (
	EnvREST           = "PYICEBERG_CATALOG__CONSTELLATION__"
	EnvRESTToken      = EnvREST + "TOKEN"
	EnvRESTCredential = EnvREST + "CREDENTIAL" // ID:SECRET, for which a server gives tokens
)

// Thresholds are what the finished catalogue is held to.
type Thresholds struct {
	MinCompleteness   float64  `yaml:"min_completeness" json:"min_completeness" jsonschema_description:"fraction of planned sub-tiles that must be in the catalogue"`
	MaxFailedFraction float64  `yaml:"max_failed_fraction" json:"max_failed_fraction" jsonschema_description:"fraction of sub-tiles that may have failed"`
	MaxConvergence    *float64 `yaml:"max_convergence" json:"max_convergence" jsonschema_description:"largest CONVERGENCE accepted; null: not checked"`

	MaxOutsideFraction float64 `yaml:"max_outside_fraction" json:"max_outside_fraction" jsonschema_description:"fraction of a tile's own sources that may lie outside its grid of sub-tiles"`
}

// Above says whether n of total are more than a fraction of it, in decimals as
// people write it: 29 of 100 aren't above 0.29, though they are above the product of the two.
func Above(n, total int, fraction float64) bool {
	return n > 0 && !(float64(n)/float64(total) <= fraction)
}

// Inference says what infers shear on a sub-tile, and how.
type Inference struct {
	Engine    Engine   `json:"engine"`
	Command   []string `json:"command"`        // engine shine: argv
	Inference string   `json:"inference_yaml"` // SHINE's own section, as text, key and all
	GAL       string   `json:"gal_yaml"`       // likewise
	ConfigID  string   `json:"config_id"`
}

// Limits bound one sub-tile's inference. No cache key holds them: they decide
// whether there is a result, not which.
type Limits struct {
	TimeoutSeconds int `json:"timeout_seconds"`
}

// Timeout is the time limit of one sub-tile.
func (l Limits) Timeout() time.Duration { return time.Duration(l.TimeoutSeconds) * time.Second }
