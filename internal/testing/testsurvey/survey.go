// Package testsurvey simulates a survey and prepares it, for tests that need
// sub-tile directories with a known truth.
package testsurvey

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/extract"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/simulate"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Prepared is a survey's sub-tiles.
type Prepared struct {
	SubTiles []SubTile
	Truth    map[int64]Truth
}

// SubTile is a sub-tile directory and its manifest.
type SubTile struct {
	Dir      string
	Manifest *manifest.Manifest
}

// Truth is a row of the truth table.
type Truth struct {
	Kind      string
	Pos       sky.Coord
	Flux, HLR float64    // uJy, arcsec
	E         [2]float64 // intrinsic
	G         [2]float64 // applied shear
}

// Shape is the sheared ellipticity, (e + g) / (1 + conj(g) e).
func (t Truth) Shape() [2]float64 {
	e, g := complex(t.E[0], t.E[1]), complex(t.G[0], t.G[1])
	s := (e + g) / (1 + complex(t.G[0], -t.G[1])*e)
	return [2]float64{real(s), imag(s)}
}

// Prepare simulates a survey below a directory and extracts the sub-tiles of
// the tiles that it asks for. What is simulated is removed when the directories are there.
func Prepare(t testing.TB, s simulate.Survey, dir string) *Prepared {
	t.Helper()
	ctx := context.Background()
	store := objstore.Open(ctx, objstore.Config{})
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	raw := filepath.Join(dir, "raw")
	sum, err := simulate.Run(ctx, store, raw, s, nil)
	check(err)
	p := &Prepared{Truth: readTruth(t, filepath.Join(sum.Truth, "truth.csv"))}
	seen, err := euclid.IndexExposures(ctx, store, sum.VIS, settings.Nominal)
	check(err)
	var quadrants []euclid.Quadrant
	for _, e := range seen.Exposures {
		qs, err := euclid.ReadQuadrants(ctx, store, e)
		check(err)
		quadrants = append(quadrants, qs...)
	}
	tiles, _, err := euclid.IndexTiles(ctx, store, euclid.TileOptions{
		Source: settings.FromMosaic, MERBase: sum.MER, CatalogBase: sum.Catalogs, IDs: s.TargetIDs(), NeighbourRadiusDeg: 2 * s.TileArcmin / 60,
	})
	check(err)
	grid := sky.Grid{Shape: settings.Shape{Rows: s.GridRows, Cols: s.GridCols}, MarginArcmin: s.MarginArcmin, TileArcmin: s.TileArcmin, CoreArcmin: s.CoreArcmin}
	wanted := map[int64]bool{}
	for _, id := range s.TargetIDs() {
		wanted[id] = true
	}
	for i, tile := range tiles {
		if !wanted[tile.ID] {
			continue
		}
		at := sky.Tile{ID: tile.ID, Centre: tile.Centre}
		job := extract.Job{
			Tile: at, SubTiles: grid.SubTiles(at), Exposures: seen.Exposures, Quadrants: quadrants, Catalogs: tile.Catalogs,
			Source: store, Dest: store, Dir: filepath.Join(dir, strconv.FormatInt(tile.ID, 10)), LowerCase: true,
		}
		for j, other := range tiles {
			if j != i {
				job.Neighbours = append(job.Neighbours, other.Catalogs...)
			}
		}
		report, err := extract.Tile(ctx, job)
		check(err)
		for _, sub := range report.SubTiles {
			f, err := os.Open(filepath.Join(sub.Directory, survey.LocalManifestFile))
			check(err)
			m, err := manifest.Read(f)
			f.Close()
			check(err)
			p.SubTiles = append(p.SubTiles, SubTile{sub.Directory, m})
		}
	}
	check(os.RemoveAll(raw))
	return p
}

func readTruth(t testing.TB, path string) map[int64]Truth {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := map[int64]Truth{}
	for _, row := range rows[1:] {
		var v [8]float64
		for i := range v {
			if v[i], err = strconv.ParseFloat(row[3+i], 64); err != nil {
				t.Fatal(err)
			}
		}
		id, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		all[id] = Truth{row[2], sky.Coord{RA: v[0], Dec: v[1]}, v[2], v[3], [2]float64{v[4], v[5]}, [2]float64{v[6], v[7]}}
	}
	return all
}
