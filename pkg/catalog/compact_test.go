package catalog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// another opens the same catalogue again, as another process does.
func another(t *testing.T, c *catalog.Catalog) *catalog.Catalog {
	t.Helper()
	other, err := catalog.OpenExisting(t.Context(), c.Settings())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return other
}

// oldContents are those of the old tables.
func oldContents() map[string]int {
	want := map[string]int{}
	for _, tile := range oldTiles() {
		want[shearKey(tile, "old", "0.25")], want[sourceKey(tile, "old")] = 4, 12
	}
	delete(want, shearKey(102018207, "old", "0.25"))
	want[shearKey(102018207, "again", "0.5")] = 4
	return want
}

// TestCompactOldTables brings tables of an earlier version to today's layout and
// compacts them, beside a writer that comes in between, and after a process that was
// cut off. All rows stay, and get their pixel; what was rewritten can go.
func TestCompactOldTables(t *testing.T) {
	for _, format := range []int{0, 3} {
		t.Run(fmt.Sprint("format ", format), func(t *testing.T) {
			c := oldTable(t)
			evolve(t, c, format)
			want := oldContents()
			commit(t, c, batch("new", config, 102018607, 5, 2)) // deletes rows of an old file
			delete(want, shearKey(102018607, "old", "0.25"))
			delete(want, sourceKey(102018607, "old"))
			want[shearKey(102018607, "new", "2")], want[sourceKey(102018607, "new")] = 4, 20

			before := load(t, c, "edff_shear").MetadataLocation()
			look, err := another(t, c).Compact(t.Context(), catalog.CompactOptions{Look: true})
			if err != nil || len(look) != 2 || look[1].Old != 6 || look[1].Files != 7 || look[1].Outdated != "" || load(t, c, "edff_shear").MetadataLocation() != before {
				t.Fatalf("%+v, %v", look, err)
			}

			// A process that is cut off when it is about to commit.
			ctx, cut := context.WithCancel(t.Context())
			killed := another(t, c)
			killed.Pause(func(string) { cut() })
			if done, err := killed.Compact(ctx, catalog.CompactOptions{}); err == nil {
				t.Errorf("it was cut off, and says %+v", done)
			}
			wants(t, contents(t, c, catalog.Filter{}), want)

			// Somebody replaces one tile, and adds another, just before the first commit
			// of each table.
			other, came := another(t, c), map[string]bool{}
			racing := another(t, c)
			racing.Pause(func(name string) {
				if !came[name] {
					came[name] = true
					commit(t, other, batch("between", config, 102019007, 6, 3))
					commit(t, other, batch("between", config, 102020807, 6, 3))
				}
			})
			done, err := racing.Compact(t.Context(), catalog.CompactOptions{})
			if err != nil || len(done) != 2 || done[0].Lost == 0 || done[1].Taken < 6 {
				t.Errorf("%+v, %v", done, err)
			}
			delete(want, shearKey(102019007, "old", "0.25"))
			delete(want, sourceKey(102019007, "old"))
			for _, tile := range []int64{102019007, 102020807} {
				want[shearKey(tile, "between", "3")], want[sourceKey(tile, "between")] = 4, 24
			}
			wants(t, contents(t, c, catalog.Filter{}), want)
			again, err := c.Compact(t.Context(), catalog.CompactOptions{})
			if err != nil || len(again) != 2 || !again[0].Empty() || !again[1].Empty() || again[1].Files != 2 || again[0].Files != 7 {
				t.Errorf("a second time: %+v, %v", again, err)
			}
			for name, files := range map[string]int{"edff_shear": 2, "edff_shear_sources": 7} {
				counted(t, c, name, files)
				if op := load(t, c, name).CurrentSnapshot().Summary.Operation; op != table.OpReplace {
					t.Errorf("%s ends with %s", name, op)
				}
			}
			// A commit of the same is known to be done.
			if s := commit(t, c, batch("between", config, 102020807, 6, 3)); !s.Unchanged {
				t.Error("rows that are there were committed again")
			}
			cleaned(t, c)
			wants(t, contents(t, c, catalog.Filter{}), want)
		})
	}
}

// counted has PyIceberg read a table.
func counted(t *testing.T, c *catalog.Catalog, name string, files int) {
	t.Helper()
	python := os.Getenv("CONSTELLATION_PYTHON")
	if python == "" {
		t.Log("SKIPPED: no independent reader opened the tables; set CONSTELLATION_PYTHON to a Python that has pyiceberg[pyarrow]")
		return
	}
	cmd := exec.Command(python, "testdata/count_rows.py", load(t, c, name).MetadataLocation())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Tiles                 map[string]int
		Empty, Files, Deletes int
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	want := map[string]int{}
	for key, n := range contents(t, c, catalog.Filter{}) {
		if word := strings.Fields(key); (word[0] == "shear") == (name == "edff_shear") {
			want[word[1]] += n
		}
	}
	if fmt.Sprint(got.Tiles) != fmt.Sprint(want) || got.Empty != 0 || got.Files != files || got.Deletes != 0 {
		t.Errorf("PyIceberg finds %+v in %s, want %v in %d files", got, name, want, files)
	}
}

// cleaned takes earlier snapshots, after which the files that were rewritten are gone.
func cleaned(t *testing.T, c *catalog.Catalog) {
	t.Helper()
	store := objstore.Open(t.Context(), objstore.Config{})
	x, err := c.PlanExpiry(t.Context(), store, catalog.Retention{Before: time.Now(), Keep: 1})
	if err != nil {
		t.Fatal(err)
	}
	done, err := c.Expire(t.Context(), store, x)
	if err != nil || done.Snapshots == 0 || done.Files.Count == 0 {
		t.Errorf("%+v, %v", done, err)
	}
	for _, name := range []string{"edff_shear", "edff_shear_sources"} {
		tb := load(t, c, name)
		if n := len(tb.Metadata().Snapshots()); n != 1 {
			t.Errorf("%d snapshots of %s are left", n, name)
		}
		left := 0
		if err := store.List(t.Context(), tb.Location()+"/data/", func(info objstore.Info) error {
			if strings.Contains(info.URI, "/TILE_ID=") {
				left++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if left > 0 {
			t.Errorf("%d files of the earlier layout are left of %s", left, name)
		}
	}
}

// TestCompactNotEvolved: a table of the earlier layout is said to be one.
func TestCompactNotEvolved(t *testing.T) {
	c := oldTable(t)
	done, err := c.Compact(t.Context(), catalog.CompactOptions{})
	if err != nil || len(done) != 2 || done[0].Outdated != "identity(TILE_ID)" || done[1].Outdated != "identity(TILE_ID)" {
		t.Errorf("%+v, %v", done, err)
	}
	wants(t, contents(t, c, catalog.Filter{}), oldContents())
}

// TestCompactUnderLeases: leases and what is known of commits stay, and so do deletes
// of somebody else's.
func TestCompactUnderLeases(t *testing.T) {
	c := open(t, filepath.Join(t.TempDir(), "warehouse"))
	held := lease(t, c, "A", time.Hour, 7)
	want := map[string]int{}
	for tile := int64(1); tile < 7; tile++ {
		commit(t, c, batch("r", config, tile, 3, 0.5))
		want[fmt.Sprintf("shear %d 9f r g1=0.5", tile)], want[fmt.Sprintf("source %d 9f r", tile)] = 4, 12
	}
	done, err := c.Compact(t.Context(), catalog.CompactOptions{})
	if err != nil || len(done) != 2 || done[0].Taken != 6 || done[0].Written != 1 || done[0].Rows != 72 || done[1].Rows != 24 {
		t.Errorf("%+v, %v", done, err)
	}
	ledger, err := c.Ledger(t.Context(), config)
	if err != nil || len(ledger.Leases) != 1 {
		t.Errorf("%+v, %v", ledger, err)
	}
	commit(t, c, leased(batch("leased", config, 7, 3, 0.5), held))
	want["shear 7 9f leased g1=0.5"], want["source 7 9f leased"] = 4, 12
	wants(t, contents(t, c, catalog.Filter{}), want)
	if has, err := ledger.Rows(t.Context()); err != nil || len(has) != 6 {
		t.Errorf("%v, %v", has, err)
	}
}

// TestCompactRefuses: a size that no file has, and a catalogue without tables.
func TestCompactRefuses(t *testing.T) {
	c := open(t, t.TempDir())
	for size, code := range map[int64]string{-1: catalog.CodeSettings, 0: catalog.CodeTable} {
		if _, err := c.Compact(t.Context(), catalog.CompactOptions{TargetBytes: size}); fault.CodeOf(err) != code {
			t.Errorf("%d: %v", size, err)
		}
	}
}
