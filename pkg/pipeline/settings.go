package pipeline

import (
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Store says how to reach sources. Outputs use the standard AWS environment
// instead, whose endpoint is none of the sources'.
func Store(s settings.Source) objstore.Config {
	return objstore.Config{Region: s.Region, Endpoint: s.Endpoint, Addressing: s.Addressing, Anonymous: s.Anonymous, Sources: true}
}

// None stands in the place of an empty text: FlyteConsole's form for a single
// task sends no empty one.
const None = "-"

// Given is a text of a launch or of an edge, empty where it is [None].
func Given(text string) string {
	if text == None {
		return ""
	}
	return text
}

// Products says where products go, whichever run makes them, and how.
type Products struct {
	Base         string                `json:"base"`                    // storage_base_uri
	StorageClass settings.StorageClass `json:"storage_class,omitempty"` // of the sub-tile directories, in S3
	Copy         settings.Copy         `json:"copy,omitempty"`          // how pixels come to them
}

// Tolerance says what may be wrong with a tile's files. No cache key holds it:
// what was made by it is marked to be made again.
type Tolerance struct {
	MaxMissing string          `json:"max_missing"` // exposures that may be left out: a count, or a fraction of the tile's
	Verify     settings.Verify `json:"verify"`
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
func (d Destination) RedoBatches() string { return objstore.Join(d.Redo, survey.RedoBatch) }
func (d Destination) RedoTiles() string   { return objstore.Join(d.Redo, survey.RedoTiles) }

// Indexes is where quadrant indexes lie, beside the runs that share them.
func (d Destination) Indexes() string {
	return objstore.Join(strings.TrimSuffix(d.RunURI, d.Run()), survey.IndexDir)
}

// Releases is where it stands which release of the MER products a configuration holds to.
func (d Destination) Releases() string {
	return objstore.Join(strings.TrimSuffix(d.RunURI, d.Run()), survey.ReleaseDir)
}

// GPU is the device that inference asks for.
type GPU struct {
	Accelerator string  `json:"accelerator,omitempty"` // as the cluster labels its nodes; empty: none
	MemoryGB    float64 `json:"memory_gb,omitempty"`   // 0: as its name says
}

// Bytes is the memory that is given; 0: as the device's name says.
func (g GPU) Bytes() int64 { return int64(g.MemoryGB * 1e9) }

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

// TileSettings is what a tile's way through preparation and inference takes of
// the configuration. Interfaces embed it.
type TileSettings struct {
	Source      settings.Source    `flyte:"source" doc:"where the survey's files lie, and how to reach them"`
	Tiling      settings.Tiling    `flyte:"tiling" doc:"where tiles lie and how they divide"`
	Products    Products           `flyte:"products" doc:"where products go, and how"`
	Tolerance   Tolerance          `flyte:"tolerance" doc:"what may be wrong with a tile's files"`
	Destination Destination        `flyte:"destination" doc:"what names the run's products"`
	Inference   settings.Inference `flyte:"inference" doc:"what infers shear"`
	Limits      settings.Limits    `flyte:"limits" doc:"what bounds inference"`
	GPU         GPU                `flyte:"gpu" doc:"what inference asks for"`
}

// Identity is what a run's directory is by these settings.
func (s TileSettings) Identity() survey.Identity {
	return survey.NewIdentity(s.Destination.ConfigID, s.Source, s.Tiling, s.Tolerance.Verify, s.Inference.Engine)
}
