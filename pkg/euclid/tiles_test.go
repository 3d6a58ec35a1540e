package euclid_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

const (
	merBase = "mem://q1/MER/"
	catBase = "mem://q1/catalogs/MER_FINAL_CATALOG/"
)

// Three tiles in a row across RA 0, and one far away.
var centres = map[int64]sky.Coord{
	102000001: {RA: 359.3, Dec: -51.5},
	102000002: {RA: 0.1, Dec: -51.5},
	102000003: {RA: 0.9, Dec: -51.5},
	102000777: {RA: 58, Dec: -45.5},
}

// survey puts mosaics and catalogues of the tiles.
func survey(t *testing.T) *objstore.Memory {
	t.Helper()
	m := objstore.NewMemory()
	for id, c := range centres {
		mosaic := fits.NewPrimaryImage(-32, 16, 20).
			SetText("CTYPE1", "RA---TAN", "").SetText("CTYPE2", "DEC--TAN", "").
			// The reference point is not the middle: the centre is computed.
			SetFloat("CRVAL1", c.RA, "").SetFloat("CRVAL2", c.Dec, "").
			SetFloat("CRPIX1", 8.5+3600, "").SetFloat("CRPIX2", 10.5, "").
			SetFloat("CD1_1", -2.7777777777777778e-5, "").SetFloat("CD1_2", 0, "").
			SetFloat("CD2_1", 0, "").SetFloat("CD2_2", 2.7777777777777778e-5, "")
		dir := fmt.Sprintf("%d/VIS/", id)
		put(t, m, merBase+dir+merName(euclid.VISMosaic, id, "20241018T142710.276838", "00.00"), file(t, mosaic))
		put(t, m, merBase+dir+merName(euclid.VISMosaic, id, "20230101T000000.000000", "00.00"), []byte("an older delivery"))
		put(t, m, merBase+dir+merName("BGSUB-MOSAIC-NIR-H", id, "20250101T000000.000000", "00.00"), []byte("another band"))
		dir = fmt.Sprintf("%d/", id)
		all := tileSources(c, id*1000)
		put(t, m, catBase+dir+merName(euclid.FinalCatalog, id, "20241018T214045.289017", "01.00"), catalogFile(t, all))
		put(t, m, catBase+dir+merName(euclid.FinalCatalog, id, "20241018T214045.289017", "00.00"), catalogFile(t, all[:13]))
		put(t, m, catBase+dir+merName(euclid.FinalCatalog, id, "20241017T214045.289017", "00.00"), []byte("an older delivery"))
		put(t, m, catBase+dir+merName("FINAL-CUTOUTS-CAT", id, "20250101T000000.000000", "00.00"), []byte("a sibling"))
		put(t, m, catBase+dir+merName("FINAL-MORPH-CAT", id, "20250101T000000.000000", "00.00"), []byte("a sibling"))
	}
	return m
}

func tileTable(t *testing.T, m objstore.Writer, format string) string {
	t.Helper()
	uri := "mem://tables/tiles." + format
	switch format {
	case "csv":
		var b strings.Builder
		b.WriteString("# tiles\nname, DEC,RA,tile_id\n")
		for id, c := range centres {
			fmt.Fprintf(&b, "\"a, b\", %v,%v,%d\n", c.Dec, c.RA, id)
		}
		put(t, m, uri, []byte(b.String()))
	case "fits":
		cols := []fits.Column{{Name: "ra", Format: "D"}, {Name: "note", Format: "5A"}, {Name: "TILE_ID", Format: "J"}, {Name: "Dec", Format: "D"}}
		h := fits.NewTable(cols, int64(len(centres)))
		var data []byte
		for id, c := range centres {
			row := make([]byte, rowSize(cols))
			cols[0].PutFloat(row, c.RA)
			cols[2].PutInt(row, id)
			cols[3].PutFloat(row, c.Dec)
			data = append(data, row...)
		}
		put(t, m, uri, file(t, fits.NewPrimary(), hdu{h, data}))
	}
	return uri
}

func tileOptions(source settings.TileSource) euclid.TileOptions {
	return euclid.TileOptions{Source: source, MERBase: merBase, CatalogBase: catBase, NeighbourRadiusDeg: 0.8}
}

func TestIndexTiles(t *testing.T) {
	m := survey(t)
	for name, source := range map[string]settings.TileSource{"mosaic": settings.FromMosaic, "catalog": settings.FromCatalog,
		"csv": settings.FromTable, "fits": settings.FromTable} {
		t.Run(name, func(t *testing.T) {
			opts := tileOptions(source)
			if source == settings.FromTable {
				opts.TileTable = tileTable(t, m, name)
			}
			for _, c := range []struct{ wanted, want []int64 }{
				{nil, []int64{102000001, 102000002, 102000003, 102000777}},
				{[]int64{102000002}, []int64{102000001, 102000002, 102000003}},
				{[]int64{102000777, 102000001}, []int64{102000001, 102000002, 102000777}},
			} {
				opts.IDs = c.wanted
				tiles, _, err := euclid.IndexTiles(t.Context(), m, opts)
				if err != nil {
					t.Fatal(err)
				}
				var got []int64
				for _, tile := range tiles {
					got = append(got, tile.ID)
					centre := centres[tile.ID]
					if source == settings.FromMosaic {
						// 0.1 deg east of CRVAL, because CRPIX lies that far to the right.
						centre = sky.NewTangent(centre).Deproject(sky.Offset{Xi: 0.1})
					}
					if d := sky.Separation(centre, tile.Centre); d > 1e-9 {
						t.Errorf("tile %d at %v, %g deg from %v", tile.ID, tile.Centre, d, centre)
					}
					if tile.Mosaic.Exists() != (source == settings.FromMosaic) {
						t.Errorf("tile %d has the mosaic %v", tile.ID, tile.Mosaic)
					}
					if len(tile.Catalogs) != 1 || !strings.HasSuffix(tile.Catalogs[0].URI, "017Z_01.00.fits") {
						t.Errorf("tile %d has the catalogues %v", tile.ID, tile.Catalogs)
					}
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("wanted %v (-want +got)\n%s", c.wanted, diff)
				}
			}
			opts.IDs = []int64{102000002, 102000776}
			_, _, err := euclid.IndexTiles(t.Context(), m, opts)
			wantFault(t, err, fault.BadInput, "UnknownTile", "102000776", "102000777, 102000003, 102000002, 102000001")
		})
	}
}

func TestIndexTilesReadsHeadersOnly(t *testing.T) {
	m := survey(t)
	before := m.Usage()
	opts := tileOptions(settings.FromMosaic)
	opts.IDs = []int64{102000002}
	if _, _, err := euclid.IndexTiles(t.Context(), m, opts); err != nil {
		t.Fatal(err)
	}
	after := m.Usage()
	// Two listings and one range of each mosaic.
	if n := after.Requests - before.Requests; n != int64(2+len(centres)) {
		t.Errorf("%d requests", n)
	}
}

func TestIndexTilesUnreadable(t *testing.T) {
	m := survey(t)
	bad := merBase + "102000777/VIS/" + merName(euclid.VISMosaic, 102000777, "20241018T142710.276838", "00.00")
	put(t, m, bad, file(t, fits.NewPrimaryImage(-32, 16, 20)))
	opts := tileOptions(settings.FromMosaic)
	opts.IDs = []int64{102000002}
	_, _, err := euclid.IndexTiles(t.Context(), m, opts)
	wantFault(t, err, fault.BadData, "", bad, "CTYPE1")

	var told []error
	opts.OnUnreadable = func(err error) { told = append(told, err) }
	tiles, _, err := euclid.IndexTiles(t.Context(), m, opts)
	if err != nil || len(tiles) != 3 || len(told) != 1 {
		t.Errorf("%d tiles, %v, told %v", len(tiles), err, told)
	}
	opts.IDs = []int64{102000777} // asked for by its id: an error all the same
	_, _, err = euclid.IndexTiles(t.Context(), m, opts)
	wantFault(t, err, fault.BadData, "", bad)
}

func TestIndexTilesRefuses(t *testing.T) {
	m := objstore.NewMemory()
	_, _, err := euclid.IndexTiles(t.Context(), m, tileOptions(settings.FromMosaic))
	wantFault(t, err, fault.BadInput, "NoTiles", merBase)
	_, _, err = euclid.IndexTiles(t.Context(), m, tileOptions("sky"))
	wantFault(t, err, fault.BadInput, "ConfigInvalid", "mer_mosaic, mer_catalog or tile_table")
	opts := tileOptions(settings.FromTable)
	opts.TileTable = "mem://tables/none.csv"
	_, _, err = euclid.IndexTiles(t.Context(), m, opts)
	wantFault(t, err, fault.BadInput, "NotFound", opts.TileTable)

	table := func(cols ...fits.Column) string {
		return string(file(t, fits.NewPrimary(), hdu{fits.NewTable(cols, 0), []byte{}}))
	}
	for name, c := range map[string]struct {
		data  string
		words []string
	}{
		"empty":          {"", []string{"empty"}},
		"no column":      {"tile_id,ra\n1,2\n", []string{"line 1", "no column dec"}},
		"no number":      {"tile_id,ra,dec\n1,2,3\n4,five,6\n", []string{"line 3", "five"}},
		"id too long":    {"tile_id,ra,dec\n1.5,2,3\n", []string{"line 2", "1.5"}},
		"ragged":         {"tile_id,ra,dec\n1,2,3\n4,5\n", []string{"line 3"}},
		"twice":          {"tile_id,ra,dec\n1,2,3\n1,4,5\n", []string{"tile 1 stands twice"}},
		"nowhere":        {"tile_id,ra,dec\n1,2,93\n", []string{"tile 1", "93"}},
		"NaN":            {"tile_id,ra,dec\n1,NaN,3\n", []string{"tile 1", "NaN"}},
		"Parquet":        {"PAR1....", []string{"Parquet"}},
		"FITS":           {table(fits.Column{Name: "tile_id", Format: "J"}), []string{"HDU 1", "no usable column ra"}},
		"FITS of images": {string(file(t, fits.NewPrimary())), []string{"no binary table"}},
	} {
		t.Run(name, func(t *testing.T) {
			opts.TileTable = "mem://tables/bad"
			put(t, m, opts.TileTable, []byte(c.data))
			_, _, err := euclid.IndexTiles(t.Context(), m, opts)
			wantFault(t, err, fault.BadInput, "TileTable", append(c.words, opts.TileTable)...)
		})
	}
	opts.ParquetTable = func(r io.ReaderAt, size int64) ([]euclid.MERTile, error) {
		return []euclid.MERTile{{ID: size, Centre: sky.Coord{RA: -1, Dec: 2}}}, nil
	}
	put(t, m, opts.TileTable, []byte("PAR1...."))
	tiles, _, err := euclid.IndexTiles(t.Context(), m, opts)
	if diff := cmp.Diff([]euclid.MERTile{{ID: 8, Centre: sky.Coord{RA: 359, Dec: 2}}}, tiles); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// A catalogue whose sources are not of one tile gives no centre.
func TestCatalogExtentRefuses(t *testing.T) {
	m := objstore.NewMemory()
	uri := catBase + "1/" + merName(euclid.FinalCatalog, 1, "20241018T214045", "00.00")
	for name, c := range map[string]struct {
		sources []source
		words   string
	}{
		"two places": {slices.Concat(tileSources(sky.Coord{RA: 10}, 1), tileSources(sky.Coord{RA: 40}, 100)), "not of one tile"},
		"none":       {[]source{{id: nullID}}, "no source has a position"},
		"empty":      {nil, "no source has a position"},
	} {
		t.Run(name, func(t *testing.T) {
			put(t, m, uri, catalogFile(t, c.sources))
			_, _, err := euclid.IndexTiles(t.Context(), m, tileOptions(settings.FromCatalog))
			wantFault(t, err, fault.BadData, "CatalogExtent", uri, c.words)
			opts := tileOptions(settings.FromCatalog)
			opts.IDs = []int64{1}
			_, _, err = euclid.IndexTiles(t.Context(), m, opts)
			wantFault(t, err, fault.BadData, "CatalogExtent", uri, c.words)
		})
	}
}

// The FITS table comes through the window, not one request a row.
func TestTileTableOfManyRows(t *testing.T) {
	cols := []fits.Column{{Name: "tile_id", Format: "K"}, {Name: "ra", Format: "D"}, {Name: "dec", Format: "D"}}
	const n = 60000
	h := fits.NewTable(cols, n)
	row := make([]byte, rowSize(cols))
	var data bytes.Buffer
	for i := range n {
		cols[0].PutInt(row, int64(i))
		cols[1].PutFloat(row, float64(i%360))
		cols[2].PutFloat(row, float64(i%180)-89.5)
		data.Write(row)
	}
	m := objstore.NewMemory()
	opts := tileOptions(settings.FromTable)
	opts.TileTable = "mem://tables/tiles.fits"
	put(t, m, opts.TileTable, file(t, fits.NewPrimary(), hdu{h, data.Bytes()}))
	before := m.Usage().Requests
	tiles, _, err := euclid.IndexTiles(t.Context(), m, opts)
	if err != nil || len(tiles) != n || tiles[n-1].ID != n-1 {
		t.Fatalf("%d tiles, %v", len(tiles), err)
	}
	if requests := m.Usage().Requests - before; requests > 12 {
		t.Errorf("%d requests", requests)
	}
}
