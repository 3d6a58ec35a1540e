package clean_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/await"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/clean"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

func TestMain(m *testing.M) { os.Exit(s3test.Main(m)) }

// each runs a test on a directory and on a bucket.
func each(t *testing.T, test func(t *testing.T, m *objstore.Mux, base string)) {
	t.Run("directory", func(t *testing.T) { test(t, objstore.Open(t.Context(), objstore.Config{}), t.TempDir()) })
	t.Run("bucket", func(t *testing.T) {
		server := s3test.Start(t)
		server.Bucket(t, "bucket")
		server.Setenv(t)
		test(t, objstore.Open(t.Context(), objstore.Config{}), "s3://bucket/base")
	})
}

func write(t *testing.T, m *objstore.Mux, base string, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if _, err := objstore.WriteFile(t.Context(), m, objstore.Join(base, p), []byte("12345")); err != nil {
			t.Fatal(err)
		}
	}
}

func holds(t *testing.T, m *objstore.Mux, base string, want ...string) {
	t.Helper()
	var got []string
	err := m.List(t.Context(), base+"/", func(i objstore.Info) error {
		rel, err := objstore.Rel(base, i.URI)
		got = append(got, rel)
		return err
	})
	slices.Sort(want)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("left: %v, want %v (%v)", got, want, err)
	}
}

func counts(t *testing.T, p *clean.Plan, k clean.Kind, places, objects int, bytes int64) {
	t.Helper()
	if c := p.Count(k); c.Places != places || c.Objects != objects || c.Bytes != bytes {
		t.Errorf("%s: %+v, want %d places, %d objects, %d bytes", k, c, places, objects, bytes)
	}
}

func later() time.Time { return time.Now().Add(time.Minute) }

func TestIncomplete(t *testing.T) {
	each(t, func(t *testing.T, m *objstore.Mux, base string) {
		keep := []string{
			"run/1/0_0/manifest_local.yaml", "run/1/0_0/exposures/a.fits", "run/1/0_0/results/shear.parquet",
			"run/run.json", "warehouse/shear/1/data/x.parquet", "run/notes.txt", "other/1/0_0/manifest_local.yaml",
		}
		write(t, m, base, keep...)
		write(t, m, base, "run/1/0_0/.results-77/shear.parquet", "run/1/0_1/exposures/a_sci.fits", "run/1/0_1/manifest.yaml", "run/2/0_0/psf/a_psf.fits")
		write(t, m, base, "other/1/0_1/psf/a_psf.fits")
		young := clean.NewPlan(base)
		if err := young.FindIncompleteOfAll(t.Context(), m, base, time.Now().Add(-time.Hour)); err != nil || !young.Empty() {
			t.Errorf("what is young can go: %+v, %v", young, err)
		}
		one := clean.NewPlan(base + "/run")
		if err := one.FindIncomplete(t.Context(), m, base+"/run", later()); err != nil {
			t.Fatal(err)
		}
		counts(t, one, clean.Incomplete, 3, 4, 20)
		if n, err := one.Remove(t.Context(), m); n != 4 || err != nil {
			t.Errorf("%d removed, %v", n, err)
		}
		holds(t, m, base, append(keep, "other/1/0_1/psf/a_psf.fits")...)
		if n, err := one.Remove(t.Context(), m); n != 4 || err != nil {
			t.Errorf("again: %d removed, %v", n, err)
		}
		all := clean.NewPlan(base)
		if err := all.FindIncompleteOfAll(t.Context(), m, base, later()); err != nil {
			t.Fatal(err)
		}
		counts(t, all, clean.Incomplete, 1, 1, 5)
		if _, err := all.Remove(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		holds(t, m, base, keep...)
		if !strings.HasPrefix(base, "s3://") {
			if _, err := os.Stat(filepath.Join(base, "run", "2", "0_0")); !os.IsNotExist(err) {
				t.Errorf("an empty directory is left: %v", err)
			}
		}
	})
}

func TestUploads(t *testing.T) {
	each(t, func(t *testing.T, m *objstore.Mux, base string) {
		for _, place := range []string{"run/x", "run2/y"} { // neither committed nor aborted, as of a process that died
			u, err := m.Create(t.Context(), objstore.Join(base, place))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := u.Write(make([]byte, 20<<20)); err != nil {
				t.Fatal(err)
			}
		}
		find := func(base string, before time.Time) *clean.Plan {
			p := clean.NewPlan(base)
			if err := p.FindUploads(t.Context(), m, before); err != nil {
				t.Fatal(err)
			}
			return p
		}
		await.Until(t, "three parts of each upload are there", func() bool { // sent behind the writer's back; the last one waits for what follows
			return find(base, later()).Count(clean.Uploads).Bytes >= 30<<20
		})
		p := find(base+"/run", later())
		if p := find(base, time.Now().Add(-time.Hour)); !p.Empty() {
			t.Error("a young upload can go")
		}
		if c := p.Count(clean.Uploads); c.Objects != 1 || c.Bytes < 15<<20 || !strings.HasPrefix(c.Example, base+"/run/") {
			t.Errorf("found %+v", c)
		}
		if n, err := p.Remove(t.Context(), m); n != 1 || err != nil {
			t.Errorf("%d removed, %v", n, err)
		}
		if n, err := p.Remove(t.Context(), m); n != 1 || err != nil {
			t.Errorf("again: %d removed, %v", n, err)
		}
		if p := find(base, later()); p.Count(clean.Uploads).Objects != 1 {
			t.Errorf("the neighbour's upload: %+v", p.Count(clean.Uploads))
		}
	})
}

func TestScratch(t *testing.T) {
	each(t, func(t *testing.T, m *objstore.Mux, base string) {
		keep := []string{"won/n0/data/inputs.pb", "won/end/data/0/outputs.pb", "logs/lost/n0.log", "file"}
		write(t, m, base, keep...)
		write(t, m, base, "lost/n0/data/inputs.pb", "lost/n0/data/0/deck.html", "gone/n0/data/inputs.pb")
		p := clean.NewPlan(base + "/lost")
		if err := p.FindScratch(t.Context(), m, base, "lost", "end/data/0/outputs.pb", later()); err != nil {
			t.Fatal(err)
		}
		counts(t, p, clean.Scratch, 1, 2, 10)
		if p := clean.NewPlan(base); p.FindScratch(t.Context(), m, base, "won", "end/data/0/outputs.pb", later()) != nil || !p.Empty() {
			t.Error("the scratch of an execution that succeeded can go")
		}
		p = clean.NewPlan(base)
		if err := p.FindScratch(t.Context(), m, base, "", "end/data/0/outputs.pb", later()); err != nil {
			t.Fatal(err)
		}
		counts(t, p, clean.Scratch, 2, 3, 15)
		if _, err := p.Remove(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		holds(t, m, base, keep...)
	})
}

func run(base string, status ...string) *survey.Run {
	r := &survey.Run{RunID: "run"}
	for i, s := range status {
		r.Tiles = append(r.Tiles, survey.RunTile{TileID: int64(i + 1), SubTiles: []survey.RunSubTile{
			{Outcome: survey.Outcome{SubTileID: sky.ID(int64(i+1), 0, 0), Status: survey.StatusOK, Directory: objstore.Join(base, fmt.Sprint(i+1), "0_0")}},
			{Outcome: survey.Outcome{SubTileID: sky.ID(int64(i+1), 0, 1), Status: s, Directory: objstore.Join(base, fmt.Sprint(i+1), "0_1")}},
		}})
	}
	return r
}

// complete writes a sub-tile's manifest that names some files, and these.
func complete(t *testing.T, m *objstore.Mux, dir string, files ...string) {
	t.Helper()
	described := &manifest.Manifest{TileID: 1, Catalog: survey.CatalogFile, Bounds: manifest.Bounds{
		CoreRA: [2]float64{1, 2}, CoreDec: [2]float64{1, 2}, ExtendedRA: [2]float64{1, 2}, ExtendedDec: [2]float64{1, 2}}}
	for _, f := range files {
		described.Files = append(described.Files, manifest.Product{Path: f, Size: 5, SHA256: strings.Repeat("0", 64)})
	}
	var text bytes.Buffer
	if err := manifest.Write(&text, described); err != nil {
		t.Fatal(err)
	}
	if _, err := objstore.WriteFile(t.Context(), m, objstore.Join(dir, survey.LocalManifestFile), text.Bytes()); err != nil {
		t.Fatal(err)
	}
	write(t, m, dir, files...)
}

func TestPixels(t *testing.T) {
	each(t, func(t *testing.T, m *objstore.Mux, base string) {
		complete(t, m, base+"/1/0_0", "catalog.fits", "exposures/a.fits", "psf/a.fits")
		complete(t, m, base+"/1/0_1", "psf/b.fits")
		complete(t, m, base+"/2/0_0", "exposures/a.fits")
		complete(t, m, base+"/2/0_1", "psf/a.fits")
		write(t, m, base, "1/0_0/exposures/notes.txt", "1/0_0/exposures/mine.fits", "1/0_1/results/shear.parquet")
		keep := []string{
			"1/0_0/manifest_local.yaml", "1/0_0/catalog.fits", "1/0_0/exposures/notes.txt", "1/0_0/exposures/mine.fits",
			"1/0_1/manifest_local.yaml", "1/0_1/results/shear.parquet", "2/0_0/manifest_local.yaml", "2/0_0/exposures/a.fits",
			"2/0_1/manifest_local.yaml", "2/0_1/psf/a.fits",
		}
		find := func() *clean.Plan {
			p := clean.NewPlan(base)
			if err := p.FindPixels(t.Context(), m, run(base, survey.StatusOK, survey.StatusFailed)); err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := find()
		counts(t, p, clean.Pixels, 3, 3, 15)
		if _, err := p.Remove(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		keep = append(keep, "1/0_0/pixels_dropped.json", "1/0_1/pixels_dropped.json")
		holds(t, m, base, keep...)
		said := func(dir string) (d manifest.Dropped) {
			text, err := objstore.ReadFile(t.Context(), m, objstore.Join(base, dir, survey.DroppedFile))
			if err == nil {
				err = json.Unmarshal(text, &d)
			}
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		if d := said("1/0_0"); d.Run != "run" || !slices.Equal(d.Files, []string{"exposures/a.fits", "psf/a.fits"}) || d.Bytes != 10 {
			t.Errorf("the mark says %+v", d)
		}
		if p := find(); !p.Empty() {
			t.Error("something is left to drop")
		}
		// A removal that broke off goes on, and the mark still says all.
		write(t, m, base, "1/0_0/psf/a.fits")
		if _, err := find().Remove(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		holds(t, m, base, keep...)
		if d := said("1/0_0"); len(d.Files) != 2 || d.Bytes != 10 {
			t.Errorf("the mark says %+v", d)
		}
	})
}

// What a link leads to is somebody else's, and so is a directory that holds one.
func TestLinks(t *testing.T) {
	m, dir := objstore.Open(t.Context(), objstore.Config{}), t.TempDir()
	base, elsewhere := filepath.Join(dir, "storage"), filepath.Join(dir, "elsewhere")
	write(t, m, elsewhere, "a_sci.fits", "run/1/0_0/exposures/a_sci.fits")
	complete(t, m, filepath.Join(base, "run/1/0_0"), "exposures/a.fits", "psf/a.fits", "psf/b.fits")
	write(t, m, base, "run/1/0_2/manifest.yaml", "run/1/0_3/manifest.yaml", "run/1/0_4/manifest.yaml")
	link := func(to, from string) {
		t.Helper()
		from = filepath.Join(base, from)
		if err := errors.Join(os.RemoveAll(from), os.MkdirAll(filepath.Dir(from), 0o777), os.Symlink(to, from)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, m, elsewhere, "exposures/a.fits", "psf/b.fits")
	link(filepath.Join(elsewhere, "exposures"), "run/1/0_0/exposures")       // of pixels
	link(filepath.Join(elsewhere, "psf/b.fits"), "run/1/0_0/psf/b.fits")     // one file of them
	link(elsewhere, "run/1/0_2/exposures")                                   // in a directory that can go
	link(filepath.Join(elsewhere, "a_sci.fits"), "run/1/0_3/psf/a_psf.fits") // one file of it
	link(filepath.Join(elsewhere, "run"), "run2")                            // a run
	complete(t, m, filepath.Join(elsewhere, "0_1"), "psf/c.fits")
	link(filepath.Join(elsewhere, "0_1"), "run/1/0_1") // a measured sub-tile
	p := clean.NewPlan(base)
	err := errors.Join(p.FindIncompleteOfAll(t.Context(), m, base, later()),
		p.FindPixels(t.Context(), m, run(filepath.Join(base, "run"), survey.StatusOK)))
	if err != nil {
		t.Fatal(err)
	}
	counts(t, p, clean.Incomplete, 1, 1, 5)
	counts(t, p, clean.Pixels, 1, 1, 5)
	kept(t, p, base, "run/1/0_2/ exposures", "run/1/0_3/ psf/a_psf.fits")
	if _, err := p.Remove(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	holds(t, m, elsewhere, "0_1/manifest_local.yaml", "0_1/psf/c.fits", "a_sci.fits", "exposures/a.fits", "psf/b.fits", "run/1/0_0/exposures/a_sci.fits")
	for _, gone := range []string{"run/1/0_4", "run/1/0_0/psf/a.fits"} {
		if _, err := os.Lstat(filepath.Join(base, gone)); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", gone, err)
		}
	}
	for _, left := range []string{"run2", "run/1/0_0/exposures", "run/1/0_0/psf/b.fits", "run/1/0_2/exposures", "run/1/0_3/psf/a_psf.fits"} {
		if _, err := os.Lstat(filepath.Join(base, left)); err != nil {
			t.Errorf("%s: %v", left, err)
		}
	}
}

// A record that names directories elsewhere removes nothing there.
func TestOutside(t *testing.T) {
	each(t, func(t *testing.T, m *objstore.Mux, base string) {
		complete(t, m, base+"/mine/1/0_0", "psf/a.fits")
		complete(t, m, base+"/mine2/1/0_0", "psf/a.fits")
		p := clean.NewPlan(base + "/mine")
		if err := p.FindPixels(t.Context(), m, run(base+"/mine2", survey.StatusOK)); err != nil || !p.Empty() || p.Others() != 2 {
			t.Errorf("%d sub-tiles of others, %v", p.Others(), err)
		}
		// What leaves the base by a detour is no earlier run's.
		err := p.FindPixels(t.Context(), m, run(base+"/mine/../mine2", survey.StatusOK))
		if fault.CodeOf(err) != "OutsideBase" {
			t.Errorf("%v", err)
		}
		if _, err := p.Remove(t.Context(), m); err != nil {
			t.Error(err)
		}
		holds(t, m, base, "mine/1/0_0/manifest_local.yaml", "mine/1/0_0/psf/a.fits", "mine2/1/0_0/manifest_local.yaml", "mine2/1/0_0/psf/a.fits")
	})
}
