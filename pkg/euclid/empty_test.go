package euclid_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

// without has some HDUs without pixels: no axes, or one of length 0.
func without(hdus []hdu, axes []int, names ...string) []hdu {
	for i := range hdus {
		if name, _ := hdus[i].header.Text("EXTNAME"); slices.Contains(names, name) {
			hdus[i] = hdu{header: fits.NewImage(-32, axes...).SetText("EXTNAME", name, "").SetFloat("EXPTIME", 560.52, ""), data: []byte{}}
		}
	}
	return hdus
}

// A quadrant without pixels is left out and named, and the others are there.
func TestEmptyQuadrants(t *testing.T) {
	quadrants := []string{"3-4.E", "3-4.F", "3-4.G"}
	for name, c := range map[string]struct {
		det, bkg, psf []string // HDUs without pixels
		want          []string // quadrants
		empty         []string
		lacks         string // the quadrant that BKG and PSF lack
	}{
		"none":         {want: quadrants},
		"SCI":          {det: []string{"3-4.F.SCI"}, want: []string{"3-4.E", "3-4.G"}, empty: []string{"3-4.F.SCI"}},
		"all three":    {det: []string{"3-4.E.SCI", "3-4.E.RMS", "3-4.E.FLG"}, want: []string{"3-4.F", "3-4.G"}, empty: []string{"3-4.E.SCI"}},
		"RMS":          {det: []string{"3-4.G.RMS"}, want: []string{"3-4.E", "3-4.F"}, empty: []string{"3-4.G.RMS"}},
		"the last FLG": {det: []string{"3-4.G.FLG"}, want: []string{"3-4.E", "3-4.F"}, empty: []string{"3-4.G.FLG"}},
		"two":          {det: []string{"3-4.E.SCI", "3-4.G.FLG"}, want: []string{"3-4.F"}, empty: []string{"3-4.E.SCI", "3-4.G.FLG"}},
		"BKG and PSF":  {bkg: []string{"3-4.F"}, psf: []string{"3-4.F"}, want: quadrants, lacks: "3-4.F"},
	} {
		for _, axes := range [][]int{nil, {0}, {0, ny}, {nx, 0}} {
			m := objstore.NewMemory()
			e := exposure(t, m, without(det(quadrants...), axes, c.det...), without(named(quadrants...), axes, c.bkg...), nil, without(named(quadrants...), axes, c.psf...))
			got, err := euclid.ReadHeaders(t.Context(), m, e)
			if err != nil {
				t.Errorf("%s, axes %v: %v", name, axes, err)
				continue
			}
			var found []string
			for _, q := range got.Quadrants {
				found = append(found, q.Name)
				if lacks := q.BKG.Length == 0 && q.PSF.Length == 0; lacks != (q.Name == c.lacks) {
					t.Errorf("%s, axes %v: %+v", name, axes, q)
				}
			}
			if !slices.Equal(found, c.want) || !slices.Equal(got.Empty, c.empty) {
				t.Errorf("%s, axes %v: %v, without pixels %v", name, axes, found, got.Empty)
			}
		}
	}
	m := objstore.NewMemory()
	_, err := euclid.ReadHeaders(t.Context(), m, exposure(t, m, without(det("3-4.E"), nil, "3-4.E.SCI"), nil, nil, nil))
	wantFault(t, err, fault.BadData, "MissingHDU", "none of 1 quadrants has pixels", "3-4.E.SCI", "data.max_missing")
	_, err = euclid.ReadHeaders(t.Context(), m, exposure(t, m, det("3-4.E"), without(named("3-4.E"), nil, "3-4.E"), nil, nil))
	wantFault(t, err, fault.BadData, "MissingHDU", "bkg.fits", "has pixels", "data.max_missing")
}

// An EXTNAME that can't be read may be that of any HDU.
func TestUnreadableName(t *testing.T) {
	m := objstore.NewMemory()
	e := exposure(t, m, det("3-4.E", "3-4.F"), nil, nil, nil)
	raw, err := objstore.ReadFile(t.Context(), m, e.DET.URI)
	if err != nil {
		t.Fatal(err)
	}
	e.DET = put(t, m, e.DET.URI, withCard(t, raw, "EXTNAME", "extname = '3-4.F.FLG'")) // of the last HDU
	_, err = euclid.ReadHeaders(t.Context(), m, e)
	wantFault(t, err, fault.BadData, fits.CodeKeyword, e.DET.URI, "HDU 6", "EXTNAME")
}

// The mosaic's image is the first there is.
func TestMosaicInExtension(t *testing.T) {
	at := sky.Coord{RA: 57.9990741, Dec: -51.5}
	tan := func(h *fits.Header) *fits.Header {
		return h.SetText("CTYPE1", "RA---TAN", "").SetText("CTYPE2", "DEC--TAN", "").
			SetFloat("CRVAL1", at.RA, "").SetFloat("CRVAL2", at.Dec, "").SetFloat("CRPIX1", (nx+1)/2., "").SetFloat("CRPIX2", (ny+1)/2., "").
			SetFloat("CD1_1", -2.78e-5, "").SetFloat("CD2_2", 2.78e-5, "")
	}
	image := func() hdu { return hdu{header: tan(fits.NewImage(-32, nx, ny))} }
	table := hdu{fits.NewTable([]fits.Column{{Name: "A", Format: "K"}}, 0), []byte{}}
	compressed := hdu{fits.NewTable([]fits.Column{{Name: "COMPRESSED_DATA", Format: "1PB(0)"}}, 0).SetBool("ZIMAGE", true, ""), []byte{}}
	for name, c := range map[string]struct {
		raw  []byte
		code string
		says []string
	}{
		"primary":            {raw: file(t, tan(fits.NewPrimaryImage(-32, nx, ny)), table)},
		"extension":          {raw: file(t, fits.NewPrimary(), image())},
		"after an empty one": {raw: file(t, fits.NewPrimary(), hdu{fits.NewImage(-32), []byte{}}, image())},
		"after a table":      {raw: file(t, fits.NewPrimary(), table, image())},
		"none":               {raw: file(t, fits.NewPrimary(), table), code: "MissingHDU", says: []string{"no image"}},
		"compressed":         {raw: file(t, fits.NewPrimary(), compressed), code: "NotAnImage", says: []string{"HDU 1", "funpack"}},
		"without WCS":        {raw: file(t, fits.NewPrimary(), hdu{header: fits.NewImage(-32, nx, ny)}), code: fits.CodeKeyword, says: []string{"HDU 1", "CTYPE1"}},
		"of one axis":        {raw: file(t, fits.NewPrimary(), hdu{tan(fits.NewImage(-32, nx)), make([]byte, 4*nx)}), code: fits.CodeKeyword, says: []string{"HDU 1", "NAXIS2"}},
	} {
		m := objstore.NewMemory()
		f := put(t, m, "mem://mer/102018211/VIS/"+merName(euclid.VISMosaic, 102018211, stamp, "00.00"), c.raw)
		tiles, _, err := euclid.IndexTiles(t.Context(), m, euclid.TileOptions{Source: settings.FromMosaic, MERBase: "mem://mer", CatalogBase: "mem://cat"})
		if c.code != "" {
			wantFault(t, err, fault.BadData, c.code, append(c.says, f.URI, "tile_table")...)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := tiles[0].Centre; math.Abs(got.RA-at.RA) > 1e-9 || math.Abs(got.Dec-at.Dec) > 1e-9 || strings.Contains(name, "none") {
			t.Errorf("%s: %v", name, got)
		}
	}
}
