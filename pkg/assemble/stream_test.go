package assemble_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

var grid = sky.Grid{Shape: settings.Shape{Rows: 2, Cols: 2}, TileArcmin: 32, CoreArcmin: 30, MarginArcmin: 1}

// counting is a store that counts what is read of it, and may refuse to.
type counting struct {
	objstore.Store
	mu    sync.Mutex
	gets  map[string]int
	never map[string]error
}

func (c *counting) Get(ctx context.Context, uri, etag string, r objstore.Range) (io.ReadCloser, error) {
	c.mu.Lock()
	c.gets[objstore.Base(uri)]++
	err := c.never[uri]
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return c.Store.Get(ctx, uri, etag, r)
}

func newStore(t *testing.T) *counting {
	return &counting{Store: objstore.Open(t.Context(), objstore.Config{}), gets: map[string]int{}, never: map[string]error{}}
}

// change is what becomes of the results of a sub-tile before they are written.
type change func(s *results.Shear, sources *[]results.Source)

// runOf is a run of tiles of four sub-tiles with five sources each, as workflows
// record it, with the directories that it names below base.
func runOf(t *testing.T, store objstore.Store, base string, tiles []int64, changes map[sky.SubTileID]change) *survey.Run {
	t.Helper()
	run := &survey.Run{RunID: "r", ConfigID: "c"}
	for k, id := range tiles {
		tile := survey.RunTile{TileID: id, Plan: "p"}
		for _, s := range grid.SubTiles(sky.Tile{ID: id, Centre: sky.Coord{RA: 359.9 + float64(k), Dec: -28}}) {
			o := survey.Outcome{SubTileID: s.ID(), Status: survey.StatusOK, Directory: survey.SubTileURI(base, s.ID())}
			m := &manifest.Manifest{TileID: id, Row: s.Row, Col: s.Col, ConfigID: "c", Plan: "p", FormatVersion: manifest.FormatVersion, Centre: [2]float64{s.Centre().RA, s.Centre().Dec},
				Quadrants: []manifest.Quadrant{{SCI: "a", RMS: "a", FLG: "a", BKG: "b", PSF: "p", Quadrant: "1-1.E", Obs: "000001", Dither: "00", CCD: "1"}}}
			for _, c := range s.Core.Corners() {
				p := s.Tile.Plane().Deproject(c)
				m.CorePolygon = append(m.CorePolygon, [2]float64{p.RA, p.Dec})
			}
			row := results.Shear{TileID: id, Row: int32(s.Row), Col: int32(s.Col), RA: m.Centre[0], Dec: m.Centre[1], G1: new(float32(0.25)), G2: new(float32(-0.1)), G1Err: new(float32(0.1)),
				NSources: 5, Method: "mock", Status: survey.StatusOK}
			var sources []results.Source
			for i := range 5 {
				src := results.Source{TileID: id, Row: row.Row, Col: row.Col, ObjectID: id*1000 + int64(s.Row*20+s.Col*10+i), RA: row.RA, Dec: row.Dec + float64(i)*1e-3, NExposures: 4, FluxErr: new(float32(1))}
				if i%2 == 0 {
					src.Flux = new(float32(i))
				}
				sources, m.Core = append(sources, src), append(m.Core, src.ObjectID)
			}
			slices.Reverse(sources)
			m.Sources = m.Core
			put(t, store, o.Directory+"/"+survey.LocalManifestFile, func(b *bytes.Buffer) error { return manifest.Write(b, m) })
			if c := changes[s.ID()]; c != nil {
				c(&row, &sources)
			}
			o.Shear = written(t, store, survey.ResultsURI(o.Directory, survey.ShearFile), func(b *bytes.Buffer) error { return results.WriteShear(b, []results.Shear{row}) })
			o.Sources = written(t, store, survey.ResultsURI(o.Directory, survey.SourcesFile), func(b *bytes.Buffer) error { return results.WriteSources(b, sources) })
			put(t, store, survey.ResultsURI(o.Directory, survey.SummaryFile), func(b *bytes.Buffer) error { b.WriteString(`{"config_id": "c", "plan": "p"}`); return nil })
			tile.SubTiles = append(tile.SubTiles, survey.RunSubTile{RA: m.Centre[0], Dec: m.Centre[1], Quadrants: 1, Extended: 5, CoreSources: 5, Outcome: o})
		}
		run.Tiles = append(run.Tiles, tile)
	}
	return run
}

// written is a file whose checksum is known, too.
func written(t *testing.T, store objstore.Store, uri string, write func(*bytes.Buffer) error) survey.File {
	t.Helper()
	var b bytes.Buffer
	f := put(t, store, uri, func(w *bytes.Buffer) error { err := write(w); b = *bytes.NewBuffer(w.Bytes()); return err })
	sum := sha256.Sum256(b.Bytes())
	f.SHA256 = hex.EncodeToString(sum[:])
	return f
}

func tables(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(t.Context(), settings.Catalog{Warehouse: t.TempDir() + "/warehouse", Namespace: "shear", Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func assembled(t *testing.T, store objstore.Store, c *catalog.Catalog, run *survey.Run) assemble.Total {
	t.Helper()
	total, err := assemble.Commit(t.Context(), store, c, run, assemble.Terms{}, t.TempDir()+"/"+survey.RunFile)
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// sourcesIn counts the source rows of each sub-tile, and holds them to what runOf wrote.
func sourcesIn(t *testing.T, c *catalog.Catalog) map[sky.SubTileID]int {
	t.Helper()
	n := map[sky.SubTileID]int{}
	for s, err := range c.Sources(t.Context(), catalog.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		i := int(s.ObjectID % 10)
		if n[s.ID()]++; (s.Flux != nil) != (i%2 == 0) || s.Flux != nil && *s.Flux != float32(i) || *s.FluxErr != 1 || s.HLR != nil || s.NExposures != 4 || s.RunID != "r" || s.ConfigID != "c" {
			t.Errorf("%+v", s)
		}
	}
	return n
}

// TestFilesAreReadOnce: each file is read once, and none where nothing is new;
// that of one tile that changed, and of its commit.
func TestFilesAreReadOnce(t *testing.T) {
	store, c, base := newStore(t), tables(t), t.TempDir()
	run := runOf(t, store, base, []int64{9, 7, 8}, nil) // in any order
	if total := assembled(t, store, c, run); total.ShearRows != 12 || total.SourceRows != 60 || total.Commits != 1 || total.Unchanged != 0 || len(total.Measured) != 12 {
		t.Errorf("%+v", total)
	}
	for id, n := range sourcesIn(t, c) {
		if n != 5 {
			t.Errorf("%v has %d sources", id, n)
		}
	}
	for _, name := range []string{survey.ShearFile, survey.SourcesFile, survey.LocalManifestFile} {
		if n := store.gets[name]; n != 12 {
			t.Errorf("%s was read %d times for 12 sub-tiles", name, n)
		}
	}
	clear(store.gets)
	if total := assembled(t, store, c, run); !total.AllUnchanged() || total.ShearRows != 12 || total.SourceRows != 60 || len(store.gets) != 0 {
		t.Errorf("again: %+v, read %v", total, store.gets)
	}
	// Another status is other rows, though the files are the same; so are other bytes.
	other := runOf(t, store, base, []int64{9, 7, 8}, map[sky.SubTileID]change{sky.ID(8, 0, 1): func(s *results.Shear, _ *[]results.Source) { s.G1 = new(float32(0.5)) }})
	clear(store.gets)
	if total := assembled(t, store, c, other); total.AllUnchanged() || store.gets[survey.SourcesFile] != 12 || total.SourceRows != 60 {
		t.Errorf("other bytes: %+v, read %v", total, store.gets)
	}
	// Bytes that aren't those that inference wrote are found when they are read.
	if total := assembled(t, store, tables(t), run); total.SourceRows != 55 || run.Counts()[survey.StatusFailed] != 1 || !strings.Contains(run.Tiles[2].SubTiles[1].Reason, "not what inference wrote") {
		t.Errorf("overwritten: %+v, %+v", total, run.Tiles[2].SubTiles[1])
	}
}

// TestBadRows: each wrong value fails its sub-tile, named by column and row, and no other.
func TestBadRows(t *testing.T) {
	bad := sky.ID(7, 1, 0)
	for name, tc := range map[string]struct {
		change change
		says   []string
	}{
		"a shear of one":         {func(s *results.Shear, _ *[]results.Source) { s.G2 = new(float32(1)) }, []string{survey.ShearFile, "G1 and G2, row 0"}},
		"an error of nothing":    {func(s *results.Shear, _ *[]results.Source) { s.G1Err = new(float32) }, []string{survey.ShearFile, "G1_ERR, row 0"}},
		"an error without end":   {func(s *results.Shear, _ *[]results.Source) { s.G1Err = new(float32(math.Inf(1))) }, []string{survey.ShearFile, "G1_ERR, row 0"}},
		"no status":              {func(s *results.Shear, _ *[]results.Source) { s.Status = "done" }, []string{survey.ShearFile, "STATUS", "row 0"}},
		"no method":              {func(s *results.Shear, _ *[]results.Source) { s.Method = "guess" }, []string{survey.ShearFile, "METHOD, row 0"}},
		"two arc seconds off":    {func(s *results.Shear, _ *[]results.Source) { s.Dec += 2. / 3600 }, []string{survey.ShearFile, "RA and DEC, row 0"}},
		"a source outside":       {func(_ *results.Shear, s *[]results.Source) { (*s)[2].Dec += 8.1 / 60 }, []string{survey.SourcesFile, "RA and DEC, row 2"}},
		"a source's error":       {func(_ *results.Shear, s *[]results.Source) { (*s)[3].FluxErr = new(float32(-1)) }, []string{survey.SourcesFile, "FLUX_ERR, row 3"}},
		"another tile's source":  {func(_ *results.Shear, s *[]results.Source) { (*s)[1].TileID = 8 }, []string{survey.SourcesFile, "TILE_ID, row 1"}},
		"no core source":         {func(_ *results.Shear, s *[]results.Source) { (*s)[4].ObjectID = 5 }, []string{survey.SourcesFile, "OBJECT_ID, row 4"}},
		"a source twice":         {func(_ *results.Shear, s *[]results.Source) { *s = append(*s, (*s)[1]) }, []string{survey.SourcesFile, "row 5", "twice"}},
		"other sources counted":  {func(s *results.Shear, _ *[]results.Source) { s.NSources = 4 }, []string{survey.ShearFile, "N_SOURCES, row 0"}},
		"flags that don't count": {func(_ *results.Shear, s *[]results.Source) { (*s)[0].Flags = 1 }, []string{survey.ShearFile, "N_SOURCES, row 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			store, c := newStore(t), tables(t)
			run := runOf(t, store, t.TempDir(), []int64{7, 8}, map[sky.SubTileID]change{bad: tc.change})
			if total := assembled(t, store, c, run); total.ShearRows != 8 || total.SourceRows != 35 || run.Counts()[survey.StatusFailed] != 1 {
				t.Errorf("%+v, %v", total, run.Counts())
			}
			is := run.Tiles[0].SubTiles[2]
			for _, says := range tc.says {
				if is.SubTileID != bad || is.Shear.URI != "" || !strings.Contains(is.Reason, says) {
					t.Errorf("%+v, want %q", is, says)
				}
			}
			if n := sourcesIn(t, c); n[bad] != 0 || len(n) != 7 {
				t.Errorf("sources %v", n)
			}
		})
	}
	// What is a little off, or flagged and not counted, is fine.
	store, c := newStore(t), tables(t)
	run := runOf(t, store, t.TempDir(), []int64{7}, map[sky.SubTileID]change{bad: func(s *results.Shear, src *[]results.Source) {
		s.Dec += 0.9 / 3600
		s.NSources, (*src)[2].Flags = 4, 8
	}})
	if total := assembled(t, store, c, run); total.SourceRows != 20 || run.Counts()[survey.StatusOK] != 4 {
		t.Errorf("%+v, %v: %s", total, run.Counts(), run.Tiles[0].SubTiles[2].Reason)
	}
}

// TestBadFiles: files that can't be used fail their sub-tile, and the others are committed.
func TestBadFiles(t *testing.T) {
	for name, spoil := range map[string]func(f *survey.File, other survey.File) error{
		"gone":    func(f *survey.File, _ survey.File) error { return os.Remove(f.URI) },
		"cut":     func(f *survey.File, _ survey.File) error { f.SHA256 = ""; return os.Truncate(f.URI, f.Size-100) },
		"changed": func(f *survey.File, _ survey.File) error { f.SHA256 = strings.Repeat("0", 64); return nil },
		"foreign": func(f *survey.File, other survey.File) error { *f = other; return nil },
	} {
		for _, file := range []string{survey.ShearFile, survey.SourcesFile} {
			t.Run(name+" "+file, func(t *testing.T) {
				store, c := newStore(t), tables(t)
				run := runOf(t, store, t.TempDir(), []int64{7}, nil)
				subs := run.Tiles[0].SubTiles
				f, other := &subs[1].Shear, subs[2].Shear
				if file == survey.SourcesFile {
					f, other = &subs[1].Sources, subs[2].Sources
				}
				if err := spoil(f, other); err != nil {
					t.Fatal(err)
				}
				uri := f.URI
				total := assembled(t, store, c, run)
				if s := subs[1]; s.Status != survey.StatusFailed || !strings.Contains(s.Reason, uri) || s.Shear != (survey.File{}) || s.Sources != (survey.File{}) || s.Directory == "" {
					t.Errorf("%+v", s)
				}
				if total.ShearRows != 4 || total.SourceRows != 15 || run.Counts()[survey.StatusOK] != 3 {
					t.Errorf("%+v, %v", total, run.Counts())
				}
			})
		}
	}
	store := newStore(t)
	run := runOf(t, store, t.TempDir(), []int64{7}, nil)
	run.Tiles[0].SubTiles[0].Shear = survey.File{}
	if assembled(t, store, tables(t), run); run.Counts()[survey.StatusFailed] != 1 {
		t.Errorf("an outcome that is ok without results: %+v", run.Tiles[0].SubTiles[0])
	}
	run.Tiles[0].SubTiles[1].SubTileID = run.Tiles[0].SubTiles[2].SubTileID
	if _, err := assemble.Commit(t.Context(), store, tables(t), run, assemble.Terms{}, t.TempDir()+"/run.json"); fault.CodeOf(err) != catalog.CodeBatch {
		t.Errorf("two outcomes of one sub-tile: %v", err)
	}
}

// TestOthersErrors: what says nothing about the file ends the assembly, for a retry or a person.
func TestOthersErrors(t *testing.T) {
	for _, want := range []error{
		fault.Passing(objstore.Throttled, "slow down"), fault.Input(objstore.AccessDenied, "no"), fault.Input(objstore.BucketNotFound, "no bucket"),
		errors.New("unheard of"), context.Canceled,
	} {
		for _, sources := range []bool{false, true} {
			store, c := newStore(t), tables(t)
			run := runOf(t, store, t.TempDir(), []int64{7, 8}, nil)
			uri := run.Tiles[0].SubTiles[0].Shear.URI
			if sources {
				uri = run.Tiles[1].SubTiles[3].Sources.URI
			}
			store.never[uri] = want
			record := t.TempDir() + "/run.json"
			if _, err := assemble.Commit(t.Context(), store, c, run, assemble.Terms{}, record); !errors.Is(err, want) || run.Counts()[survey.StatusOK] != 8 {
				t.Errorf("%v: %v, %v", want, err, run.Counts())
			}
			if n := sourcesIn(t, c); len(n) != 0 {
				t.Errorf("%v: %v", want, n)
			}
			// Once it has passed, all is there.
			delete(store.never, uri)
			if total := assembled(t, store, c, run); total.SourceRows != 40 {
				t.Errorf("%v: %+v", want, total)
			}
		}
	}
}

// TestByHandAgain: what was assembled by hand is not read again until it is another
// object, and then it is.
func TestByHandAgain(t *testing.T) {
	store, c, base := newStore(t), tables(t), t.TempDir()
	runOf(t, store, base, []int64{7, 8}, nil)
	byHand := func() (assemble.Total, *survey.Run) {
		t.Helper()
		clear(store.gets)
		run, err := assemble.FromDirectories(t.Context(), store, "r", "c", base, grid)
		if err != nil {
			t.Fatal(err)
		}
		total, err := assemble.Commit(t.Context(), store, c, run, assemble.Terms{}, survey.RunURI(base))
		if err != nil {
			t.Fatal(err)
		}
		return total, run
	}
	for i, reads := range []int{8, 0, 0} {
		total, run := byHand()
		if total.SourceRows != 40 || total.AllUnchanged() != (reads == 0) || store.gets[survey.SourcesFile] != reads || store.gets[survey.ShearFile] != reads || run.Counts()[survey.StatusOK] != 8 {
			t.Errorf("time %d: %+v, read %v", i, total, store.gets)
		}
	}
	runOf(t, store, base, []int64{7, 8}, map[sky.SubTileID]change{sky.ID(7, 0, 0): func(s *results.Shear, _ *[]results.Source) { s.G1 = new(float32(0.26)) }})
	if total, run := byHand(); total.AllUnchanged() || run.Counts()[survey.StatusOK] != 8 {
		t.Errorf("inferred again: %+v, %v", total, run.Counts())
	}
	for r, err := range c.Rows(t.Context(), catalog.Filter{}) {
		if want := map[bool]float32{true: 0.26, false: 0.25}[r.ID() == sky.ID(7, 0, 0)]; err != nil || *r.G1 != want {
			t.Errorf("%+v, %v", r, err)
		}
	}
	// The same files under a record of a workflow are the same rows.
	again := runOf(t, store, t.TempDir(), []int64{7, 8}, map[sky.SubTileID]change{sky.ID(7, 0, 0): func(s *results.Shear, _ *[]results.Source) { s.G1 = new(float32(0.26)) }})
	clear(store.gets)
	if total := assembled(t, store, c, again); !total.AllUnchanged() || store.gets[survey.SourcesFile] != 0 {
		t.Errorf("a workflow's: %+v, read %v", total, store.gets)
	}
	// And the other way round: read once to know them, and nothing is committed.
	if err := os.Remove(survey.RunURI(base)); err != nil {
		t.Fatal(err)
	}
	if total, _ := byHand(); !total.AllUnchanged() || store.gets[survey.SourcesFile] != 8 {
		t.Errorf("without a record: %+v, read %v", total, store.gets)
	}
}

// TestMissingDirectories: what the grid has and no directory is there of has failed,
// at its place on the sky.
func TestMissingDirectories(t *testing.T) {
	store, c, base := newStore(t), tables(t), t.TempDir()
	whole := runOf(t, store, base, []int64{7, 8}, nil)
	gone := whole.Tiles[1].SubTiles[3]
	if err := os.RemoveAll(gone.Directory); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and a record of that is no obstacle
		run, err := assemble.FromDirectories(t.Context(), store, "r", "c", base, grid)
		if err != nil {
			t.Fatal(err)
		}
		is := run.Tiles[1].SubTiles[3]
		if is.SubTileID != gone.SubTileID || is.Status != survey.StatusFailed || !strings.Contains(is.Reason, gone.Directory) || math.Abs(is.RA-gone.RA) > 1e-9 || math.Abs(is.Dec-gone.Dec) > 1e-9 {
			t.Errorf("%+v, want %+v", is, gone)
		}
		total, err := assemble.Commit(t.Context(), store, c, run, assemble.Terms{}, survey.RunURI(base))
		if err != nil || total.ShearRows != 8 || total.SourceRows != 35 {
			t.Errorf("%+v, %v", total, err)
		}
	}
	// Once it is there, it counts.
	runOf(t, store, base, []int64{7, 8}, nil)
	if run, err := assemble.FromDirectories(t.Context(), store, "r", "c", base, grid); err != nil || run.Counts()[survey.StatusOK] != 8 {
		t.Errorf("%v", err)
	}
	for name, other := range map[string]sky.Grid{"smaller": {Shape: settings.Shape{Rows: 1, Cols: 1}, TileArcmin: 32}, "larger": {Shape: settings.Shape{Rows: 4, Cols: 4}, TileArcmin: 32}} {
		if _, err := assemble.FromDirectories(t.Context(), store, "r", "c", base, other); fault.CodeOf(err) != assemble.CodeConfig || !strings.Contains(err.Error(), fmt.Sprintf("%d x %d", other.Rows, other.Cols)) {
			t.Errorf("a %s grid: %v", name, err)
		}
	}
}
