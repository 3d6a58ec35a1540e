package catalog_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
)

// TestExpireAfterSpec: files of a spec that the table had once go as those of today's.
func TestExpireAfterSpec(t *testing.T) {
	s := site{Catalog: settings.Catalog{Warehouse: t.TempDir(), Namespace: "shear", Table: "edff_shear"}, store: objstore.Open(t.Context(), objstore.Config{})}
	s.dir = filepath.Join(s.Warehouse, "shear")
	c := catalogtest.Open(t, s.Catalog)
	for i := range 2 {
		commit(t, c, batch(fmt.Sprint("old", i), config, 7, 5+i, 0.125))
	}
	name := table.Identifier{"shear", "edff_shear"}
	tb, err := catalog.Raw(c).LoadTable(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	parted, made := 0, ""
	for _, field := range []string{"first", "second"} {
		tx := tb.NewTransaction()
		spec := tx.UpdateSpec(true)
		old := tb.Spec()
		for _, f := range old.Fields() {
			if spec = spec.RemoveField(f.Name); parted == 0 {
				made = f.Name // by which the table was made
			}
		}
		if err := spec.AddField("TILE_ID", iceberg.TruncateTransform{Width: 100 + parted}, field).Commit(); err != nil {
			t.Fatal(err)
		}
		if _, err = tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		parted++
		for i := range 2 {
			commit(t, c, batch(fmt.Sprint(field, i), config, 7, 10*parted+i, 0.25))
		}
		if tb, err = catalog.Raw(c).LoadTable(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	want := contents(t, c, catalog.Filter{})
	const unlike = "0b7a5f0e-5a55-4c9b-8d53-6b1f3f4c9d10"
	orphans := []string{"first=0", "second=0", made + "=0"}
	for _, dir := range append(orphans, "never=0") {
		path := "edff_shear/data/" + dir + "/0-" + unlike + ".parquet"
		s.write(t, path)
		s.age(t, path)
	}
	x := s.plan(t, c, catalog.Retention{Before: time.Now().Add(time.Hour), Keep: 1})
	if x.Tables[0].Data.Count < len(orphans) || x.Tables[0].Foreign.Count != 1 {
		t.Errorf("%+v, and %+v are left alone", x.Tables[0].Data, x.Tables[0].Foreign)
	}
	s.expire(t, c, x)
	left := s.files(t)
	for _, dir := range orphans {
		if slices.Contains(left, "edff_shear/data/"+dir+"/0-"+unlike+".parquet") {
			t.Errorf("what lies in %s is left", dir)
		}
	}
	if !slices.Contains(left, "edff_shear/data/never=0/0-"+unlike+".parquet") {
		t.Error("what no spec has is gone")
	}
	wants(t, contents(t, c, catalog.Filter{}), want)
}
