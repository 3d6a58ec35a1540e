package euclid

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/sky"
)

// File is a source object as it was when it was indexed. Later reads are
// pinned to its ETag, so that a replaced file is an error and never a mixture.
type File struct {
	URI  string `json:"uri"`
	Size int64  `json:"size"`
	ETag string `json:"etag,omitempty"`
	// Tile is the tile of a MER file whose name doesn't say which: a file list does.
	Tile int64 `json:"tile,omitempty"`
}

// Exists says whether there is such a file.
func (f File) Exists() bool { return f.URI != "" }

// ExposureID identifies one VIS exposure: observation, dither and exposure
// number within the dither (1 nominal, 2 short), as the file names spell them.
type ExposureID struct {
	Obs    string `json:"obs"`    // six digits, e.g. "002681"
	Dither string `json:"dither"` // "00" to "99", "100" and so on
	Number string `json:"number"` // "1" or "2"; the manifest's key for it is ccd
}

// String is the form that product files are named by, e.g. "002681_00_1".
func (e ExposureID) String() string { return fmt.Sprintf("%s_%s_%s", e.Obs, e.Dither, e.Number) }

// Compare orders ids by observation, dither and number: dither 99 comes before 100.
func (e ExposureID) Compare(o ExposureID) int {
	return cmp.Or(strings.Compare(e.Obs, o.Obs), cmp.Compare(len(e.Dither), len(o.Dither)), strings.Compare(e.Dither, o.Dither), strings.Compare(e.Number, o.Number))
}

// Exposure is one exposure's files. DET always exists; the others may be absent.
type Exposure struct {
	ExposureID
	DET File `json:"det"` // with SCI, RMS and FLG, or of a DET in three files the one with SCI
	RMS File `json:"rms,omitzero"`
	FLG File `json:"flg,omitzero"`
	BKG File `json:"bkg,omitzero"`
	WGT File `json:"wgt,omitzero"`
	PSF File `json:"psf,omitzero"`
}

// Split says whether SCI, RMS and FLG lie in a file each.
func (e Exposure) Split() bool { return e.RMS.Exists() || e.FLG.Exists() }

// Files are those that the exposure has, DET first.
func (e Exposure) Files() []File {
	return slices.DeleteFunc([]File{e.DET, e.RMS, e.FLG, e.BKG, e.WGT, e.PSF}, func(f File) bool { return !f.Exists() })
}

// Plane is the file that holds SCI, RMS or FLG.
func (e Exposure) Plane(part string) File {
	switch {
	case e.Split() && part == PartRMS:
		return e.RMS
	case e.Split() && part == PartFLG:
		return e.FLG
	}
	return e.DET
}

// A VIS quadrant's size in pixels.
const (
	QuadrantWidth  = 2048
	QuadrantHeight = 2066
)

// Segment is where one HDU lies in its file: header, data and padding.
// A zero Length means that the file has no such HDU.
type Segment struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
}

// Quadrant is one CCD quadrant of one exposure: its place on the sky and the
// places of its HDUs in the exposure's files.
type Quadrant struct {
	Exposure ExposureID
	Name     string  // e.g. "3-4.F"
	ExpTime  float64 // seconds, from EXPTIME
	// Outline is the quadrant's edge on the sky, counter-clockwise or
	// clockwise, not closed: the corners of the outermost pixels' outer edges
	// and points between them.
	Outline []sky.Coord

	SCI, RMS, FLG Segment // in DET, or in the files of these names where there are such
	BKG, WGT, PSF Segment // in the files of those names
}

// MERTile is one tile of the MER products: its files and, once known, its centre.
type MERTile struct {
	ID       int64     `json:"id"`
	Centre   sky.Coord `json:"centre"`
	Mosaic   File      `json:"mosaic,omitzero"`
	Catalogs []File    `json:"catalogs,omitempty"`
	// Lacks says why there is no catalogue although files of that name were listed.
	Lacks string `json:"lacks,omitempty"`

	// Release is that of the catalogue, and Newer one that there is beside it and
	// that doesn't count; empty where there is none, or files don't say.
	Release string `json:"-"`
	Newer   string `json:"-"`
}
