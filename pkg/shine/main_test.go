package shine_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestMain makes the test binary the command that the tests run: whatever
// the variable standIn says that it should do.
func TestMain(m *testing.M) {
	if how := os.Getenv(standIn); how != "" {
		os.Exit(command(how))
	}
	os.Exit(s3test.Main(m))
}

// centre is the centre of the sub-tile that prepare makes.
func centre() sky.Coord { return square().Centre() }

func square() sky.SubTile {
	grid := sky.Grid{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}
	return grid.SubTiles(sky.Tile{ID: 102018211, Centre: sky.Coord{RA: 0.05, Dec: -70}})[9]
}

// prepare makes a sub-tile directory with a real catalogue; change edits the manifest.
func prepare(t *testing.T, change func(*manifest.Manifest)) string {
	t.Helper()
	dir := t.TempDir()
	s := square()
	m := &manifest.Manifest{
		TileID: s.Tile.ID, Row: s.Row, Col: s.Col, Catalog: survey.CatalogFile, FormatVersion: manifest.FormatVersion,
		Quadrants: []manifest.Quadrant{{SCI: "exposures/a.fits", RMS: "exposures/a.fits", FLG: "exposures/a.fits", BKG: "exposures/a.fits", PSF: "psf/a.fits", Quadrant: "3-4.F", Obs: "002704", Dither: "00", CCD: "1"}},
	}
	m.Centre = [2]float64{centre().RA, centre().Dec}
	cols := []fits.Column{{Name: "object_id", Format: "K"}, {Name: "right_ascension", Format: "D", Unit: "deg"}, {Name: "declination", Format: "D", Unit: "deg"}}
	size, err := fits.Layout(cols)
	if err != nil {
		t.Fatal(err)
	}
	var rows []byte
	for i := range 20 {
		row := make([]byte, size)
		id := int64(-529000000281000000) + int64(i)
		cols[0].PutInt(row, id)
		cols[1].PutFloat(row, centre().RA+float64(i)*1e-4)
		cols[2].PutFloat(row, centre().Dec)
		rows = append(rows, row...)
		m.Sources = append(m.Sources, id)
		if i < 12 {
			m.Core = append(m.Core, id)
		}
	}
	slices.Reverse(m.Core)
	var cat bytes.Buffer
	if err := fits.WriteHDU(&cat, fits.NewPrimary(), nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := fits.WriteHDU(&cat, fits.NewTable(cols, 20), bytes.NewReader(rows), int64(len(rows))); err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{survey.CatalogFile: cat.Bytes(), "exposures/a.fits": []byte("pixels"), "psf/a.fits": []byte("psf")} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		m.Files = append(m.Files, manifest.Product{Path: file, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
	}
	if change != nil {
		change(m)
	}
	f, err := os.Create(filepath.Join(dir, survey.LocalManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := manifest.Write(f, m); err != nil {
		t.Fatal(err)
	}
	return dir
}
