package main

import (
	"bytes"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/plot"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestPlot draws a simulated survey, before and after its preparation.
func TestPlot(t *testing.T) {
	dir := t.TempDir()
	verb := func(args ...string) (string, error) {
		var out strings.Builder
		c := command()
		c.SetOut(&out)
		c.SetArgs(args)
		err := c.ExecuteContext(t.Context())
		return out.String(), err
	}
	config := filepath.Join(dir, "c.yaml")
	if _, err := verb("simulate", "--preset", "tiny", "--out", filepath.Join(dir, "q1"), "--config", config); err != nil {
		t.Fatal(err)
	}
	if _, err := verb("extract", "--config", config, "--tiles", "102018211", "--storage", filepath.Join(dir, "products"), "--run-id", "r"); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "products", "r")
	writeRecord(t, run)

	svg, img := filepath.Join(dir, "x.svg"), filepath.Join(dir, "x.png")
	for _, args := range [][]string{
		{"--config", config, "--tiles", "102018211"},
		{"--config", config, "--what", "field", "--show", "quadrants,sources"},
		{"--config", config, "--what", "sky"},
		{"--run", run, "--tiles", "102018211"},
		{"--run", run, "--what", "field"},
		{"--run", run, "--what", "sky"},
	} {
		for _, out := range []string{svg, img} {
			said, err := verb(append([]string{"plot", "--out", out, "--size", "300"}, args...)...)
			if err != nil {
				t.Fatalf("%v: %v", args, err)
			}
			if args[2] == "--tiles" && (strings.Contains(said, " 0 quadrants") || strings.Contains(said, " 0 sources")) {
				t.Errorf("%v: %s", args, said)
			}
		}
		text, err := os.ReadFile(svg)
		if err != nil || !bytes.HasPrefix(text, []byte("<svg ")) {
			t.Errorf("%v: %v", args, err)
		}
		if args[0] == "--run" && args[2] == "--tiles" && !bytes.Contains(text, []byte(">3 ok<")) {
			t.Errorf("the results are not shown: %s", text)
		}
		data, err := os.ReadFile(img)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := png.Decode(bytes.NewReader(data)); err != nil || p.Bounds().Dx() != 300 {
			t.Errorf("%v: %v", args, err)
		}
	}

	for place, args := range map[string][]string{
		"--what":  {"--config", config, "--what", "moon", "--out", svg},
		"--out":   {"--config", config, "--out", "x.pdf"},
		"--show":  {"--config", config, "--show", "stars", "--out", svg},
		"--tiles": {"--config", config, "--set", "tile_ids=all", "--out", svg},
	} {
		if _, err := verb(append([]string{"plot"}, args...)...); fault.CodeOf(err) != "UsageInvalid" || !strings.Contains(err.Error(), place) {
			t.Errorf("%s: %v", place, err)
		}
	}
	if _, err := verb("plot", "--out", svg); err == nil {
		t.Error("neither a configuration nor a run, and no error")
	}
}

// writeRecord writes the run.json of prepared directories, of which one failed.
func writeRecord(t *testing.T, dir string) {
	t.Helper()
	store := objstore.Open(t.Context(), objstore.Config{})
	tile := survey.RunTile{TileID: 102018211}
	for i, name := range []string{"0_0", "0_1", "1_0", "1_1"} {
		d := filepath.Join(dir, "102018211", name)
		m, err := readLocalManifest(t.Context(), store, d)
		if err != nil {
			t.Fatal(err)
		}
		s := survey.RunSubTile{RA: m.Centre[0], Dec: m.Centre[1], Outcome: survey.Outcome{SubTileID: sky.ID(tile.TileID, m.Row, m.Col), Status: survey.StatusOK, Directory: d}}
		if i == 2 {
			s.Status = survey.StatusFailed
		}
		tile.SubTiles = append(tile.SubTiles, s)
	}
	if err := survey.Save(t.Context(), store, filepath.Join(dir, survey.RunFile), &survey.Run{RunID: "r", Tiles: []survey.RunTile{tile}}); err != nil {
		t.Fatal(err)
	}
}

// TestLayOut: a tile's squares come back from what its run says of them.
func TestLayOut(t *testing.T) {
	for _, grid := range []sky.Grid{
		{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30},
		{Shape: settings.Shape{Rows: 3, Cols: 2}, MarginArcmin: 0.5, TileArcmin: 30, CoreArcmin: 30},
	} {
		for _, centre := range []sky.Coord{{RA: 57.9990741, Dec: -51.5}, {RA: 0.01, Dec: 0}, {RA: 200, Dec: 89.9}} {
			want := plot.NewTile(sky.Tile{ID: 7, Centre: centre}, grid)
			run := survey.RunTile{TileID: 7}
			for _, s := range grid.SubTiles(want.Tile) {
				c := s.Centre()
				run.SubTiles = append(run.SubTiles, survey.RunSubTile{RA: c.RA, Dec: c.Dec, Outcome: survey.Outcome{SubTileID: sky.ID(0, s.Row, s.Col)}})
			}
			first := grid.SubTiles(want.Tile)[0]
			m := &manifest.Manifest{}
			for _, of := range []struct {
				box sky.Box
				to  *[][2]float64
			}{{first.Core, &m.CorePolygon}, {first.Extended, &m.ExtendedPolygon}} {
				for _, o := range of.box.Corners() {
					c := want.Plane().Deproject(o)
					*of.to = append(*of.to, [2]float64{c.RA, c.Dec})
				}
			}
			at, rows, cols := runCentre(run)
			if d := sky.Separation(at.Centre, centre); d > 1e-9 || rows != grid.Rows || cols != grid.Cols {
				t.Errorf("%v: centre off by %v deg, %d x %d", centre, d, rows, cols)
			}
			manifests := make([]*manifest.Manifest, len(run.SubTiles))
			for _, margin := range []float64{0, grid.MarginArcmin / 60} { // without a manifest and with one
				got := layOut(at, rows, cols, run, manifests)
				for i, s := range got.SubTiles {
					if off(s.Core, want.SubTiles[i].Core) > 1e-8 || off(s.Extended, want.SubTiles[i].Core.Grow(margin)) > 1e-8 {
						t.Errorf("%v: %+v, want %+v", centre, s, want.SubTiles[i])
					}
				}
				manifests[0] = m
			}
		}
	}
}

func off(a, b sky.Box) float64 {
	return max(math.Abs(a.XiMin-b.XiMin), math.Abs(a.XiMax-b.XiMax), math.Abs(a.EtaMin-b.EtaMin), math.Abs(a.EtaMax-b.EtaMax))
}
