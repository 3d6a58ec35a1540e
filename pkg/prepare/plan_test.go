package prepare_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/indextest"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/prepare"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestPlans: a tile's identity is what it is made from, and nothing else. Each
// row changes the survey and says which of two tiles, 3 degrees apart, notice.
func TestPlans(t *testing.T) {
	store := objstore.Open(t.Context(), objstore.Config{})
	centres := []sky.Coord{{RA: 359.9, Dec: 10}, {RA: 2.9, Dec: 10}}
	tiles := func() *survey.Tiles {
		return &survey.Tiles{Tiles: []euclid.MERTile{
			{ID: 1, Centre: centres[0], Catalogs: []euclid.File{{URI: "s3://mer/1", ETag: "a"}}},
			{ID: 2, Centre: centres[1], Catalogs: []euclid.File{{URI: "s3://mer/2", ETag: "a"}}},
			{ID: 3, Centre: sky.Coord{RA: 0.4, Dec: 10}, Catalogs: []euclid.File{{URI: "s3://mer/3", ETag: "a"}}}, // neighbour of the first
		}}
	}
	redo := survey.Redo{Store: store, Base: t.TempDir()}
	plans := func(dir string, change func(all []euclid.Exposure), around *survey.Tiles) []prepare.Planned {
		var exposures []euclid.Exposure
		var read []prepare.Footprints
		for i, centre := range centres {
			field := filepath.Join(dir, "field", string(rune('0'+i)))
			if err := os.MkdirAll(field, 0o777); err != nil {
				t.Fatal(err)
			}
			_, es, fs, _ := batches(t, indextest.Survey{Exposures: 4, Centre: centre, AreaDeg2: 0.5}, field, 10*i)
			exposures, read = append(exposures, es...), append(read, fs...)
		}
		change(exposures)
		plan := planOf(t, filepath.Join(dir, "plan.json"), exposures, 2)
		root := filepath.Join(dir, "index", "quadrants.json")
		if _, err := prepare.Merge(t.Context(), store, plan, read, "0", root, prepare.Earlier{}); err != nil {
			t.Fatal(err)
		}
		p := prepare.Planner{Plan: plan, Tiles: around, Store: store, Dir: filepath.Join(dir, "tiles"), Redo: redo,
			Grid: sky.Grid{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}}
		var err error
		if p.Index, err = index.Open(t.Context(), store, root); err != nil {
			t.Fatal(err)
		}
		planned, err := p.Plans(t.Context(), []int64{1, 2})
		if err != nil {
			t.Fatal(err)
		}
		return planned
	}
	nothing := func([]euclid.Exposure) {}
	dir := t.TempDir()
	was := plans(dir, nothing, tiles())
	tile, near, err := prepare.LoadTilePlan(t.Context(), store, was[0].URI)
	if err != nil || len(near) == 0 || len(tile.Exposures) == 0 || len(tile.Exposures) > 4 || len(tile.Neighbours) != 1 || tile.Neighbours[0].ID != 3 {
		t.Fatalf("%d quadrants, %+v, %v", len(near), tile, err)
	}
	key, err := tile.Key()
	if err != nil || key != was[0].Key {
		t.Fatalf("key %s, %s, %v", key, was[0].Key, err)
	}
	replaced, moved := tiles(), tiles()
	replaced.Tiles[2].Catalogs[0].ETag = "b"
	moved.Tiles[1].Centre.RA += 0.01
	for name, c := range map[string]struct {
		change  func(all []euclid.Exposure)
		tiles   *survey.Tiles
		notices []int64
	}{
		"nothing":                       {nothing, tiles(), nil},
		"a DET file of the first":       {func(all []euclid.Exposure) { all[0].DET.ETag = "new" }, tiles(), []int64{1}},
		"a PSF of the second":           {func(all []euclid.Exposure) { all[5].PSF = euclid.File{URI: "s3://vis/psf"} }, tiles(), []int64{2}},
		"a catalogue next to the first": {nothing, replaced, []int64{1}},
		"the second tile's own place":   {nothing, moved, []int64{2}},
	} {
		var noticed []int64
		for i, p := range plans(t.TempDir(), c.change, c.tiles) {
			if p.Key != was[i].Key {
				noticed = append(noticed, p.TileID)
			}
		}
		if !slices.Equal(noticed, c.notices) {
			t.Errorf("%s: noticed by %v, want %v", name, noticed, c.notices)
		}
	}
	// A tile that is marked is another one, for as long as the mark stands.
	if err := redo.Failed(t.Context(), key, "", "run-1"); err != nil {
		t.Fatal(err)
	}
	once, twice := plans(t.TempDir(), nothing, tiles()), plans(t.TempDir(), nothing, tiles())
	if once[0].Key == was[0].Key || once[0].Key != twice[0].Key || once[1].Key != was[1].Key {
		t.Errorf("marked: %v and %v, was %v", once, twice, was)
	}
	// Quadrants that are not the plan's are refused.
	file := filepath.Join(dir, "tiles", "1.parquet")
	if err := os.WriteFile(file, []byte("PAR1"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := prepare.LoadTilePlan(t.Context(), store, was[0].URI); fault.KindOf(err) != fault.BadData || !strings.HasPrefix(err.Error(), file) {
		t.Errorf("%v", err)
	}
}
