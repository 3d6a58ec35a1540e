package euclid

import (
	"slices"
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

// Name is what the name of a VIS file says.
type Name struct {
	Product string // DET, BKG, WGT or PSF
	// Part is sci, rms or flg where a release splits DET into three files, else
	// empty. Such files are known by name, but nothing here reads them.
	Part string
	// Obs, Dither and Number are an [ExposureID]'s; a PSF has none of them.
	Obs, Dither, Number string
	// Timestamp is the delivery's UTC time, e.g. 20241017T042839.727728.
	// Within a product it orders as text.
	Timestamp string
}

// Exposure is the exposure that the file belongs to; zero for a PSF.
func (n Name) Exposure() ExposureID {
	return ExposureID{Obs: n.Obs, Dither: n.Dither, Number: n.Number}
}

// ParseVISName reads the last element of a VIS file's path: of Q1, e.g.
//
//	EUC_VIS_SWL-DET-002681-00-1-0000000__20241017T042839.727728Z.fits
//	EUC_VIS_GRD-PSF-000-000000-0000000__20240322T192915.424564Z.fits
//
// and of later releases, which split DET and drop the last number:
//
//	EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits
//
// It is false for any other name.
func ParseVISName(base string) (Name, bool) {
	stem, form, ok := cutForm(base)
	if !ok || form != plain {
		return Name{}, false
	}
	return parseVIS(stem)
}

// parseVIS reads a VIS file's name without .fits and what follows.
func parseVIS(stem string) (Name, bool) {
	head, tail, ok := strings.Cut(stem, "__")
	if !ok {
		return Name{}, false
	}
	stamp, part, split := strings.Cut(tail, "_")
	n := Name{Part: part}
	if n.Timestamp, ok = timestamp(stamp); !ok {
		return Name{}, false
	}
	f := strings.Split(head, "-")
	switch {
	case len(f) < 2:
		return Name{}, false
	case f[0] == "EUC_VIS_GRD" && f[1] == PSF:
		n.Product = PSF
		if split || slices.ContainsFunc(f[2:], func(s string) bool { return !digits(s) }) {
			return Name{}, false
		}
		return n, true
	case f[0] != "EUC_VIS_SWL" || len(f) < 5 || len(f) > 6:
		return Name{}, false
	}
	n.Product, n.Obs, n.Dither, n.Number = f[1], f[2], f[3], f[4]
	ok = len(n.Obs) == 6 && digits(n.Obs) && len(n.Dither) == 2 && digits(n.Dither) &&
		len(n.Number) == 1 && digits(n.Number) && (len(f) == 5 || digits(f[5]))
	switch n.Product {
	case DET:
		ok = ok && (!split || part == "sci" || part == "rms" || part == "flg")
	case BKG, WGT:
		ok = ok && !split
	default:
		ok = false
	}
	if !ok {
		return Name{}, false
	}
	return n, true
}

// Products of MER that matter here.
const (
	FinalCatalog = "FINAL-CAT"
	VISMosaic    = "BGSUB-MOSAIC-VIS"
)

// MERName is what the name of a MER file says.
type MERName struct {
	Product string // e.g. FINAL-CAT, FINAL-MORPH-CAT, BGSUB-MOSAIC-VIS
	Tile    int64
	// Release is the last field, e.g. 00.00: the release that the file belongs
	// to, or empty where the name has none. It is no part of a product: of a
	// tile's files of two releases one replaces the other.
	Release   string
	Timestamp string // UTC, as for [Name]
}

// ParseMERName reads the last element of a MER file's path, e.g.
//
//	EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_00.00.fits
//
// or the same without the release, of any product: a caller compares Product,
// because FINAL-CAT has siblings (FINAL-CUTOUTS-CAT, FINAL-MORPH-CAT). It is
// false for any other name.
func ParseMERName(base string) (MERName, bool) {
	stem, form, ok := cutForm(base)
	if !ok || form != plain {
		return MERName{}, false
	}
	return parseMER(stem)
}

// parseMER reads a MER file's name without .fits and what follows.
func parseMER(stem string) (MERName, bool) {
	rest, ok := strings.CutPrefix(stem, "EUC_MER_")
	f := strings.Split(rest, "_")
	if !ok || len(f) != 3 && len(f) != 4 {
		return MERName{}, false
	}
	n := MERName{Product: f[0]}
	tile, tag, ok := strings.Cut(strings.TrimPrefix(f[1], "TILE"), "-")
	if !ok || !strings.HasPrefix(f[1], "TILE") || !digits(tile) || !hexadecimal(tag) {
		return MERName{}, false
	}
	var err error
	if n.Tile, err = strconv.ParseInt(tile, 10, 64); err != nil {
		return MERName{}, false
	}
	if n.Timestamp, ok = timestamp(f[2]); !ok || n.Product == "" {
		return MERName{}, false
	}
	if len(f) == 4 {
		if n.Release = settings.ReleaseName(f[3]); !settings.IsRelease(n.Release) {
			return MERName{}, false
		}
	}
	return n, true
}

// timestamp takes the Z off a time like 20241017T042839.727728Z. All of them
// have the same number of digits before the point, so they order as text.
func timestamp(s string) (string, bool) {
	s, ok := strings.CutSuffix(s, "Z")
	if !ok {
		return "", false
	}
	whole, frac, point := strings.Cut(s, ".")
	day, clock, t := strings.Cut(whole, "T")
	return s, t && len(day) == 8 && digits(day) && len(clock) == 6 && digits(clock) && (!point || digits(frac))
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func hexadecimal(s string) bool { return s != "" && strings.Trim(s, "0123456789ABCDEFabcdef") == "" }
