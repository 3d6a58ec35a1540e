package mutants

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/simulate"
	"github.com/cosmostat/constellation/pkg/survey"
)

// answer is what is under the sub-tiles.
type answer struct {
	Tiles map[string]tileAnswer
	Read  map[string][]int64 // object ids of the tables that were to be read back
	Error string
}

type tileAnswer struct {
	Centre   [2]float64
	SubTiles map[string]subTileAnswer `json:"sub_tiles"`
}

type subTileAnswer struct {
	Core, Sources []int64
	Quadrants     []string
}

// products is the run's own answer, as its manifests have it.
func (e *ending) products(t *testing.T) map[string]tileAnswer {
	t.Helper()
	all := map[string]tileAnswer{}
	planned, err := survey.Load[survey.Tiles](t.Context(), e.run.Memory, e.tilesDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tile := range e.tiles {
		at, err := planned.Find(tile.TileID)
		if err != nil {
			t.Fatal(err)
		}
		of := tileAnswer{Centre: [2]float64{at.Centre.RA, at.Centre.Dec}, SubTiles: map[string]subTileAnswer{}}
		for _, s := range tile.Document.SubTiles {
			text, err := objstore.ReadFile(t.Context(), e.run.Memory, objstore.Join(s.Directory, survey.LocalManifestFile))
			if err != nil {
				t.Fatal(err)
			}
			m, err := manifest.Read(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			sub := subTileAnswer{Core: slices.Sorted(slices.Values(m.Core)), Sources: slices.Sorted(slices.Values(m.Sources))}
			for _, q := range m.Quadrants {
				sub.Quadrants = append(sub.Quadrants, fmt.Sprintf("%s_%s_%s %s", q.Obs, q.Dither, q.CCD, q.Quadrant))
			}
			slices.Sort(sub.Quadrants)
			of.SubTiles[s.Name()] = sub
		}
		all[fmt.Sprint(tile.TileID)] = of
	}
	return all
}

// tilesDocument is the tiles that the last listing found.
func (e *ending) tilesDocument(t *testing.T) string {
	t.Helper()
	found := e.run.FindAll("scratch", "/tiles.json")
	if len(found) == 0 {
		t.Fatal("no tiles.json")
	}
	return found[len(found)-1]
}

// oracle is the independent reader's process, which all mutants share.
type oracle struct {
	mu    sync.Mutex
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	dir   string            // of the survey's files
	base  map[string]string // name -> file of the survey without a change
	etags map[string]string
}

var theOracle oracle

// python is that of the independent reader.
func python() string { return os.Getenv("CONSTELLATION_PYTHON") }

// start starts the process and writes the survey's files for it.
func (o *oracle) start(t *testing.T) {
	t.Helper()
	if o.cmd != nil {
		return
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		t.Fatal(err)
	}
	o.dir, o.base, o.etags = dir, map[string]string{}, map[string]string{}
	base := keptAt(t, atListing, "")
	for _, uri := range base.FindAll("mem://euclid/q1/") {
		info, err := base.Memory.Stat(t.Context(), uri)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(uri, "mem://euclid/q1/")
		o.etags[name] = info.ETag
		o.base[name] = o.dump(t, base, uri, filepath.Join(dir, "base", fmt.Sprintf("%04d-%s", len(o.base), filepath.Base(name))))
	}
	cmd := exec.Command(python(), filepath.Join("testdata", "oracle.py"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o.cmd, o.in, o.out = cmd, in, bufio.NewReader(out)
}

func (o *oracle) close() {
	if o.cmd != nil {
		o.in.Close()
		o.cmd.Wait()
	}
	if o.dir != "" {
		os.RemoveAll(o.dir)
	}
}

// dump writes an object to a file.
func (o *oracle) dump(t *testing.T, k *kept, uri, file string) string {
	t.Helper()
	data, err := objstore.ReadFile(t.Context(), k.Memory, uri)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

// ask has the survey of a run read, without some of its files.
func (o *oracle) ask(t *testing.T, e *ending, without []string) *answer {
	t.Helper()
	if python() == "" {
		t.Skip("SKIPPED: no independent reader judged the products; set CONSTELLATION_PYTHON to a Python that has astropy, or run the tests by `make test`")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.start(t)
	files, dir := map[string]string{}, t.TempDir()
	for _, uri := range e.run.FindAll("mem://euclid/q1/") {
		name := strings.TrimPrefix(uri, "mem://euclid/q1/")
		if slices.ContainsFunc(without, func(p string) bool { return regexp.MustCompile(p).MatchString(name) }) {
			continue
		}
		info, err := e.run.Memory.Stat(t.Context(), uri)
		if err != nil {
			t.Fatal(err)
		}
		if files[name] = o.base[name]; o.etags[name] != info.ETag {
			files[name] = o.dump(t, e.run, uri, filepath.Join(dir, fmt.Sprintf("%d-%s", len(files), filepath.Base(name))))
		}
	}
	tiny, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	g := e.run.Settings.Tiling.Grid
	request := map[string]any{
		"files": files, "tiles": e.ids(), "all_tiles": tiny.TargetIDs(),
		"grid": map[string]any{"rows": g.Rows, "cols": g.Cols, "tile": g.TileArcmin, "margin": g.MarginArcmin},
	}
	read := map[string]string{}
	for _, tile := range e.tiles {
		for _, s := range tile.Document.SubTiles {
			key := fmt.Sprintf("%d/%s", tile.TileID, s.Name())
			read[key] = o.dump(t, e.run, objstore.Join(s.Directory, survey.CatalogFile), filepath.Join(dir, strings.ReplaceAll(key, "/", "-")+".fits"))
		}
	}
	request["read"] = read
	line, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	said, err := o.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("the independent reader died: %v", err)
	}
	var a answer
	if err := json.Unmarshal(said, &a); err != nil {
		t.Fatal(err)
	}
	if a.Error != "" {
		t.Fatalf("the independent reader can't: %s", a.Error)
	}
	return &a
}

// ids are the run's tiles.
func (e *ending) ids() (ids []int64) {
	for _, tile := range e.tiles {
		ids = append(ids, tile.TileID)
	}
	return ids
}

// distance is how far apart two positions of a few arcminutes are, in degrees.
func distance(a, b [2]float64) float64 {
	return math.Hypot((a[0]-b[0])*math.Cos(a[1]*math.Pi/180), a[1]-b[1])
}
