package simulate

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Where things lie below the base, as in the Q1 bucket below q1/.
const (
	visDir     = "VIS"
	merDir     = "MER"
	catalogDir = "catalogs/MER_FINAL_CATALOG"
	truthDir   = "truth"
)

// Forms that surveys are delivered in.
const (
	releaseQ1 = "q1"
	releaseQ2 = "q2"
)

// Kinds of files that can be gzipped.
const (
	gzipCatalogues = "catalogues"
	gzipMosaics    = "mosaics"
	gzipPSF        = "psf"
)

var gzipKinds = []string{gzipCatalogues, gzipMosaics, gzipPSF}

// epoch is when the first file was processed; all time stamps count from it.
var epoch = time.Date(2024, 10, 17, 4, 28, 39, 727728000, time.UTC)

// processed is the time stamp of a product: from epoch on, by the seed.
func (s Survey) processed(product string) time.Time {
	r := random(s.Seed, "timestamp", product)
	return epoch.Add(time.Duration(r.Int64N(int64(40 * time.Hour)))).Truncate(time.Microsecond)
}

// stamp spells a time as file names do, e.g. 20241017T042839.727728Z.
func stamp(t time.Time) string { return t.Format("20060102T150405.000000Z") }

// tag is the six hexadecimal digits that MER names carry.
func (s Survey) tag(product string) string {
	return fmt.Sprintf("%06X", random(s.Seed, "tag", product).Uint32()&0xffffff)
}

// visPath is where an exposure's DET, BKG or WGT file lies; part is that of a DET
// in three files.
func (s Survey) visPath(e exposure, product, part string, processed time.Time) string {
	if s.Release != releaseQ2 {
		return fmt.Sprintf("%s/%d/EUC_VIS_SWL-%s-%06d-%02d-%d-0000000__%s.fits",
			visDir, e.obs, product, e.obs, e.dither, e.number, stamp(processed))
	}
	if part != "" {
		part = "_" + part
	}
	return fmt.Sprintf("%s/EUC_VIS_SWL-%s-%s__%s%s.fits", visDir, product, s.called(e), stamp(processed), part)
}

// called is an exposure as the files' names have it.
func (s Survey) called(e exposure) string {
	return fmt.Sprintf("%06d-%02d-%d", e.obs, s.ditherOf(e), e.number)
}

// ditherOf is the number that an exposure's dither is delivered under: those of q2
// begin at 99 or above, so that they have two digits and three.
func (s Survey) ditherOf(e exposure) int {
	if s.Release == releaseQ2 {
		return 99 + e.dither + (e.obs-s.FirstObs)%100
	}
	return e.dither
}

// psfName is the same in every directory: one PSF model serves all.
func (s Survey) psfName() string {
	made := time.Date(2024, 3, 22, 19, 29, 15, 424564000, time.UTC)
	return "EUC_VIS_GRD-PSF-000-000000-0000000__" + stamp(made) + ".fits" + s.packed(gzipPSF)
}

func (s Survey) psfPath(obs int) string { return s.observationDir(obs) + s.psfName() }

// observationDir is where an observation's files lie.
func (s Survey) observationDir(obs int) string {
	if s.Release == releaseQ2 {
		return visDir + "/"
	}
	return fmt.Sprintf("%s/%d/", visDir, obs)
}

// packed is what the names of files of a kind end in beyond .fits.
func (s Survey) packed(kind string) string {
	if slices.Contains(s.Gzip, kind) {
		return ".gz"
	}
	return ""
}

// merName is a MER product of a tile, e.g. EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_00.00.fits.
func (s Survey) merName(product string, tile int64) string {
	key := product + strconv.FormatInt(tile, 10)
	release := "00.00"
	if s.Release == releaseQ2 {
		release = "01.00"
	}
	return fmt.Sprintf("EUC_MER_%s_TILE%d-%s_%s_%s.fits", product, tile, s.tag(key), stamp(s.processed(key)), release)
}

func (s Survey) mosaicPath(tile int64) string {
	name := s.merName("BGSUB-MOSAIC-VIS", tile) + s.packed(gzipMosaics)
	if s.Release == releaseQ2 {
		return merDir + "/" + name
	}
	return fmt.Sprintf("%s/%d/VIS/%s", merDir, tile, name)
}

func (s Survey) catalogPath(product string, tile int64) string {
	name := s.merName(product, tile) + s.packed(gzipCatalogues)
	if s.Release == releaseQ2 {
		return catalogDir + "/" + name
	}
	return fmt.Sprintf("%s/%d/%s", catalogDir, tile, name)
}
