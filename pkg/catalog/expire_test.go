package catalog_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// site is a catalogue whose warehouse is a directory, or a bucket on a server
// that keeps it in a directory.
type site struct {
	settings.Catalog
	dir   string // the tables' namespace
	store *objstore.Mux
}

func eachSite(t *testing.T, test func(t *testing.T, s site)) {
	t.Run("directory", func(t *testing.T) {
		catalogtest.Databases(t, func(t *testing.T, s settings.Catalog) {
			test(t, site{s, filepath.Join(s.Warehouse, "shear"), objstore.Open(t.Context(), objstore.Config{})})
		})
	})
	t.Run("bucket", func(t *testing.T) {
		server := s3test.Start(t)
		server.Setenv(t)
		server.Bucket(t, "warehouse")
		s := settings.Catalog{Warehouse: "s3://warehouse/euclid", URI: "sqlite://" + filepath.Join(t.TempDir(), "catalog.db"), Namespace: "shear", Table: "edff_shear"}
		test(t, site{s, filepath.Join(server.Dir, "warehouse", "euclid", "shear"), objstore.Open(t.Context(), objstore.Config{})})
	})
}

// plan finds what can go and holds it to what is expected.
func (s site) plan(t *testing.T, c *catalog.Catalog, r catalog.Retention) *catalog.Expiry {
	t.Helper()
	x, err := c.PlanExpiry(t.Context(), s.store, r)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (s site) expire(t *testing.T, c *catalog.Catalog, x *catalog.Expiry) catalog.Expired {
	t.Helper()
	done, err := c.Expire(t.Context(), s.store, x)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// files are the paths below the namespace, hidden ones aside.
func (s site) files(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasPrefix(d.Name(), ".") {
			rel, _ := filepath.Rel(s.dir, path)
			paths = append(paths, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func (s site) write(t *testing.T, rel string) {
	t.Helper()
	path := filepath.Join(s.dir, rel)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("12345"), 0o666); err != nil {
		t.Fatal(err)
	}
}

// age makes a file older than the floor under what nothing names.
func (s site) age(t *testing.T, rel string) {
	t.Helper()
	old := time.Now().Add(-catalog.Floor - time.Hour)
	if err := os.Chtimes(filepath.Join(s.dir, rel), old, old); err != nil {
		t.Fatal(err)
	}
}

// tick lets times of S3, which have no fractions, tell what was from what comes.
func tick() time.Time {
	time.Sleep(1100 * time.Millisecond)
	now := time.Now()
	time.Sleep(1100 * time.Millisecond)
	return now
}

// TestExpire has snapshots and orphans go, and nothing else.
func TestExpire(t *testing.T) {
	eachSite(t, func(t *testing.T, s site) {
		c := catalogtest.Open(t, s.Catalog)
		const unlike = "0b7a5f0e-5a55-4c9b-8d53-6b1f3f4c9d10"
		foreign := []string{
			"notes.txt", "edff_shear/README", "edff_shear/data/TILE_ID=7/by-hand.parquet", "edff_shear/data/TILE_ID=7/old/0-" + unlike + ".parquet",
			"edff_shear/metadata/version-hint.text", "another/data/TILE_ID=7/0-" + unlike + ".parquet", "edff_shear_v2/metadata/0-" + unlike + "-m0.avro",
		}
		for i := range 5 {
			commit(t, c, batch(fmt.Sprint("run", i), config, 7, 10+i, float32(i)))
		}
		commit(t, c, batch("run", config, 8, 10, 0.5))
		for _, path := range foreign {
			s.write(t, path)
		}
		before := s.files(t)
		s.die(t, "edff_shear_sources", 4009) // a commit's files that no snapshot names
		s.die(t, "edff_shear", 4009)
		orphans := slices.DeleteFunc(s.files(t), func(path string) bool { return slices.Contains(before, path) })
		dead := len(orphans)
		if dead < 10 {
			t.Fatalf("two commits that were killed left %d files", dead)
		}
		at := tick()
		s.die(t, "edff_shear", 2010) // whose sources are committed
		young := s.files(t)
		commit(t, c, batch("last", config, 7, 5, 0.25))
		want := contents(t, c, catalog.Filter{})
		seen := s.readers(t, c)

		if x := s.plan(t, c, catalog.Retention{Before: at.Add(-time.Hour), Keep: 1}); !x.Empty() {
			t.Errorf("an hour ago there was nothing: %+v", x.Tables)
		}
		if x := s.plan(t, c, catalog.Retention{Before: at, Keep: 2}); x.Tables[0].Young.Count != 3 || x.Tables[1].Young.Count != 3 {
			t.Errorf("of each table, a commit's data, manifest and list are less than a day old: %+v %+v", x.Tables[0].Young, x.Tables[1].Young)
		}
		for _, path := range orphans {
			s.age(t, path)
		}
		x := s.plan(t, c, catalog.Retention{Before: at, Keep: 2})
		shear, sources := x.Tables[0], x.Tables[1]
		// The newest two and what was in use at the time stay: of 7 snapshots of shear, of 9 of sources.
		if len(shear.Snapshots) != 5 || shear.Stay != 2 || len(sources.Snapshots) != 6 || sources.Stay != 3 {
			t.Errorf("shear %+v\nsources %+v", shear, sources)
		}
		// Of tile 4009 what a killed commit wrote: the first one sources, the second one, which committed those,
		// shear. Rows of tile 7 that were replaced are deleted of files that stay.
		if shear.Data.Count != 1 || sources.Data.Count != 1 || shear.Foreign.Count != 3 || sources.Foreign.Count != 0 || shear.Kept+sources.Kept != "" {
			t.Errorf("shear %+v\nsources %+v", shear, sources)
		}
		if shear.First.After(shear.Last) || shear.Last.After(at) || shear.Data.Bytes == 0 || !strings.HasPrefix(shear.Data.Example, s.Warehouse) && !strings.HasPrefix(shear.Data.Example, "file://"+s.Warehouse) {
			t.Errorf("%+v", shear)
		}
		if got := s.files(t); len(got) < len(young) {
			t.Error("looking removed something")
		}
		found := shear.Data.Count + shear.Metadata.Count + sources.Data.Count + sources.Metadata.Count
		all := len(s.files(t))
		done := s.expire(t, c, x)
		if done.Snapshots != 11 || done.Files.Count != found || all+2-len(s.files(t)) != found { // each table has new metadata
			t.Errorf("%+v, %d files of %d are left; the plan had %d", done, len(s.files(t)), all, found)
		}
		wants(t, contents(t, c, catalog.Filter{}), want)
		if now := s.readers(t, c); now != seen {
			t.Errorf("other readers see\n%s, saw\n%s", now, seen)
		}
		left := s.files(t)
		for _, path := range foreign {
			if !slices.Contains(left, path) {
				t.Errorf("%s is gone", path)
			}
		}
		if !slices.ContainsFunc(left, regexp.MustCompile(`^edff_shear/data/TILE_ID_trunc=2000/`).MatchString) {
			t.Error("a young orphan is gone")
		}
		if slices.ContainsFunc(left, regexp.MustCompile(`^edff_shear/data/TILE_ID_trunc=4000/`).MatchString) {
			t.Error("an old orphan is left")
		}
		if done := s.expire(t, c, x); done.Snapshots != 0 {
			t.Errorf("the same plan again: %+v", done)
		}
		if again := s.plan(t, c, catalog.Retention{Before: at, Keep: 2}); !again.Empty() {
			t.Errorf("a second look finds %+v %+v", again.Tables[0], again.Tables[1])
		}
		// The catalogue goes on: a batch that was there is there, one whose snapshot is gone is written again.
		if s := commit(t, c, batch("again", config, 7, 5, 0.25)); !s.Unchanged {
			t.Errorf("%+v", s)
		}
		if s := commit(t, c, batch("run", config, 8, 10, 0.5)); s.Unchanged {
			t.Errorf("%+v", s)
		}
		wants(t, contents(t, c, catalog.Filter{}), want)
		if rep := validate(t, c, plan(8), settings.Thresholds{MinCompleteness: 1}); !rep.OK {
			t.Errorf("%+v", rep)
		}
	})
}
