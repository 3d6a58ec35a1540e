package catalog_test

import (
	"fmt"
	"path/filepath"
	"regexp"
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
	parted := 0
	for _, field := range []string{"first", "second"} {
		tx := tb.NewTransaction()
		spec := tx.UpdateSpec(true)
		old := tb.Spec()
		for _, f := range old.Fields() {
			spec = spec.RemoveField(f.Name)
		}
		if err := spec.AddField("TILE_ID", iceberg.TruncateTransform{Width: 100 + parted}, field).Commit(); err != nil {
			t.Fatal(err)
		}
		if tb, err = tx.Commit(t.Context()); err != nil {
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
	data := regexp.MustCompile(`^edff_shear/data/.*\.parquet$`)
	count := func() (n int) {
		for _, path := range s.files(t) {
			if data.MatchString(path) {
				n++
			}
		}
		return n
	}
	before := count()
	x := s.plan(t, c, catalog.Retention{Before: time.Now().Add(time.Hour), Keep: 1})
	if x.Tables[0].Data.Count != before-1 || before < 6 || x.Tables[0].Foreign.Count != 0 {
		t.Errorf("of %d data files: %+v, and %+v are left alone", before, x.Tables[0].Data, x.Tables[0].Foreign)
	}
	s.expire(t, c, x)
	if n := count(); n != 1 {
		t.Errorf("%d of %d data files are left", n, before)
	}
	wants(t, contents(t, c, catalog.Filter{}), want)
}
