package simulate

import (
	"fmt"
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

// visPath is where an exposure's DET, BKG or WGT file lies.
func visPath(e exposure, product string, processed time.Time) string {
	return fmt.Sprintf("%s/%d/EUC_VIS_SWL-%s-%06d-%02d-%d-0000000__%s.fits",
		visDir, e.obs, product, e.obs, e.dither, e.number, stamp(processed))
}

// psfName is the same in every observation's directory: one PSF model serves all.
func (s Survey) psfName() string {
	made := time.Date(2024, 3, 22, 19, 29, 15, 424564000, time.UTC)
	return "EUC_VIS_GRD-PSF-000-000000-0000000__" + stamp(made) + ".fits"
}

func psfPath(s Survey, obs int) string { return fmt.Sprintf("%s/%d/%s", visDir, obs, s.psfName()) }

// merName is a MER product of a tile, e.g. EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_00.00.fits.
func (s Survey) merName(product string, tile int64) string {
	key := product + strconv.FormatInt(tile, 10)
	return fmt.Sprintf("EUC_MER_%s_TILE%d-%s_%s_00.00.fits", product, tile, s.tag(key), stamp(s.processed(key)))
}

func (s Survey) mosaicPath(tile int64) string {
	return fmt.Sprintf("%s/%d/VIS/%s", merDir, tile, s.merName("BGSUB-MOSAIC-VIS", tile))
}

func (s Survey) catalogPath(product string, tile int64) string {
	return fmt.Sprintf("%s/%d/%s", catalogDir, tile, s.merName(product, tile))
}
