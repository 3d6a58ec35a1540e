package catalog_test

import (
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// oldTable opens the tables of testdata/old_table.tar.gz, which version 0.9 made of
// six tiles, the first of them twice: a file to a tile, and no _healpix_29.
func oldTable(t *testing.T) *catalog.Catalog {
	t.Helper()
	server := s3test.Start(t)
	server.Setenv(t)
	server.Bucket(t, "warehouse")
	dir := t.TempDir()
	if out, err := exec.Command("tar", "-xzf", "testdata/old_table.tar.gz", "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command("cp", "-r", filepath.Join(dir, "warehouse"), server.Dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c, err := catalog.OpenExisting(t.Context(), settings.Catalog{URI: "sqlite://" + filepath.Join(dir, "catalog.db"), Warehouse: "s3://warehouse/euclid", Namespace: "shear", Table: "edff_shear"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// oldTiles are those of the old tables.
func oldTiles() (tiles []int64) {
	for i := range int64(6) {
		tiles = append(tiles, 102018207+i*400)
	}
	return tiles
}

// load loads a table by the library alone.
func load(t *testing.T, c *catalog.Catalog, name string) *table.Table {
	t.Helper()
	tb, err := catalog.Raw(c).LoadTable(t.Context(), table.Identifier{"shear", name})
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

// TestOldTables: tables of an earlier version are read and written to as they are,
// and after they were brought to today's layout, whichever version of the format.
func TestOldTables(t *testing.T) {
	for _, c := range []struct {
		name   string
		evolve bool
		format int
	}{{name: "as they are"}, {name: "evolved", evolve: true}, {name: "of format 3", evolve: true, format: 3}} {
		t.Run(c.name, func(t *testing.T) {
			tables := oldTable(t)
			want := map[string]int{}
			for _, tile := range oldTiles() {
				want[shearKey(tile, "old", "0.25")], want[sourceKey(tile, "old")] = 4, 12
			}
			delete(want, shearKey(102018207, "old", "0.25"))
			want[shearKey(102018207, "again", "0.5")] = 4
			wants(t, contents(t, tables, catalog.Filter{}), want)
			if err := usable(t, tables.Settings()); err != nil {
				t.Fatal(err)
			}
			if c.evolve {
				evolve(t, tables, c.format)
				wants(t, contents(t, tables, catalog.Filter{}), want)
			}
			commit(t, tables, batch("new", config, 102018607, 5, 2))
			commit(t, tables, batch("new", config, 102020607, 5, 2))
			commit(t, tables, batch("newer", config, 102020607, 5, 3)) // the sources are the same
			for _, key := range []string{shearKey(102018607, "old", "0.25"), sourceKey(102018607, "old")} {
				delete(want, key)
			}
			want[shearKey(102018607, "new", "2")], want[sourceKey(102018607, "new")] = 4, 20
			want[shearKey(102020607, "newer", "3")], want[sourceKey(102020607, "new")] = 4, 20
			wants(t, contents(t, tables, catalog.Filter{}), want)
			ledger, err := tables.Ledger(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			has, err := ledger.Rows(t.Context())
			if err != nil || len(has) != 7 || has[102018607].Count != 4 || has[102018207].Count != 4 {
				t.Errorf("%v, %v", has, err)
			}
		})
	}
}

func shearKey(tile int64, run, g1 string) string {
	return strings.Join([]string{"shear", strconv.FormatInt(tile, 10), "9f", run, "g1=" + g1}, " ")
}

func sourceKey(tile int64, run string) string {
	return strings.Join([]string{"source", strconv.FormatInt(tile, 10), "9f", run}, " ")
}

// evolve looks what the tables lack, has it done, and finds nothing left.
func evolve(t *testing.T, c *catalog.Catalog, format int) {
	t.Helper()
	before := load(t, c, "edff_shear").MetadataLocation()
	look, err := c.Evolve(t.Context(), format, true)
	if err != nil || len(look) != 2 {
		t.Fatalf("%+v, %v", look, err)
	}
	for _, e := range look {
		if !slices.Equal(e.Columns, []string{"_healpix_29"}) || e.From != "identity(TILE_ID)" || !strings.HasPrefix(e.To, "truncate[") || e.Format != format {
			t.Errorf("%+v", e)
		}
	}
	if now := load(t, c, "edff_shear").MetadataLocation(); now != before {
		t.Error("looking changed the table")
	}
	if _, err := c.Evolve(t.Context(), format, false); err != nil {
		t.Fatal(err)
	}
	again, err := c.Evolve(t.Context(), format, false)
	if err != nil || len(again) != 2 || !again[0].Empty() || !again[1].Empty() {
		t.Errorf("a second time: %+v, %v", again, err)
	}
	for name, width := range map[string]int{"edff_shear": 2000, "edff_shear_sources": 200} {
		tb := load(t, c, name)
		spec := tb.Spec()
		var kept []string
		for _, f := range spec.Fields() {
			if _, void := f.Transform.(iceberg.VoidTransform); !void {
				kept = append(kept, f.Transform.String())
			}
		}
		if want := (iceberg.TruncateTransform{Width: width}).String(); !slices.Equal(kept, []string{want}) || tb.Metadata().Version() != max(format, 2) {
			t.Errorf("%s is parted by %v, format %d", name, kept, tb.Metadata().Version())
		}
	}
}

// TestEvolveRefuses: a version that there is none of, and a catalogue without tables.
func TestEvolveRefuses(t *testing.T) {
	c := open(t, t.TempDir())
	for format, code := range map[int]string{4: catalog.CodeSettings, 1: catalog.CodeSettings, 0: catalog.CodeTable} {
		if _, err := c.Evolve(t.Context(), format, true); fault.CodeOf(err) != code {
			t.Errorf("%d: %v", format, err)
		}
	}
}

// TestRenamedColumns: what somebody renames, widens or drops is found by its field
// id, and commits, reads, leases and validation go on.
func TestRenamedColumns(t *testing.T) {
	c := open(t, t.TempDir())
	commit(t, c, batch("r1", config, 7, 3, 0.25))
	double := table.ColumnUpdate{FieldType: iceberg.Optional[iceberg.Type]{Val: iceberg.PrimitiveTypes.Float64, Valid: true}}
	long := table.ColumnUpdate{FieldType: iceberg.Optional[iceberg.Type]{Val: iceberg.PrimitiveTypes.Int64, Valid: true}}
	for name, change := range map[string]func(u *table.UpdateSchema){
		"edff_shear": func(u *table.UpdateSchema) {
			u.RenameColumn([]string{"TILE_ID"}, "MER_TILE").RenameColumn([]string{"CONFIG_ID"}, "SETTINGS").RenameColumn([]string{"STATUS"}, "STATE").
				UpdateColumn([]string{"G1"}, double).UpdateColumn([]string{"N_SOURCES"}, long).DeleteColumn([]string{"CONVERGENCE"}).
				AddColumn([]string{"NOTE"}, iceberg.PrimitiveTypes.String, "", false, nil)
		},
		"edff_shear_sources": func(u *table.UpdateSchema) {
			u.RenameColumn([]string{"OBJECT_ID"}, "ID").UpdateColumn([]string{"FLAGS"}, long).UpdateColumn([]string{"E1"}, double).DeleteColumn([]string{"_healpix_29"})
		},
	} {
		tx := load(t, c, name).NewTransaction()
		u := tx.UpdateSchema(true, false)
		change(u)
		if err := u.Commit(); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]int{"shear 7 9f r1 g1=0.25": 4, "source 7 9f r1": 12}
	wants(t, contents(t, c, catalog.Filter{}), want)
	commit(t, c, batch("r2", config, 7, 4, 0.5))
	commit(t, c, batch("r2", config, 8, 3, 0.5))
	want = map[string]int{"shear 7 9f r2 g1=0.5": 4, "source 7 9f r2": 16, "shear 8 9f r2 g1=0.5": 4, "source 8 9f r2": 12}
	wants(t, contents(t, c, catalog.Filter{}), want)
	wants(t, contents(t, c, catalog.Filter{ConfigID: config, Tiles: []int64{8}}), map[string]int{"shear 8 9f r2 g1=0.5": 4, "source 8 9f r2": 12})
	ledger, err := c.Ledger(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if has, err := ledger.Rows(t.Context()); err != nil || !maps.Equal(has, map[int64]catalog.Rows{7: {Count: 4}, 8: {Count: 4}}) {
		t.Errorf("%v, %v", has, err)
	}
	if rep := validate(t, c, plan(8), settings.Thresholds{MinCompleteness: 1}); rep.Present != 4 || rep.Sources != 12 {
		t.Errorf("%+v", rep)
	}
}
