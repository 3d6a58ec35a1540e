package clean_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/clean"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/objstore/s3test"
	"github.com/cosmostat/constellation/pkg/results"
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
			for range 50 { // parts are sent behind the writer's back
				p = clean.NewPlan(base)
				if err := p.FindUploads(t.Context(), m, before); err != nil {
					t.Fatal(err)
				}
				if p.Count(clean.Uploads).Bytes >= 15<<20 { // three parts: the last one waits for what follows
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			return p
		}
		if p := find(base, time.Now().Add(-time.Hour)); !p.Empty() {
			t.Error("a young upload can go")
		}
		p := find(base+"/run", later())
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
			{Outcome: results.Outcome{TileID: int64(i + 1), Status: results.OK, Directory: objstore.Join(base, fmt.Sprint(i+1), "0_0")}},
			{Outcome: results.Outcome{TileID: int64(i + 1), Col: 1, Status: s, Directory: objstore.Join(base, fmt.Sprint(i+1), "0_1")}},
		}})
	}
	return r
}

func TestPixels(t *testing.T) {
	each(t, func(t *testing.T, m *objstore.Mux, base string) {
		keep := []string{"1/0_0/manifest_local.yaml", "1/0_0/catalog.fits", "1/0_0/exposures/notes.txt", "1/0_1/results/shear.parquet", "2/0_0/exposures/a.fits", "2/0_1/psf/a.fits"}
		write(t, m, base, keep...)
		write(t, m, base, "1/0_0/exposures/a.fits", "1/0_0/psf/a.fits", "1/0_1/psf/b.fits")
		p := clean.NewPlan(base)
		if err := p.FindPixels(t.Context(), m, run(base, results.OK, results.Failed)); err != nil {
			t.Fatal(err)
		}
		counts(t, p, clean.Pixels, 3, 3, 15)
		if _, err := p.Remove(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		holds(t, m, base, keep...)
	})
}

// A record that names directories elsewhere removes nothing there.
func TestOutside(t *testing.T) {
	each(t, func(t *testing.T, m *objstore.Mux, base string) {
		write(t, m, base, "mine/1/0_0/psf/a.fits", "mine2/1/0_0/psf/a.fits")
		p := clean.NewPlan(base + "/mine")
		err := p.FindPixels(t.Context(), m, run(base+"/mine2", results.OK))
		if fault.CodeOf(err) != "OutsideBase" || !strings.Contains(err.Error(), "mine2/1/0_0/psf/a.fits") {
			t.Errorf("%v", err)
		}
		if _, err := p.Remove(t.Context(), m); err != nil {
			t.Error(err)
		}
		holds(t, m, base, "mine/1/0_0/psf/a.fits", "mine2/1/0_0/psf/a.fits")
	})
}
