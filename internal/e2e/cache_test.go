package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/survey"
)

var update = flag.Bool("update", false, "rewrite the golden hashes of cached stages")

// TestCacheVersions holds what cached stages make of fixed inputs to the hashes
// that are committed for their cache version. A stage whose outputs change while
// its version doesn't would have the engine mix old results with new ones.
//
// The inputs are the tiny survey; the outputs lie under fixed names in a bucket.
// Numbers of the reference engine are those of this architecture.
func TestCacheVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.do(t, "run", "--config", "constellation.yaml", "--run-id", "golden", "--metadata", "s3://"+productsBucket+"/metadata", "--set", "engine=reference", "--cache", "off")
	run, metadata := filepath.Join(s.products, "golden"), filepath.Join(s.products, "metadata", "golden")
	got := map[string]string{}
	for _, stage := range []struct {
		declared task.Declaration
		outputs  map[string][]byte
	}{
		{pipeline.ReadFootprints.Declaration(), files(t, metadata, "read-footprints/raw/*/*/*/footprints.parquet")},
		{pipeline.PrepareTile.Declaration(), merged(files(t, run, "*/*/catalog.fits", "*/*/exposures/*", "*/*/psf/*", "*/*/manifest*.yaml"), files(t, metadata, documents+"prepare-tile/raw/*/prepared.json"))},
		{pipeline.InferSubtile.Declaration(), merged(files(t, run, "*/*/results/*.parquet"), files(t, metadata, documents+"infer-subtile/raw/*/*/*/outcome.json"))},
	} {
		if len(stage.outputs) == 0 {
			t.Errorf("%s: no outputs were found", stage.declared.Name)
		}
		name := stage.declared.Name + " " + stage.declared.CacheVersion
		got[strings.TrimSpace(name)] = digest(stage.outputs)
	}
	golden := filepath.Join("testdata", "cache_versions.json")
	if *update {
		committed := map[string]string{}
		if err := json.Unmarshal(read(t, golden), &committed); err != nil {
			t.Fatal(err)
		}
		for stage, sum := range committed {
			if got[stage] != "" && got[stage] != sum {
				t.Fatalf("%s (stage, cache version) makes other outputs under the same version: give it a new CacheVersion first", stage)
			}
		}
		text, err := json.MarshalIndent(got, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		write(t, golden, append(text, '\n'))
	}
	want := map[string]string{}
	if err := json.Unmarshal(read(t, golden), &want); err != nil {
		t.Fatal(err)
	}
	for _, stage := range slices.Sorted(maps.Keys(got)) {
		switch {
		case want[stage] == "":
			t.Errorf("%s (stage, cache version) has no golden hash: go test ./internal/e2e -run CacheVersions -update", stage)
		case want[stage] != got[stage]:
			t.Errorf("%s (stage, cache version) makes other outputs of the same inputs: give its declaration in pkg/pipeline a new CacheVersion, then go test ./internal/e2e -run CacheVersions -update", stage)
		}
	}
	for stage := range want {
		if got[stage] == "" {
			t.Errorf("%s is committed and not declared any more: go test ./internal/e2e -run CacheVersions -update", stage)
		}
	}
}

// documents is where the engine keeps what a tile's tasks say, below an execution.
const documents = "fan-out-batches/data/*/n0/data/fan-out-tiles/data/*/*/data/"

func merged(a, b map[string][]byte) map[string][]byte {
	if len(a) == 0 || len(b) == 0 {
		return nil // one of them was not found: the test says so
	}
	maps.Copy(a, b)
	return a
}

// passing is what documents say of this server and this build: a plan's key is
// made of ETags, and a directory's size counts the provenance, which names the version.
var passing = regexp.MustCompile(`"?(?:plan|manifest)"?: "[0-9a-f]{64}",?|"bytes": [0-9]+,?`)

// files reads what patterns match below a directory.
func files(t *testing.T, dir string, patterns ...string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, p := range patterns {
		paths, err := filepath.Glob(filepath.Join(dir, p))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				t.Fatal(err)
			}
			found[rel] = passing.ReplaceAll(read(t, path), nil)
		}
	}
	return found
}

func digest(files map[string][]byte) string {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s %d\n", path, len(files[path]))
		h.Write(files[path])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// TestCached runs the pipeline again over the same tiles, and over a survey that
// changed a little: what was made is found, what changed is made again, and what
// failed is never taken for an answer.
func TestCached(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	base := s.bucket(t, "changing")
	write(t, s.path("c.yaml"), s.config("changing"))
	again := func(id string, more ...string) (map[string]int, *survey.Run) {
		t.Helper()
		r := s.try(t, append([]string{"run", "--config", "c.yaml", "--run-id", id, "--events", id + ".jsonl"}, more...)...)
		if (r.status == 0) != (id != "broken") {
			t.Fatalf("%s: %s", id, r)
		}
		made := map[string]int{} // tasks that ran, by stage
		for _, e := range events(t, s.path(id+".jsonl")) {
			if e.Kind == local.Running && e.Task != "" && (e.Element >= 0 || !strings.HasSuffix(e.Task, "_map")) {
				made[strings.TrimSuffix(strings.TrimSuffix(e.Task, "_map"), "_cpu")]++
			}
		}
		run := &survey.Run{}
		if err := json.Unmarshal(read(t, filepath.Join(s.products, id, survey.RunFile)), run); err != nil {
			t.Fatal(err)
		}
		if want := s.tiny.TargetIDs(); len(run.Tiles) != len(want) {
			t.Errorf("%s: the record has %d tiles of %d", id, len(run.Tiles), len(want))
		}
		for _, tile := range run.Tiles {
			if len(tile.SubTiles) != s.tiny.GridRows*s.tiny.GridCols {
				t.Errorf("%s: the record has %d sub-tiles of tile %d", id, len(tile.SubTiles), tile.TileID)
			}
		}
		return made, run
	}
	made := func(what string, got map[string]int, want map[string]int) {
		t.Helper()
		for _, stage := range []string{"read_footprints", "prepare_tile", "infer_subtile"} {
			if got[stage] != want[stage] {
				t.Errorf("%s: %s ran %d times, want %d", what, stage, got[stage], want[stage])
			}
		}
	}
	tiles, perTile := len(s.tiny.TargetIDs()), s.tiny.GridRows*s.tiny.GridCols
	first, _ := again("first")
	batches := first["read_footprints"]
	made("the first run", first, map[string]int{"read_footprints": batches, "prepare_tile": tiles, "infer_subtile": tiles * perTile})
	if batches < 2 {
		t.Fatalf("%d batches: too few to tell one from all", batches)
	}

	indexes := func() []string { return slices.Sorted(maps.Keys(tree(t, filepath.Join(s.products, "index")))) }
	shared := indexes()

	second, run := again("second")
	made("the same again", second, nil)
	for _, tile := range run.Tiles {
		for _, sub := range tile.SubTiles {
			if !strings.Contains(sub.Directory, "/first/") || sub.Status != "ok" {
				t.Errorf("sub-tile %+v is not the first run's", sub)
			}
		}
	}
	s.do(t, "validate", "--config", "c.yaml", "--run-id", "second")
	if now := indexes(); len(shared) == 0 || !slices.Equal(now, shared) {
		t.Errorf("of the same batches an index was made of %q, after %q", now, shared)
	}

	other, _ := again("inference", "--set", "engine=reference")
	made("another inference", other, map[string]int{"infer_subtile": tiles * perTile})

	// The first inference's results are where they were, and as they were.
	back, run := again("back")
	made("the first inference again", back, nil)
	for _, tile := range run.Tiles {
		for _, sub := range tile.SubTiles {
			if sub.Status != "ok" {
				t.Errorf("after another inference: %+v", sub)
			}
		}
	}

	// A catalogue turns bad although its size, time and so its ETag say that it is
	// the same: nothing in any cache key tells it from the good one. While it is
	// new, so that its tile is prepared, the tile fails; mended, it is prepared.
	catalog := only(t, base, "catalogs", "MER_FINAL_CATALOG", fmt.Sprint(s.tiny.TargetIDs()[0]), "EUC_MER_FINAL-CAT_*.fits")
	good, when := read(t, catalog), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	put := func(data []byte) {
		t.Helper()
		write(t, catalog, data)
		if err := os.Chtimes(catalog, when, when); err != nil {
			t.Fatal(err)
		}
	}
	put(bytes.Repeat([]byte("no FITS "), len(good)/8))
	broken, run := again("broken")
	failed := 0
	for _, tile := range run.Tiles { // its neighbours need it for their margins
		if tile.Failure != "" {
			failed++
		}
	}
	if run.Tiles[0].Failure == "" {
		t.Errorf("the tile of the broken catalogue: %+v", run.Tiles[0])
	}
	made("a broken catalogue", broken, map[string]int{"prepare_tile": tiles, "infer_subtile": (tiles - failed) * perTile})
	put(good)
	mended, run := again("mended")
	if run.Tiles[0].Failure != "" {
		t.Errorf("mended: %q", run.Tiles[0].Failure)
	}
	made("mended", mended, map[string]int{"prepare_tile": failed, "infer_subtile": failed * perTile})
	after, _ := again("after")
	made("after it was mended", after, nil)

	// One new delivery of a DET file: its own batch is read again, and no other.
	det := only(t, base, "VIS", "2682", "EUC_VIS_SWL-DET-*-00-1-*.fits")
	write(t, det, read(t, det))
	replaced, _ := again("replaced")
	if replaced["read_footprints"] != 1 || slices.Equal(indexes(), shared) {
		t.Errorf("one file is new: %v, and the index is of %q", replaced, shared)
	}
}
