package manifest

import "github.com/cosmostat/constellation/pkg/sky"

// Manifest describes one sub-tile to SHINE. Keys and their meaning are fixed;
// new ones are added at the end only.
type Manifest struct {
	TileID    int64      `yaml:"tile_id"`
	Row       int        `yaml:"sub_tile_row"`
	Col       int        `yaml:"sub_tile_col"`
	Bounds    Bounds     `yaml:"sky_bounds"`
	Quadrants []Quadrant `yaml:"quadrants"`
	Catalog   string     `yaml:"source_catalog"`
	Sources   []int64    `yaml:"source_ids"`      // extended area
	Core      []int64    `yaml:"core_source_ids"` // core area: reported

	FormatVersion   int          `yaml:"format_version"`
	Catalogs        []string     `yaml:"source_catalogs,omitempty"` // all catalogues that were joined
	ConfigID        string       `yaml:"config_id,omitempty"`
	Plan            string       `yaml:"plan,omitempty"`         // key of what the tile was made from; older manifests have none
	Centre          [2]float64   `yaml:"centre,flow,omitempty"`  // [ra, dec] degrees of the core's centre
	CorePolygon     [][2]float64 `yaml:"core_polygon,omitempty"` // [ra, dec] degrees of the exact corners
	ExtendedPolygon [][2]float64 `yaml:"extended_polygon,omitempty"`
	Files           []Product    `yaml:"files,omitempty"` // size and checksum of every product of the directory

	CoreCoverage     *sky.Coverage `yaml:"core_coverage,omitempty"`
	ExtendedCoverage *sky.Coverage `yaml:"extended_coverage,omitempty"`
}

// Nothing is the status of a sub-tile that there is nothing to measure on; empty
// where there is something.
func (m *Manifest) Nothing() string { return nothing(len(m.Quadrants), len(m.Core)) }

// ID is whose manifest it is.
func (m *Manifest) ID() sky.SubTileID { return sky.ID(m.TileID, m.Row, m.Col) }

// Bounds are bounding boxes in degrees, [low, high]. A range across RA 0 is
// unwrapped ([359.9, 360.1]); one that holds a pole is [0, 360].
type Bounds struct {
	CoreRA      [2]float64 `yaml:"core_ra,flow"`
	CoreDec     [2]float64 `yaml:"core_dec,flow"`
	ExtendedRA  [2]float64 `yaml:"extended_ra,flow"`
	ExtendedDec [2]float64 `yaml:"extended_dec,flow"`
}

// Quadrant names the files that hold one quadrant of one exposure.
type Quadrant struct {
	SCI      string  `yaml:"sci_path"`
	RMS      string  `yaml:"rms_path"`
	FLG      string  `yaml:"flg_path"`
	BKG      string  `yaml:"bkg_path"`
	WGT      string  `yaml:"wgt_path"` // empty where the exposure has none
	PSF      string  `yaml:"psf_path"`
	Quadrant string  `yaml:"quadrant"` // e.g. 3-4.F
	Obs      string  `yaml:"obs_id"`   // quoted: leading zeros count
	Dither   string  `yaml:"dither"`
	CCD      string  `yaml:"ccd"` // the exposure number within the dither, under its historical key
	ExpTime  float64 `yaml:"exposure_time"`
}

// Product is one file of a sub-tile directory, with one of two checksums: the
// second is the one that object stores make by themselves.
type Product struct {
	Path      string `yaml:"path"` // relative
	Size      int64  `yaml:"size"`
	SHA256    string `yaml:"sha256"`    // in hexadecimal
	CRC64NVME string `yaml:"crc64nvme"` // in base64, as S3 says it
}
