package manifest_test

import (
	"os"

	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/survey"
)

func ExampleWrite() {
	m := &manifest.Manifest{
		TileID: 102159490, Row: 2, Col: 1,
		Bounds: manifest.Bounds{
			CoreRA: [2]float64{359.9, 360.1}, CoreDec: [2]float64{-51, -50.875},
			ExtendedRA: [2]float64{359.875, 360.125}, ExtendedDec: [2]float64{-51.02, -50.85},
		},
		Catalog: survey.CatalogFile, Sources: []int64{-512345678901234567, -2}, Core: []int64{-2},
		FormatVersion: manifest.FormatVersion, Centre: [2]float64{0, -50.9375},
	}
	manifest.Write(os.Stdout, m)
	// Output:
	// tile_id: 102159490
	// sub_tile_row: 2
	// sub_tile_col: 1
	// sky_bounds: {core_ra: [359.9, 360.1], core_dec: [-51.0, -50.875], extended_ra: [359.875, 360.125], extended_dec: [-51.02, -50.85]}
	// quadrants: []
	// source_catalog: "catalog.fits"
	// source_ids: [-512345678901234567, -2]
	// core_source_ids: [-2]
	// format_version: 1
	// centre: [0.0, -50.9375]
}
