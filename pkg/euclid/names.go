package euclid

import (
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/settings"
)

// Products of VIS, as the file names spell them.
const (
	DET = "DET" // science exposure: SCI, RMS and FLG of each quadrant
	BKG = "BKG" // its background
	WGT = "WGT" // its small-scale flat, as weight
	PSF = "PSF" // the PSF model of an observation
)

// Products of MER that matter here.
const (
	FinalCatalog = "FINAL-CAT"
	VISMosaic    = "BGSUB-MOSAIC-VIS"
)

// Those who make products, as the file names spell them.
const (
	MadeByVIS = "VIS"
	MadeByMER = "MER"
)

// Parts of a DET that lies in three files, as the file names spell them.
const (
	PartSCI = "sci"
	PartRMS = "rms"
	PartFLG = "flg"
)

// Name is what the name of a file says; what it doesn't say is empty.
type Name struct {
	Maker string // MadeByVIS or MadeByMER
	// Product is DET, BKG, WGT or PSF of VIS, and any of MER: FINAL-CAT has
	// siblings such as FINAL-MORPH-CAT, so a caller compares it.
	Product string
	Part    string // sci, rms or flg, of a DET in three files
	// Obs, Dither and Number are an [ExposureID]'s. A PSF has at most Obs: that of
	// the observation which it is called after.
	Obs, Dither, Number string
	Tile                int64 // of MER products
	// Release is the last field, e.g. 00.00: the release that the file belongs
	// to. It is no part of a product: of files of two releases one replaces the other.
	Release string
	// Timestamp is the delivery's UTC time, e.g. 20241017T042839.727728.
	// Within a product and release it orders as text.
	Timestamp string
}

// Exposure is the exposure that a DET, BKG or WGT file belongs to.
func (n Name) Exposure() ExposureID {
	return ExposureID{Obs: n.Obs, Dither: n.Dither, Number: n.Number}
}

// ParseName reads the last element of a file's path by the table of name forms.
// It is false for any other name, compressed files' among them.
func ParseName(base string) (Name, bool) {
	stem, form, ok := cutForm(base)
	if !ok || form != plain {
		return Name{}, false
	}
	return parseStem(stem)
}

// parseStem reads a file's name without .fits and what follows.
func parseStem(stem string) (n Name, ok bool) {
	for _, f := range nameForms {
		values := f.exact.FindStringSubmatch(stem)
		if values == nil {
			continue
		}
		n = Name{Maker: f.maker}
		for i, field := range f.fields {
			if !n.set(field, values[i+1]) {
				return Name{}, false
			}
		}
		return n, true
	}
	return Name{}, false
}

// set takes the value of a field. It is false where no number holds it.
func (n *Name) set(field, value string) bool {
	switch field {
	case "product":
		n.Product = value
	case "part":
		n.Part = value
	case "obs":
		n.Obs = value
	case "of": // no observation is called 000000
		if strings.Trim(value, "0") != "" {
			n.Obs = value
		}
	case "dither":
		n.Dither = twoDigits(value)
	case "exposure":
		n.Number = value
	case "tile":
		tile, err := strconv.ParseInt(value, 10, 64)
		n.Tile = tile
		return err == nil
	case "release":
		n.Release = settings.ReleaseName(value)
	case "time":
		n.Timestamp = strings.TrimSuffix(value, "Z")
	}
	return true
}

// twoDigits is a dither without zeros in front of its last two digits: one
// exposure has one id, however many digits a delivery gives its dithers.
func twoDigits(dither string) string {
	for len(dither) > 2 && dither[0] == '0' {
		dither = dither[1:]
	}
	return dither
}
