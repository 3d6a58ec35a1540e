package survey

import (
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/sky"
)

// TileReport is what was done for a tile.
type TileReport struct {
	TileID   int64     `json:"tile_id"`
	SubTiles []SubTile `json:"sub_tiles"`

	PayloadBytes    int64 `json:"payload_bytes"`           // of HDUs, as read from the sources
	ReferencedBytes int64 `json:"referenced_bytes"`        // of the distinct HDUs that the sub-tiles need
	CopiedBytes     int64 `json:"copied_bytes"`            // of HDUs, by the store itself
	ResumedBytes    int64 `json:"resumed_bytes,omitempty"` // of products that an earlier attempt left
	HeaderBytes     int64 `json:"header_bytes"`            // read to copy the files' primary HDUs, and to look HDUs up
	CatalogBytes    int64 `json:"catalog_bytes"`           // size of the catalogues that were read

	OutsideGrid int `json:"outside_grid"` // sources of the tile's catalogues that no core holds
	Duplicates  int `json:"duplicates"`   // rows whose object an earlier row had
	Unplaced    int `json:"unplaced"`     // rows without an id or a position

	NotCopied string `json:"not_copied,omitempty"` // why the store didn't copy what it was asked to: it was streamed

	LeftOut    []LeftOut           `json:"left_out,omitempty"`
	Lost       []LeftOut           `json:"lost,omitempty"`       // exposures that were found unusable while they were copied
	Unverified []string            `json:"unverified,omitempty"` // HDUs that were used although they don't match their checksums
	WithoutWGT []euclid.ExposureID `json:"without_wgt,omitempty"`
}

// SubTile is what was done for one sub-tile.
type SubTile struct {
	sky.Cell
	RA          float64 `json:"ra"` // of the core's centre, in degrees
	Dec         float64 `json:"dec"`
	Directory   string  `json:"directory"`
	Manifest    string  `json:"manifest,omitempty"` // SHA-256 of its local manifest, which has the checksums of all else
	Status      string  `json:"status"`
	Quadrants   int     `json:"quadrants"`
	Exposures   int     `json:"exposures"`
	Deepest     int     `json:"deepest"`                    // quadrants of the exposure that has the most
	Memory      int64   `json:"inference_memory,omitempty"` // bytes that inference is estimated to take, where it has work
	Sources     int     `json:"sources"`                    // in the extended area
	CoreSources int     `json:"core_sources"`               // in the core
	Files       int     `json:"files"`                      // of the directory, all of them
	Bytes       int64   `json:"bytes"`

	// How many exposures lie over how much of the areas; none where the tile failed.
	Core     *sky.Coverage `json:"core_coverage,omitempty"`
	Extended *sky.Coverage `json:"extended_coverage,omitempty"`
}

// LeftOut is an exposure, or one quadrant of it, that could not be used.
type LeftOut struct {
	Exposure euclid.ExposureID `json:"exposure"`
	Quadrant string            `json:"quadrant,omitempty"` // empty: the whole exposure
	Reason   string            `json:"reason"`
}

// String is e.g. "002682_00_1, quadrant 3-4.F: its BKG file lacks it".
func (l LeftOut) String() string {
	if l.Quadrant == "" {
		return l.Exposure.String() + ": " + l.Reason
	}
	return l.Exposure.String() + ", quadrant " + l.Quadrant + ": " + l.Reason
}

// ID is the identity of a tile's sub-tile.
func (s SubTile) ID(tile int64) sky.SubTileID { return sky.SubTileID{TileID: tile, Cell: s.Cell} }
