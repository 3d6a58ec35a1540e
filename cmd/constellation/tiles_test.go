package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The verb as people type it: CSV gives a tile table that gives the same tiles again.
func TestTiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := os.Mkdir(filepath.Join(dir, "cat"), 0o777); err != nil {
		t.Fatal(err)
	}
	file("tiles.csv", "tile_id,ra,dec\n1,359.44,-28\n2,0,-28\n3,0.56,-28\n4,0,-27.5\n5,90,0\n")
	config := file("c.yaml", "tile_ids: all\ntiling: {source: tile_table, tile_table: "+dir+"/tiles.csv, sub_tile_grid: [2, 1]}\n"+
		"data: {catalog_base_uri: "+dir+"/cat}\n")
	tiles := func(args ...string) string {
		t.Helper()
		var out strings.Builder
		c := command()
		c.SetOut(&out)
		c.SetArgs(append([]string{"tiles", "--config", config}, args...))
		if err := c.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	all := tiles("--format", "csv")
	if want := "tile_id,ra,dec\n1,359.44,-28\n2,0,-28\n3,0.56,-28\n4,0,-27.5\n5,90,0\n"; all != want {
		t.Errorf("%s", all)
	}
	if got := tiles("--set", "tiling.tile_table="+file("again.csv", all), "-f", "csv"); got != all {
		t.Errorf("read again: %s", got)
	}
	near := []string{"--set", "region={cone: [0, -28, 0.1]}"}
	if got := tiles(append(near, "--sub-tiles", "-f", "csv")...); strings.Count(got, "\n") != 3 || !strings.Contains(got, ",0,0\n") || !strings.Contains(got, ",1,0\n") {
		t.Errorf("%s", got)
	}
	got := tiles(append(near, "--neighbours", "--sub-tiles")...)
	for _, want := range []string{"1      neighbour  359.440000  -28.000000  0\n", "2      tile       0.000000    -28.000000  0\n", "2/1_0  sub-tile   0.000000    -27.866667\n", "\n1 tiles, 3 neighbours\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	output := filepath.Join(dir, "out.reg")
	if got := tiles(append(near, "--neighbours", "--sub-tiles", "-f", "ds9", "-o", output)...); got != "" {
		t.Errorf("%s", got)
	}
	text, err := os.ReadFile(output)
	if err != nil || strings.Count(string(text), "\npolygon(") != 6 || strings.Count(string(text), "dash=1") != 3 {
		t.Errorf("%v\n%s", err, text)
	}
	if got := tiles(append(near, "-f", "geojson")...); !strings.Contains(got, `"properties":{"dec":-28,"ra":0,"tile_id":2,"what":"tile"}`) {
		t.Errorf("%s", got)
	}
}
