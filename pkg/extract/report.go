package extract

import (
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/manifest"
)

// What became of a sub-tile.
const (
	StatusOK          = "ok"
	StatusNoSources   = "no_sources"   // no source in its core
	StatusNoExposures = "no_exposures" // no quadrant reaches into it
)

// Report is what was done for a tile.
type Report struct {
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
	WithoutWGT []euclid.ExposureID `json:"without_wgt,omitempty"`
}

// SubTile is what was done for one sub-tile.
type SubTile struct {
	Row         int     `json:"row"`
	Col         int     `json:"col"`
	RA          float64 `json:"ra"` // of the core's centre, in degrees
	Dec         float64 `json:"dec"`
	Directory   string  `json:"directory"`
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
	Core     *manifest.Coverage `json:"core_coverage,omitempty"`
	Extended *manifest.Coverage `json:"extended_coverage,omitempty"`
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

func (p *plan) report(tile int64) *Report {
	r := &Report{
		TileID: tile, LeftOut: p.leftOut, WithoutWGT: p.withoutWGT,
		CatalogBytes: p.catalogs.bytes, OutsideGrid: p.catalogs.outside,
		Duplicates: p.catalogs.duplicates, Unplaced: p.catalogs.unplaced,
	}
	if err := p.copies.refused; err != nil {
		r.NotCopied = err.Error()
	}
	for _, t := range p.transfers {
		r.CopiedBytes += t.copied
		r.ResumedBytes += t.resumed
		r.PayloadBytes += t.read
		r.HeaderBytes += t.headers
		for _, piece := range t.pieces {
			r.ReferencedBytes += piece.Length
		}
	}
	for _, d := range p.directories {
		centre := d.sub.Centre()
		r.SubTiles = append(r.SubTiles, SubTile{
			Row: d.sub.Row, Col: d.sub.Col, RA: centre.RA, Dec: centre.Dec, Directory: d.uri, Status: d.status(),
			Quadrants: len(d.quadrants), Exposures: len(d.exposures()), Deepest: d.deepest(),
			Sources: len(d.sources), CoreSources: len(d.core),
			Files: d.files, Bytes: d.bytes, Core: d.coverage, Extended: d.extended,
		})
	}
	return r
}

// deepest is the number of quadrants of the exposure that has the most.
func (d *directory) deepest() (most int) {
	n := map[euclid.ExposureID]int{}
	for _, u := range d.quadrants {
		n[u.Exposure]++
		most = max(most, n[u.Exposure])
	}
	return most
}

func (d *directory) status() string {
	switch {
	case len(d.quadrants) == 0:
		return StatusNoExposures
	case len(d.core) == 0:
		return StatusNoSources
	}
	return StatusOK
}
