package e2e

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestConfigs holds the files in configs/, and the two configurations that this
// project began with, to what the command says of them.
func TestConfigs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	check := func(file string, warnings ...string) {
		t.Helper()
		write(t, s.path("c.yaml"), read(t, file))
		r := s.try(t, "config", "check", "--config", "c.yaml")
		if r.status != 0 || !strings.HasPrefix(r.stdout, "c.yaml is valid") {
			t.Errorf("%s: %s", file, r)
		}
		var said []string
		for line := range strings.Lines(r.stderr) {
			if warning, is := strings.CutPrefix(line, "warning: c.yaml:"); is {
				said = append(said, warning)
			} else if !strings.HasPrefix(line, "note: c.yaml: ") {
				t.Errorf("%s: %s", file, line)
			}
		}
		if !slices.EqualFunc(said, warnings, strings.HasPrefix) {
			t.Errorf("%s: warnings %q, not %q", file, said, warnings)
		}
	}
	files, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(files) != 4 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		check(file)
	}
	seeds := "../../pkg/config/testdata/"
	check(seeds+"readme.yaml", "15:3: output.extraction_dir is", "16:3: output.manifest_dir is", "19:1: mock_shine is")
	check(seeds+"survey.yaml", "6:3: tiling.tile_ids is", "8:3: tiling.sub_tile_margin is", "12:3: data.exposure_archive is",
		"13:3: data.catalog_archive is", "14:3: data.scratch_dir is", "44:3: output.catalog_uri holds a place")
}

// TestEDFFMock runs configs/edff_mock.yaml whole on a small survey that is
// simulated where that configuration looks; its region finds the tiles.
func TestEDFFMock(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	write(t, s.path("sky.json"), `{"field": "EDFF", "centre": {"RA": 52.93, "Dec": -28.09}, "first_tile": 102041656}`)
	s.do(t, "simulate", "--preset", "tiny", "--parameters", "sky.json", "--out", filepath.Join(s.server.Bucket(t, "fornax"), "q1"))
	write(t, s.path("edff_mock.yaml"), read(t, "../../configs/edff_mock.yaml"))
	over := []string{"--config", "edff_mock.yaml"}
	for key, value := range map[string]string{
		"data.vis_base_uri": "s3://fornax/q1/VIS/", "data.mer_base_uri": "s3://fornax/q1/MER/", "data.catalog_base_uri": "s3://fornax/q1/catalogs/MER_FINAL_CATALOG/",
		"data.s3_endpoint_url":    s.server.Endpoint,
		"output.storage_base_uri": "s3://" + productsBucket, "output.catalog_warehouse": s.path("warehouse"),
		"tiling.sub_tile_margin_arcmin": fmt.Sprint(s.tiny.MarginArcmin), // the simulated tiles are small
		"tiling.mer_tile_size_arcmin":   fmt.Sprint(s.tiny.TileArcmin), "tiling.mer_core_size_arcmin": fmt.Sprint(s.tiny.CoreArcmin),
	} {
		over = append(over, "--set", key+"="+value)
	}
	r := s.do(t, append([]string{"run", "--run-id", "mock"}, over...)...)
	for _, want := range []string{`verdict +ok\n`, `catalogue  shear\.edff_mock in `} {
		if !regexp.MustCompile(want).MatchString(r.stdout) {
			t.Errorf("the run does not say %q: %s", want, r)
		}
	}
	tiles := map[int64]int{}
	for _, tile := range s.run(t, "mock").Tiles {
		tiles[tile.TileID] = len(tile.SubTiles)
	}
	if want := map[int64]int{102041656: 16, 102041657: 16}; !maps.Equal(tiles, want) {
		t.Errorf("sub-tiles %v, not %v", tiles, want)
	}
	for path := range tree(t, filepath.Join(s.products, "mock")) {
		if strings.Contains(path, "/exposures/") {
			t.Errorf("%s was to be dropped", path)
		}
	}
	if r := s.do(t, append([]string{"validate", "--run-id", "mock"}, over...)...); !strings.Contains(r.stdout, "verdict") {
		t.Errorf("validate: %s", r)
	}
}
