package pipeline

import (
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

// The settings below are cut narrow on purpose: a stage's cache key holds the
// settings that it takes, so a knob that it doesn't use doesn't miss its cache.

// Source says where the survey's files lie and how to reach them.
type Source struct {
	VISBase     string `json:"vis_base_uri"`
	MERBase     string `json:"mer_base_uri"`
	CatalogBase string `json:"catalog_base_uri"`
	Region      string `json:"s3_region"`
	Endpoint    string `json:"s3_endpoint_url"`
	Anonymous   bool   `json:"s3_no_sign_request"`
	Exposures   string `json:"exposures"`
}

// Access is which store the sources are in: what of Source can change what a
// URI means, and so what belongs into the cache keys of stages whose inputs name files whole.
type Access struct {
	Region   string `json:"s3_region"`
	Endpoint string `json:"s3_endpoint_url"`
}

// Access is which store the sources are in.
func (s Source) Access() Access { return Access{s.Region, s.Endpoint} }

// Store says how to reach the sources. Outputs use the standard AWS environment instead.
func (s Source) Store() objstore.Config {
	return objstore.Config{Region: s.Region, Endpoint: s.Endpoint, Anonymous: s.Anonymous}
}

// Tiling says where tiles lie and how they divide.
type Tiling struct {
	Source       string  `json:"source"`
	TileTable    string  `json:"tile_table"`
	Rows         int     `json:"rows"`
	Cols         int     `json:"cols"`
	MarginArcmin float64 `json:"margin_arcmin"`
	TileArcmin   float64 `json:"tile_arcmin"`
	CoreArcmin   float64 `json:"core_arcmin"`
}

// Grid is the division of a tile into sub-tiles.
func (t Tiling) Grid() sky.Grid {
	return sky.Grid{Rows: t.Rows, Cols: t.Cols, MarginArcmin: t.MarginArcmin, TileArcmin: t.TileArcmin, CoreArcmin: t.CoreArcmin}
}

// Products says where products go, whichever run makes them, and how.
type Products struct {
	Base         string `json:"base"`                    // storage_base_uri
	StorageClass string `json:"storage_class,omitempty"` // of the sub-tile directories, in S3
	Copy         string `json:"copy,omitempty"`          // how pixels come to them: stream, server or auto
}

// Destination says which run makes products, under which configuration. No
// cache key holds it: what another run made of the same inputs is as good.
type Destination struct {
	RunURI   string `json:"run_uri"` // {storage_base_uri}/{run_id}
	ConfigID string `json:"config_id"`
	Redo     string `json:"redo"` // where items are marked that the cache must not answer for
}

// Run is the run's name.
func (d Destination) Run() string { return objstore.Base(d.RunURI) }

// RedoBatches and RedoTiles are where batches of exposures and tiles are marked.
func (d Destination) RedoBatches() string { return objstore.Join(d.Redo, "batches") }
func (d Destination) RedoTiles() string   { return objstore.Join(d.Redo, "tiles") }

// IndexDir is where quadrant indexes lie, beside the runs that share them.
const IndexDir = "index"

// Indexes is that directory.
func (d Destination) Indexes() string {
	return objstore.Join(strings.TrimSuffix(d.RunURI, d.Run()), IndexDir)
}

// Inference says what infers shear on a sub-tile, and how.
type Inference struct {
	Engine    string   `json:"engine"`
	Command   []string `json:"command"`
	Inference string   `json:"inference_yaml"` // SHINE's own section, as text
	GAL       string   `json:"gal_yaml"`       // likewise
	ConfigID  string   `json:"config_id"`
}

// Limits bound one sub-tile's inference. No cache key holds them: they decide
// whether there is a result, not which.
type Limits struct {
	TimeoutSeconds int `json:"timeout_seconds"`
}

// GPU is the device that inference asks for.
type GPU struct {
	Accelerator string  `json:"accelerator,omitempty"` // as the cluster labels its nodes; empty: none
	MemoryGB    float64 `json:"memory_gb,omitempty"`   // 0: as its name says
}

// Bytes is the memory that is given; 0: as the device's name says.
func (g GPU) Bytes() int64 { return int64(g.MemoryGB * 1e9) }

// Timeout is the time limit of one sub-tile.
func (l Limits) Timeout() time.Duration { return time.Duration(l.TimeoutSeconds) * time.Second }

// Catalog says which Iceberg tables take the results.
type Catalog struct {
	Warehouse string `json:"warehouse"`
	URI       string `json:"catalog_uri"`
	Namespace string `json:"namespace"`
	Table     string `json:"table"`
}

// Campaign says how a survey is worked off, some tiles at a time.
type Campaign struct {
	Tiles         int    `json:"tiles"`
	ExpirySeconds int    `json:"expiry_seconds"`
	MaxAttempts   int    `json:"max_attempts"`
	Endpoint      string `json:"flyte_endpoint,omitempty"`
	Insecure      bool   `json:"flyte_insecure,omitempty"`
}

// Expiry is how long tiles are leased for.
func (c Campaign) Expiry() time.Duration { return time.Duration(c.ExpirySeconds) * time.Second }

// Thresholds are what the finished catalogue is held to.
type Thresholds struct {
	MinCompleteness   float64  `json:"min_completeness"`
	MaxFailedFraction float64  `json:"max_failed_fraction"`
	MaxConvergence    *float64 `json:"max_convergence"`
}

// TileSettings is what a tile's way through preparation and inference takes of
// the configuration. Interfaces embed it.
type TileSettings struct {
	Source      Source      `flyte:"source" doc:"where the survey's files lie, and how to reach them"`
	Tiling      Tiling      `flyte:"tiling" doc:"where tiles lie and how they divide"`
	Products    Products    `flyte:"products" doc:"where products go, and how"`
	Destination Destination `flyte:"destination" doc:"what names the run's products"`
	Inference   Inference   `flyte:"inference" doc:"what infers shear"`
	Limits      Limits      `flyte:"limits" doc:"what bounds inference"`
	GPU         GPU         `flyte:"gpu" doc:"what inference asks for"`
}
