package euclid_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/euclid"
)

func TestParseVISName(t *testing.T) {
	for base, want := range map[string]euclid.Name{
		"EUC_VIS_SWL-DET-002681-00-1-0000000__20241017T042839.727728Z.fits": {
			Maker: "VIS", Product: "DET", Obs: "002681", Dither: "00", Number: "1", Timestamp: "20241017T042839.727728"},
		"EUC_VIS_SWL-BKG-002681-03-2-0000000__20241017T042839.7Z.fits": {
			Maker: "VIS", Product: "BKG", Obs: "002681", Dither: "03", Number: "2", Timestamp: "20241017T042839.7"},
		"EUC_VIS_SWL-WGT-002681-00-1-0000000__20241017T042839Z.fits": {
			Maker: "VIS", Product: "WGT", Obs: "002681", Dither: "00", Number: "1", Timestamp: "20241017T042839"},
		"EUC_VIS_GRD-PSF-000-000000-0000000__20240322T192915.424564Z.fits": {
			Maker: "VIS", Product: "PSF", Timestamp: "20240322T192915.424564"},
		"EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_sci.fits": {
			Maker: "VIS", Product: "DET", Part: "sci", Obs: "067070", Dither: "00", Number: "1", Timestamp: "20250621T020155.487037"},
		"EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_flg.fits": {
			Maker: "VIS", Product: "DET", Part: "flg", Obs: "067070", Dither: "00", Number: "1", Timestamp: "20250621T020155.487037"},
		"EUC_VIS_SWL-DET-067070-043-1__20250621T020155.487037Z.fits": { // 43 in three digits
			Maker: "VIS", Product: "DET", Obs: "067070", Dither: "43", Number: "1", Timestamp: "20250621T020155.487037"},
		"EUC_VIS_SWL-DET-067070-143-1__20250621T020155.487037Z_1.0.fits": {
			Maker: "VIS", Product: "DET", Obs: "067070", Dither: "143", Number: "1", Release: "01.00", Timestamp: "20250621T020155.487037"},
	} {
		got, ok := euclid.ParseName(base)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: ok %v, (-want +got)\n%s", base, ok, diff)
		}
	}
	for _, base := range []string{
		"", "readme.txt", ".fits", "__.fits", "__Z.fits",
		"EUC_VIS_SWL-DET-002681-00-1-0000000__20241017T042839.727728Z.fits.gz",
		"EUC_VIS_SWL-DET-002681-00-1-0000000__20241017T042839.727728Z.fit",
		"EUC_VIS_SWL-DET-002681-00-1-0000000__20241017T042839.727728.fits",    // no Z
		"EUC_VIS_SWL-DET-002681-00-1-0000000__20241017T042839.Z.fits",         // no fraction
		"EUC_VIS_SWL-DET-002681-00-1-0000000_20241017T042839.727728Z.fits",    // one underscore
		"EUC_VIS_SWL-DET-2681-00-1-0000000__20241017T042839.727728Z.fits",     // not padded
		"EUC_VIS_SWL-DET-002681-0-1-0000000__20241017T042839.727728Z.fits",    // short dither
		"EUC_VIS_SWL-DET-002681-0143-1-0000000__20241017T042839.727728Z.fits", // long dither
		"EUC_VIS_SWL-DET-002681-00-3-0000000__20241017T042839.727728Z.fits",
		"EUC_VIS_SWL-DET-002681-00-10-0000000__20241017T042839.727728Z.fits",
		"EUC_VIS_SWL-DET-002681-00-1-0000000-1__20241017T042839.727728Z.fits",
		"EUC_VIS_SWL-DET-002681-00-1__20241017T042839.727728Z_var.fits",     // unknown part
		"EUC_VIS_SWL-BKG-002681-00-1__20241017T042839.727728Z_sci.fits",     // only DET is split
		"EUC_VIS_SWL-STK-002681-00-1-0000000__20241017T042839.727728Z.fits", // another product
		"EUC_VIS_GRD-PSF-abc__20240322T192915.424564Z.fits",
		"EUC_VIS_GRD-PSF-000__20240322T192915.424564Z_sci.fits",
		"EUC_NIR_SWL-DET-002681-00-1-0000000__20241017T042839.727728Z.fits",
	} {
		if n, ok := euclid.ParseName(base); ok || n != (euclid.Name{}) {
			t.Errorf("%q was taken for %+v", base, n)
		}
	}
}

func TestParseMERName(t *testing.T) {
	for base, want := range map[string]euclid.Name{
		"EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_00.00.fits": {
			Maker: "MER", Product: euclid.FinalCatalog, Tile: 102018211, Release: "00.00", Timestamp: "20241018T214045.289017"},
		"EUC_MER_BGSUB-MOSAIC-VIS_TILE102018211-ACBD03_20241018T142710.276838Z_00.00.fits": {
			Maker: "MER", Product: euclid.VISMosaic, Tile: 102018211, Release: "00.00", Timestamp: "20241018T142710.276838"},
		"EUC_MER_FINAL-MORPH-CAT_TILE102018211-C_20241018T214045Z_01.00.fits": {
			Maker: "MER", Product: "FINAL-MORPH-CAT", Tile: 102018211, Release: "01.00", Timestamp: "20241018T214045"},
		"EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z.fits": {
			Maker: "MER", Product: euclid.FinalCatalog, Tile: 102018211, Timestamp: "20241018T214045.289017"},
	} {
		got, ok := euclid.ParseName(base)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: ok %v, (-want +got)\n%s", base, ok, diff)
		}
	}
	for _, base := range []string{
		"", "EUC_MER_", "EUC_MER_.fits", "EUC_MER____.fits",
		"EUC_MER_FINAL-CAT_TILE102018211_20241018T214045.289017Z_00.00.fits",        // no tag
		"EUC_MER_FINAL-CAT_102018211-CC66F6_20241018T214045.289017Z_00.00.fits",     // no TILE
		"EUC_MER_FINAL-CAT_TILE102018211-CC66G6_20241018T214045.289017Z_00.00.fits", // G is no digit
		"EUC_MER_FINAL-CAT_TILE-1-CC66F6_20241018T214045.289017Z_00.00.fits",
		"EUC_MER_FINAL-CAT_TILE99999999999999999999-C_20241018T214045.289017Z_00.00.fits",
		"EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_0000.fits",
		"EUC_MER__TILE102018211-CC66F6_20241018T214045.289017Z_00.00.fits",
	} {
		if n, ok := euclid.ParseName(base); ok {
			t.Errorf("%q was taken for %+v", base, n)
		}
	}
}

// Whatever is accepted can be put together again: nothing of a name is lost or misread.
func FuzzParseVISName(f *testing.F) {
	for _, s := range []string{
		"EUC_VIS_SWL-DET-002681-00-1-0000000__20241017T042839.727728Z.fits",
		"EUC_VIS_GRD-PSF-000-000000-0000000__20240322T192915.424564Z.fits",
		"EUC_VIS_SWL-DET-067070-00-1__20250621T020155.487037Z_rms.fits",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, base string) {
		n, ok := euclid.ParseName(base)
		if !ok || n.Maker != "VIS" || n.Release != "" {
			return
		}
		head, tail := "EUC_VIS_SWL-"+n.Product+"-"+n.Exposure().Obs+"-", "__"+n.Timestamp+"Z"
		if n.Product == euclid.PSF {
			head = "EUC_VIS_GRD-PSF"
		} else if !strings.Contains(base, n.Dither+"-"+n.Number) {
			t.Errorf("%q was taken for %+v", base, n)
		}
		if n.Part != "" {
			tail += "_" + n.Part
		}
		middle, ok := strings.CutPrefix(base, head)
		middle, ok2 := strings.CutSuffix(middle, tail+".fits")
		if !ok || !ok2 || strings.Trim(middle, "-0123456789") != "" {
			t.Errorf("%q was taken for %+v", base, n)
		}
	})
}

func FuzzParseMERName(f *testing.F) {
	f.Add("EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_00.00.fits")
	f.Add("EUC_MER_BGSUB-MOSAIC-VIS_TILE102018211-ACBD03_20241018T142710Z_00.00.fits")
	f.Add("EUC_MER_FINAL-CAT_TILE102018211-CC66F6_20241018T214045.289017Z_00.0.fits") // the release is given as 00.00
	f.Fuzz(func(t *testing.T, base string) {
		n, ok := euclid.ParseName(base)
		if ok && n.Maker == "MER" && (n.Tile < 0 || !strings.HasPrefix(base, "EUC_MER_"+n.Product+"_TILE") ||
			n.Release == "" && !strings.HasSuffix(base, "_"+n.Timestamp+"Z.fits") || n.Release != "" && !strings.Contains(base, "_"+n.Timestamp+"Z_")) {
			t.Errorf("%q was taken for %+v", base, n)
		}
	})
}
