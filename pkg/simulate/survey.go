package simulate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

// Survey says all there is to say about a simulated survey: equal surveys give
// equal bytes. Start from a [Preset] and change what matters.
type Survey struct {
	Field string `json:"field"`
	Seed  uint64 `json:"seed"`

	// Tiles lie in a grid, the first one (south-west) at Centre, the others
	// one core side apart to the east and north of it, at any position of the
	// sky. Their ids grow by 1 to the east and by RowStride to the north.
	Centre     sky.Coord `json:"centre"`
	FirstTile  int64     `json:"first_tile"`
	TileRows   int       `json:"tile_rows"`
	TileCols   int       `json:"tile_cols"`
	TileArcmin float64   `json:"tile_arcmin"` // side of a mosaic: core and overlap
	CoreArcmin float64   `json:"core_arcmin"` // side of what a tile owns

	// What the matching pipeline configuration asks for.
	Targets      int     `json:"targets"` // tiles to process, from the first; 0: all
	GridRows     int     `json:"grid_rows"`
	GridCols     int     `json:"grid_cols"`
	MarginArcmin float64 `json:"margin_arcmin"`

	// The focal plane: CCDs of four quadrants of Width x Height pixels.
	CCDRows int `json:"ccd_rows"` // 1 to 9
	CCDCols int `json:"ccd_cols"`
	Width   int `json:"width"`
	Height  int `json:"height"`

	// Observation i points at tile i (and begins again where tiles run out),
	// with the focal plane's y axis PA degrees from north to east, and 3
	// degrees more for each further observation.
	FirstObs     int     `json:"first_obs"`
	Observations int     `json:"observations"`
	Dithers      int     `json:"dithers"` // 1 to 4 nominal exposures each
	Short        int     `json:"short"`   // observations that have a short exposure too
	PA           float64 `json:"pa"`

	// Sources of each tile's core.
	Galaxies      int          `json:"galaxies"`
	Stars         int          `json:"stars"`
	Spurious      int          `json:"spurious"`       // catalogue rows without a source
	MinSeparation float64      `json:"min_separation"` // arcsec between any two; 0: as they fall
	Bright        float64      `json:"bright"`         // AB magnitude of the brightest galaxy
	Faint         float64      `json:"faint"`          // and of the faintest
	Shears        [][2]float64 `json:"shears"`         // g1, g2 of tile i, cycled
	// PairedShapes gives every second galaxy of a tile the opposite intrinsic
	// shape of the one before, so that their mean is the shear and not noise.
	PairedShapes bool `json:"paired_shapes"`

	// PSFSpread is how much the PSFs of quadrants differ beyond their smooth run
	// over the field: the scatter of their ellipticities' components and of
	// their relative sizes. A PSF taken from another quadrant then shows.
	PSFSpread float64 `json:"psf_spread,omitempty"`

	// Release is the form of names and directories: q1, or where it is empty, too;
	// q2, which is the same sky without directories of observations, with dithers
	// past 99 and DET combined, in three files, or both.
	Release string `json:"release,omitempty"`
	// Gzip are the kinds of files that are written as .fits.gz: catalogues, mosaics, psf.
	Gzip []string `json:"gzip,omitempty"`

	// Sparse leaves images unrendered: all zero, and holes in the file where
	// the destination can have them. Headers, PSFs and catalogues are real.
	Sparse bool `json:"sparse"`
	// Shuffle puts the extensions of DET, BKG, WGT and PSF files in no order:
	// the data model promises none.
	Shuffle bool `json:"shuffle"`
	// Redelivered is the product (DET, BKG or WGT) of the first exposure that
	// exists twice, the second time with an older time stamp; or "".
	Redelivered string `json:"redelivered"`
	// MissingWGT leaves the last exposure without its WGT file.
	MissingWGT bool `json:"missing_wgt"`
}

// RowStride is the difference of the ids of a tile and of the one north of it.
const RowStride = 400

// Presets are the names that [Preset] knows, the smallest first.
var presets = []string{"tiny", "demo", "tile"}

// Preset returns a survey by name:
//
//   - tiny: two tiles of 1', 2 x 2 CCDs, three exposures; 29 MB, a second.
//   - demo: two tiles of 4', 3 x 3 CCDs, five exposures; 560 MB, seconds.
//   - tile: full-size files of 36 CCDs for one 32' tile and its neighbour:
//     five exposures, 60 GB that take 200 MB on a file system with
//     holes, since no image is rendered.
func Preset(name string) (Survey, error) {
	s := Survey{
		Seed:      1,
		Field:     "EDFS",
		Centre:    sky.Coord{RA: 57.9990741, Dec: -51.5},
		FirstTile: 102018211, TileRows: 1, TileCols: 2,
		FirstObs: 2681, Observations: 2, Dithers: 2, Short: 1, PA: 2,
		MinSeparation: 3, Bright: 20.5, Faint: 24, PairedShapes: true,
		Shears: [][2]float64{{0.03, -0.02}, {-0.02, 0.03}},
	}
	switch name {
	case "tiny":
		s.TileArcmin, s.CoreArcmin = 1, 0.9375
		s.GridRows, s.GridCols, s.MarginArcmin = 2, 2, 0.0625
		s.CCDRows, s.CCDCols, s.Width, s.Height = 2, 2, 128, 130
		s.Dithers = 1
		s.Galaxies, s.Stars, s.Spurious = 16, 2, 1
		s.Redelivered, s.MissingWGT = "DET", true
	case "demo":
		s.TileArcmin, s.CoreArcmin = 4, 3.75
		s.GridRows, s.GridCols, s.MarginArcmin = 2, 2, 0.25
		s.CCDRows, s.CCDCols, s.Width, s.Height = 3, 3, 360, 364
		s.Galaxies, s.Stars, s.Spurious = 240, 16, 4
		s.Redelivered = "BKG"
	case "tile":
		s.TileArcmin, s.CoreArcmin = 32, 30
		s.GridRows, s.GridCols, s.MarginArcmin, s.Targets = 4, 4, 1, 1
		s.CCDRows, s.CCDCols, s.Width, s.Height = 6, 6, 2048, 2066
		s.Observations, s.Dithers = 1, 4
		s.Galaxies, s.Stars, s.Spurious = 24000, 2500, 300
		s.MinSeparation, s.Bright, s.Faint = 0, 18, 25
		s.Sparse = true
	default:
		return Survey{}, fault.Input("UnknownPreset", "no preset is called %q", name).
			Fix("choose one of %s", strings.Join(presets, ", "))
	}
	return s, nil
}

// Validate refuses surveys that can't be, by the first field at fault.
func (s Survey) Validate() error {
	bad := func(field, format string, a ...any) error {
		return fault.Input("SurveyInvalid", format, a...).At("%s", field)
	}
	between := func(field string, v, low, high int) error {
		if v < low || v > high {
			return bad(field, "is %d, and must be from %d to %d", v, low, high)
		}
		return nil
	}
	for _, c := range []struct {
		field        string
		v, low, high int
	}{
		{"tile_rows", s.TileRows, 1, 99}, {"tile_cols", s.TileCols, 1, RowStride},
		{"targets", s.Targets, 0, s.TileRows * s.TileCols},
		{"grid_rows", s.GridRows, 1, 64}, {"grid_cols", s.GridCols, 1, 64},
		{"ccd_rows", s.CCDRows, 1, 9}, {"ccd_cols", s.CCDCols, 1, 9},
		{"width", s.Width, 16, 1 << 14}, {"height", s.Height, 16, 1 << 14},
		{"first_obs", s.FirstObs, 0, 999_999}, {"observations", s.Observations, 0, 999_999 - s.FirstObs},
		{"dithers", s.Dithers, 1, 4}, {"short", s.Short, 0, s.Observations},
		{"galaxies", s.Galaxies, 0, 1 << 20}, {"stars", s.Stars, 0, 1 << 20}, {"spurious", s.Spurious, 0, 1 << 20},
	} {
		if err := between(c.field, c.v, c.low, c.high); err != nil {
			return err
		}
	}
	switch {
	case !(s.Centre.Dec >= -90 && s.Centre.Dec <= 90 && s.Centre.RA >= 0 && s.Centre.RA < 360):
		return bad("centre", "(%g, %g) is no position: RA from 0 up to 360, Dec from -90 to 90 degrees", s.Centre.RA, s.Centre.Dec)
	case s.FirstTile <= 0:
		return bad("first_tile", "is %d, and must be positive", s.FirstTile)
	case !(s.CoreArcmin > 0 && s.CoreArcmin <= s.TileArcmin && s.TileArcmin <= 120):
		return bad("core_arcmin", "a core of %g' does not fit a tile of %g' (120' at most)", s.CoreArcmin, s.TileArcmin)
	case !(s.MarginArcmin >= 0 && s.MarginArcmin <= s.TileArcmin):
		return bad("margin_arcmin", "is %g, and must be from 0 to the tile's %g", s.MarginArcmin, s.TileArcmin)
	case !(s.PSFSpread >= 0 && s.PSFSpread <= 0.2):
		return bad("psf_spread", "is %g, and must be from 0 to 0.2", s.PSFSpread)
	case s.Galaxies > 0 && !(s.Bright < s.Faint):
		return bad("bright", "magnitude %g is not brighter than faint, %g", s.Bright, s.Faint)
	case s.Galaxies > 0 && len(s.Shears) == 0:
		return bad("shears", "is empty: [[0, 0]] is none")
	}
	for i, g := range s.Shears {
		if !(g[0]*g[0]+g[1]*g[1] < 0.25) {
			return bad(fmt.Sprintf("shears[%d]", i), "(%g, %g) is not below 0.5", g[0], g[1])
		}
	}
	if err := s.validForm(bad); err != nil {
		return err
	}
	switch s.Redelivered {
	case "", "DET", "BKG", "WGT":
	default:
		return bad("redelivered", "is %q, and must be DET, BKG, WGT or empty", s.Redelivered)
	}
	// Room for a random, not a dense, packing.
	area := s.CoreArcmin * s.CoreArcmin * 3600
	if n := float64(s.Galaxies + s.Stars + s.Spurious); n*s.MinSeparation*s.MinSeparation > 0.4*area {
		return bad("min_separation", "%g\" is too much for %g sources in a core of %g'", s.MinSeparation, n, s.CoreArcmin)
	}
	return nil
}

// validForm refuses forms of delivery that nobody knows.
func (s Survey) validForm(bad func(field, format string, a ...any) error) error {
	if s.Release != "" && s.Release != releaseQ1 && s.Release != releaseQ2 {
		return bad("release", "is %q, and must be q1 or q2", s.Release)
	}
	for _, kind := range s.Gzip {
		if !slices.Contains(gzipKinds, kind) {
			return bad("gzip", "%q can't be gzipped: that can be %s", kind, strings.Join(gzipKinds, ", "))
		}
	}
	return nil
}

// Tiles are the survey's tiles, west to east, then south to north.
func (s Survey) Tiles() []sky.Tile {
	plane := sky.NewTangent(s.Centre)
	var tiles []sky.Tile
	for r := range s.TileRows {
		for c := range s.TileCols {
			t := sky.Tile{ID: s.FirstTile + int64(r*RowStride+c), Centre: s.Centre}
			if r+c > 0 {
				step := s.CoreArcmin / 60
				t.Centre = plane.Deproject(sky.Offset{Xi: float64(c) * step, Eta: float64(r) * step})
			}
			tiles = append(tiles, t)
		}
	}
	return tiles
}

// TargetIDs are the ids of the tiles that [Survey.ConfigYAML] asks for.
func (s Survey) TargetIDs() []int64 {
	var ids []int64
	for i, t := range s.Tiles() {
		if s.Targets == 0 || i < s.Targets {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// ConfigYAML returns the sections of a pipeline configuration that describe
// this survey as it lies below base: field_name, tile_ids, tiling and data.
// data comes last, so that a caller can append endpoint and region to it.
func (s Survey) ConfigYAML(base string) string {
	ids := strings.Join(strings.Fields(fmt.Sprint(s.TargetIDs())), ", ")
	return fmt.Sprintf(`field_name: %s
tile_ids: %s
tiling:
  source: mer_mosaic
  sub_tile_grid: [%d, %d]
  sub_tile_margin_arcmin: %g
  mer_tile_size_arcmin: %g
  mer_core_size_arcmin: %g
data:
  vis_base_uri: %q
  mer_base_uri: %q
  catalog_base_uri: %q
`, s.Field, ids, s.GridRows, s.GridCols, s.MarginArcmin, s.TileArcmin, s.CoreArcmin,
		objstore.Join(base, visDir)+"/", objstore.Join(base, merDir)+"/", objstore.Join(base, catalogDir)+"/")
}
