package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/bench/catalogerrand"
	"github.com/cosmostat/constellation/internal/testing/resulttest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Sizes of BenchmarkCatalog; see its comment.
const (
	catalogSubTilesEnv = "CONSTELLATION_CATALOG_SUBTILES"
	catalogSourcesEnv  = "CONSTELLATION_CATALOG_SOURCES"
	catalogTilesEnv    = "CONSTELLATION_CATALOG_TILES"
	catalogThinEnv     = "CONSTELLATION_CATALOG_THIN"
	catalogRoundsEnv   = "CONSTELLATION_CATALOG_ROUNDS"
	catalogDirEnv      = "CONSTELLATION_CATALOG_DIR"
	catalogCPUsEnv     = "CONSTELLATION_CATALOG_CPUS"
)

// catalogBench is a run of BenchmarkCatalog.
type catalogBench struct {
	dir     string
	python  string
	errands string // the executable
	cpus    string
	rounds  int
}

// BenchmarkCatalog assembles the results of a survey's tiles, and replaces, compacts
// and reads what is in the tables, beside PyIceberg where it can do the same. Each
// step is a process of its own, and all have the same processors, by taskset.
//
// The sizes: CONSTELLATION_CATALOG_SUBTILES (4,160) with CONSTELLATION_CATALOG_SOURCES
// (1,500) each are assembled, by turns, CONSTELLATION_CATALOG_ROUNDS (3) times; tables
// of CONSTELLATION_CATALOG_TILES (260,6000,60000) tiles with CONSTELLATION_CATALOG_THIN
// (21) sources in each sub-tile have tiles replaced, and the largest of them is read.
// CONSTELLATION_CATALOG_DIR is where all of it lies meanwhile: 12 GB.
func BenchmarkCatalog(b *testing.B) {
	python := os.Getenv(pythonEnv)
	if python == "" {
		b.Skip("NOT COMPARED: " + pythonEnv + " names no Python with internal/bench/testdata/catalog-requirements.txt")
	}
	c := newCatalogBench(b, python)
	b.Run("assemble", c.assembly)
	c.survey(b)
}

func newCatalogBench(b *testing.B, python string) *catalogBench {
	python, err := filepath.Abs(python)
	if err != nil {
		b.Fatal(err)
	}
	c := &catalogBench{dir: b.TempDir(), python: python, rounds: number(b, catalogRoundsEnv, 3), cpus: "0,1"}
	if dir := os.Getenv(catalogDirEnv); dir != "" {
		if c.dir, err = os.MkdirTemp(dir, "catalog-"); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { os.RemoveAll(c.dir) })
	}
	if cpus := os.Getenv(catalogCPUsEnv); cpus != "" {
		c.cpus = cpus
	}
	c.errands = filepath.Join(c.dir, "errand")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", c.errands, "./catalogerrand/run")
	if complaint, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, complaint)
	}
	return c
}

// number is a size that the environment gives, or the usual one.
func number(b *testing.B, env string, usual int) int {
	s := os.Getenv(env)
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		b.Fatalf("%s=%s: %v", env, s, err)
	}
	return n
}

// pinned is a command on the benchmark's processors.
func (c *catalogBench) pinned(b *testing.B, command ...string) *exec.Cmd {
	return exec.CommandContext(b.Context(), "taskset", append([]string{"-c", c.cpus}, command...)...)
}

// run has a command answer in JSON.
func run(b *testing.B, cmd *exec.Cmd, answer any) {
	b.Helper()
	var complaint strings.Builder
	cmd.Stderr = &complaint
	said, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(said, answer)
	}
	if err != nil {
		b.Fatalf("%s: %v: %s", cmd, err, complaint.String())
	}
}

// ours does an errand.
func (c *catalogBench) ours(b *testing.B, e catalogerrand.Errand) *catalogerrand.Account {
	b.Helper()
	said, err := json.Marshal(e)
	if err != nil {
		b.Fatal(err)
	}
	cmd, a := c.pinned(b, c.errands), new(catalogerrand.Account)
	cmd.Stdin = strings.NewReader(string(said))
	run(b, cmd, a)
	return a
}

// catalogAnswer is what testdata/catalog.py says.
type catalogAnswer struct {
	Seconds, CPU  float64
	Read, Written int64
	Memory        int64
	Rows, Sources int64
	Values        []float64
	Files         int // that a scan of PyIceberg's opens
	Each          []struct {
		Seconds, CPU  float64
		Read, Written int64
	}
}

// theirs does the same in Python.
func (c *catalogBench) theirs(b *testing.B, what string, job map[string]any) (a catalogAnswer) {
	b.Helper()
	said, err := json.Marshal(job)
	if err != nil {
		b.Fatal(err)
	}
	run(b, c.pinned(b, c.python, filepath.Join("testdata", "catalog.py"), what, string(said)), &a)
	return a
}

// resolved are the settings of a run whose products lie in a directory.
func resolved(b *testing.B, dir, warehouse string) pipeline.ResolveConfigOut {
	b.Helper()
	text := fmt.Sprintf(`field_name: bench
tile_ids: all
tiling: {source: mer_mosaic}
data:
  vis_base_uri: s3://bench/VIS/
  mer_base_uri: s3://bench/MER/
  catalog_base_uri: s3://bench/catalogs/
output: {storage_base_uri: %q, catalog_warehouse: %q, catalog_namespace: shear, catalog_table: bench}
inference: {method: %s}
`, filepath.Join(dir, "runs"), warehouse, resulttest.Method)
	out, _, err := resolve.Launch(b.Context(), objstore.NewMemory(), pipeline.ResolveConfigIn{ConfigYAML: text, RunID: "r1"}, "")
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// assembly holds assembly against PyIceberg: the same files, by turns in both orders.
func (c *catalogBench) assembly(b *testing.B) {
	dir := filepath.Join(c.dir, "assembly")
	s := resolved(b, dir, filepath.Join(dir, "warehouse"))
	v := resulttest.Survey{Tiles: max(1, number(b, catalogSubTilesEnv, 4160)/16), Sources: number(b, catalogSourcesEnv, 1500), Grid: resulttest.Grid(), ConfigID: s.Destination.ConfigID}
	left := c.ours(b, catalogerrand.Errand{Do: catalogerrand.Make, Settings: s, Survey: v}).Left
	defer remove(b, dir)
	out := results.section(fmt.Sprintf("%d sub-tiles x %d sources in %d files of %s, assembled into two tables", v.SubTiles(), v.Sources, left.Files, size(left.Bytes)),
		"round", "who", "time", "CPU", "of PyIceberg's", "of the first", "peak memory", "read", "written", "files", "metadata")
	ratios := map[string][]float64{}
	for b.Loop() {
		for round := range c.rounds {
			var mine []assembled
			var plain catalogAnswer
			turns := []func(){
				func() { mine = c.assembled(b, s, v, left) },
				func() { plain = c.plainly(b, s, v, filepath.Join(dir, "pyiceberg"), round, out) },
			}
			if round%2 == 1 {
				slices.Reverse(turns)
			}
			for _, turn := range turns {
				turn()
			}
			for i, a := range mine {
				theirs, first := a.CPU.Seconds()/plain.CPU, a.CPU.Seconds()/mine[i/2*2].CPU.Seconds()
				out.row(round+1, a.what, seconds(a.Time), seconds(a.CPU), times(theirs), times(first), size(a.Memory), size(a.Read), size(a.Written), a.left.data, size(a.left.metadata))
				ratios[a.what] = append(ratios[a.what], theirs)
				ratios[a.what+" of the first"] = append(ratios[a.what+" of the first"], first)
			}
		}
	}
	middle := results.section("Of these, the medians of the rounds' ratios", "what", "CPU of PyIceberg's", "of the first's")
	for _, what := range []string{catalogerrand.Assemble, catalogerrand.Assemble + again, catalogerrand.ByHand, catalogerrand.ByHand + again} {
		theirs, first := middling(ratios[what]), middling(ratios[what+" of the first"])
		middle.row(what, times(theirs), times(first))
		b.ReportMetric(theirs, "x-PyIceberg/"+strings.NewReplacer(" ", "-", ",", "").Replace(what))
	}
}

func middling(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

const again = ", again"

// assembled is one assembly, and what it left.
type assembled struct {
	*catalogerrand.Account
	what string
	left counted
}

// assembled assembles all that stages left, and once more, as the stage does and by hand.
func (c *catalogBench) assembled(b *testing.B, s pipeline.ResolveConfigOut, v resulttest.Survey, left *resulttest.Left) (all []assembled) {
	for _, do := range []string{catalogerrand.Assemble, catalogerrand.ByHand} {
		for _, what := range []string{do, do + again} {
			a := c.ours(b, catalogerrand.Errand{Do: do, Settings: s, Left: left})
			if a.Rows != int64(v.SubTiles()) || a.Sources != int64(v.SubTiles()*v.Sources) {
				b.Errorf("%s: %d and %d rows", what, a.Rows, a.Sources)
			}
			all = append(all, assembled{a, what, count(b, s.Catalog.Warehouse)})
		}
		remove(b, s.Catalog.Warehouse)
		for _, document := range []string{survey.RunFile, survey.PartDir, survey.IdentityFile} {
			remove(b, filepath.Join(s.Destination.RunURI, document))
		}
	}
	return all
}

// plainly has PyIceberg do it.
func (c *catalogBench) plainly(b *testing.B, s pipeline.ResolveConfigOut, v resulttest.Survey, warehouse string, round int, out *section) catalogAnswer {
	a := c.theirs(b, "assemble", map[string]any{"results": s.Destination.RunURI, "warehouse": warehouse, "config_id": v.ConfigID})
	if a.Rows != int64(v.SubTiles()) || a.Sources != int64(v.SubTiles()*v.Sources) {
		b.Errorf("PyIceberg has %d and %d rows", a.Rows, a.Sources)
	}
	n := count(b, warehouse)
	out.row(round+1, "PyIceberg", cpu(a.Seconds), cpu(a.CPU), times(1), "", size(a.Memory), size(a.Read), size(a.Written), n.data, size(n.metadata))
	remove(b, warehouse)
	return a
}

func cpu(s float64) string { return fmt.Sprintf("%.2f s", s) }

// counted is what a warehouse holds.
type counted struct {
	data, shear int // files
	metadata    int64
	bytes       int64
}

func count(b *testing.B, warehouse string) (n counted) {
	walk(b, warehouse, func(f sized) {
		switch {
		case strings.Contains(f.path, "/metadata/"):
			n.metadata += f.size
		case strings.HasSuffix(f.path, ".parquet"):
			n.data++
			n.bytes += f.size
			if !strings.Contains(f.path, "_sources") {
				n.shear++
			}
		}
	})
	return n
}

// catalogOf is the catalogue of a warehouse.
func catalogOf(warehouse string) settings.Catalog {
	return settings.Catalog{Warehouse: warehouse, Namespace: "shear", Table: "bench"}
}
