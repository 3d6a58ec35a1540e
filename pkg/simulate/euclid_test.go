package simulate_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/simulate"
	"github.com/cosmostat/constellation/pkg/sky"
)

// The readers of Euclid products, which were written from the same facts but
// not from this code, find everything that was written.
func TestReadersAgree(t *testing.T) {
	ctx, store, dir := t.Context(), objstore.Open(t.Context(), objstore.Config{}), t.TempDir()
	s, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := simulate.Run(ctx, store, dir, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	obs, err := euclid.IndexExposures(ctx, store, sum.VIS, "nominal")
	if err != nil {
		t.Fatal(err)
	}
	if len(obs.Exposures) != 2 || len(obs.Superseded) != 1 || obs.Unknown != 2 || obs.SkippedShort != 1 || len(obs.Incomplete) != 1 {
		t.Fatalf("observations %+v", obs)
	}
	if id := obs.Exposures[0].String(); id != "002681_00_1" {
		t.Errorf("first exposure is %s", id)
	}
	quadrants, err := euclid.ReadQuadrants(ctx, store, obs.Exposures[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(quadrants) != 16 {
		t.Fatalf("%d quadrants", len(quadrants))
	}
	for _, q := range quadrants {
		for what, segment := range map[string]euclid.Segment{"SCI": q.SCI, "RMS": q.RMS, "FLG": q.FLG, "BKG": q.BKG, "WGT": q.WGT, "PSF": q.PSF} {
			if segment.Length == 0 {
				t.Errorf("%s: no %s", q.Name, what)
			}
		}
	}
	tiles, _, err := euclid.IndexTiles(ctx, store, euclid.TileOptions{
		Source: "mer_mosaic", MERBase: sum.MER, CatalogBase: sum.Catalogs, IDs: s.TargetIDs(), NeighbourRadiusDeg: 0.1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(tiles) != 2 {
		t.Fatalf("tiles %v", tiles)
	}
	rows := 0
	for i, tile := range tiles {
		if want := s.Tiles()[i]; tile.ID != want.ID || sky.Separation(tile.Centre, want.Centre) > 1e-9 {
			t.Errorf("tile %v, want %v", tile, want)
		}
		if len(tile.Catalogs) != 1 {
			t.Fatalf("tile %d has catalogues %v", tile.ID, tile.Catalogs)
		}
		catalog, err := euclid.OpenCatalog(ctx, store, tile.Catalogs[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := catalog.Rows(ctx, func(row euclid.Row) error {
			rows++
			if row.ID >= 0 || sky.Separation(row.Pos, tile.Centre) > 0.02 {
				return fmt.Errorf("source %d at %v", row.ID, row.Pos)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	if rows != 2*(s.Galaxies+s.Stars+s.Spurious) {
		t.Errorf("%d rows", rows)
	}
	checkColumns(t, store, tiles[0].Catalogs[0])
}

// checkColumns reads the flag that is 1 for stars and null for all others.
func checkColumns(t *testing.T, store objstore.Reader, f euclid.File) {
	t.Helper()
	raw, err := objstore.ReadFile(t.Context(), store, f.URI)
	if err != nil {
		t.Fatal(err)
	}
	hdus, err := fits.ReadIndex(objstore.ReaderAt(t.Context(), store, objstore.Info{URI: f.URI, Size: f.Size, ETag: f.ETag}), f.Size)
	if err != nil {
		t.Fatal(err)
	}
	table, err := fits.ParseTable(hdus[1])
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Columns) != 469 {
		t.Errorf("%d columns", len(table.Columns))
	}
	column, ok := table.Column("POINT_LIKE_FLAG")
	if !ok {
		t.Fatal("no POINT_LIKE_FLAG")
	}
	stars, nulls := 0, 0
	for i := range table.Rows {
		at := hdus[1].DataOffset() + i*table.RowSize
		switch v, null := column.Int64(raw[at : at+table.RowSize]); {
		case null:
			nulls++
		case v == 1:
			stars++
		}
	}
	if stars != 2 || nulls != 17 {
		t.Errorf("%d stars and %d nulls", stars, nulls)
	}
}

func ExampleSurvey_ConfigYAML() {
	s, err := simulate.Preset("tiny")
	if err != nil {
		panic(err)
	}
	store := objstore.NewMemory()
	if _, err := simulate.Run(context.Background(), store, "mem://survey/q1", s, nil); err != nil {
		panic(err)
	}
	fmt.Print(s.ConfigYAML("mem://survey/q1"))
	// Output:
	// field_name: EDFS
	// tile_ids: [102018211, 102018212]
	// tiling:
	//   source: mer_mosaic
	//   sub_tile_grid: [2, 2]
	//   sub_tile_margin_arcmin: 0.0625
	//   mer_tile_size_arcmin: 1
	//   mer_core_size_arcmin: 0.9375
	// data:
	//   vis_base_uri: "mem://survey/q1/VIS/"
	//   mer_base_uri: "mem://survey/q1/MER/"
	//   catalog_base_uri: "mem://survey/q1/catalogs/MER_FINAL_CATALOG/"
}

// Q2's form is read as Q1's is: the same exposures, quadrants and tiles.
func TestReadersAgreeOnQ2(t *testing.T) {
	ctx, store, dir := t.Context(), objstore.Open(t.Context(), objstore.Config{}), t.TempDir()
	s, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	s.Release, s.Gzip = "q2", []string{"catalogues", "mosaics", "psf"}
	sum, err := simulate.Run(ctx, store, dir, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	obs, err := euclid.IndexExposures(ctx, store, sum.VIS, "all")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range obs.Exposures {
		got = append(got, fmt.Sprint(e.ExposureID, e.Split()))
		if qs, err := euclid.ReadQuadrants(ctx, store, e); err != nil || len(qs) != 16 {
			t.Errorf("%s: %d quadrants, %v", e.ExposureID, len(qs), err)
		}
	}
	if want := "[002681_99_1 true 002681_99_2 false 002682_100_1 false]"; fmt.Sprint(got) != want || obs.Both != 1 || len(obs.Superseded) != 3 || obs.Near != 0 {
		t.Errorf("exposures %v, want %s; %+v", got, want, obs)
	}
	tiles, _, err := euclid.IndexTiles(ctx, store, euclid.TileOptions{
		Source: "mer_mosaic", MERBase: sum.MER, CatalogBase: sum.Catalogs, IDs: s.TargetIDs(), NeighbourRadiusDeg: 0.1,
	})
	if err != nil || len(tiles) != 2 || tiles[0].Release != "01.00" {
		t.Errorf("tiles %v, %v", tiles, err)
	}
	for _, bad := range []func(*simulate.Survey){
		func(s *simulate.Survey) { s.Release = "q3" }, func(s *simulate.Survey) { s.Gzip = []string{"DET"} },
	} {
		s := s
		if bad(&s); s.Validate() == nil {
			t.Errorf("%q, %q are taken", s.Release, s.Gzip)
		}
	}
}
