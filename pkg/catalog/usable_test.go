package catalog_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// What a commit could not be made to is refused before anything else is done.
func TestUsable(t *testing.T) {
	evolve := func(change func(u *table.UpdateSchema)) func(t *testing.T, c *catalog.Catalog, dir string) {
		return func(t *testing.T, c *catalog.Catalog, dir string) {
			tb, err := catalog.Raw(c).LoadTable(t.Context(), table.Identifier{"shear", "edff_shear"})
			if err != nil {
				t.Fatal(err)
			}
			tx := tb.NewTransaction()
			u := tx.UpdateSchema(true, true)
			change(u)
			if err := u.Commit(); err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, c *catalog.Catalog, dir string)
		empty bool // nothing was ever committed
		code  string
		says  string
	}{
		"new":            {empty: true},
		"as it was laid": {},
		"a column more": {spoil: evolve(func(u *table.UpdateSchema) {
			u.AddColumn([]string{"NOTE"}, iceberg.PrimitiveTypes.String, "", false, nil)
		})},
		"a renamed column": {spoil: evolve(func(u *table.UpdateSchema) {
			u.RenameColumn([]string{"G1"}, "GAMMA1")
		}), code: catalog.CodeTable, says: "column G1: the table that is there has another layout: it is named GAMMA1 there"},
		"a widened column": {spoil: evolve(func(u *table.UpdateSchema) {
			u.UpdateColumn([]string{"G1"}, table.ColumnUpdate{FieldType: iceberg.Optional[iceberg.Type]{Val: iceberg.PrimitiveTypes.Float64, Valid: true}})
		}), code: catalog.CodeTable, says: "it is a double, it must be a float"},
		"a column that is gone": {spoil: evolve(func(u *table.UpdateSchema) {
			u.DeleteColumn([]string{"CONVERGENCE"})
		}), code: catalog.CodeTable, says: "column CONVERGENCE: the table that is there has another layout: it is not there"},
		"a file where data go": {spoil: func(t *testing.T, _ *catalog.Catalog, dir string) {
			data := filepath.Join(dir, "shear", "edff_shear", "data")
			if err := errors.Join(os.RemoveAll(data), os.WriteFile(data, nil, 0o644)); err != nil {
				t.Fatal(err)
			}
		}, code: catalog.CodeSettings, says: "can't be written there"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cat := open(t, dir)
			if !c.empty {
				commit(t, cat, batch("r", "c", 7, 4, 0.1))
			}
			if c.spoil != nil {
				c.spoil(t, cat, dir)
			}
			before := tree(t, dir)
			err := cat.Usable(t.Context(), objstore.Open(t.Context(), objstore.Config{}))
			if fault.CodeOf(err) != c.code || c.code != "" && !strings.Contains(err.Error(), c.says) {
				t.Error(err)
			}
			if after := tree(t, dir); after != before {
				t.Errorf("it left something behind:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

// tree lists what lies below a directory.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if !strings.HasPrefix(filepath.Base(path), "catalog.db") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// A URI that is shown has no password, however it was written.
func TestShownURI(t *testing.T) {
	for uri, want := range map[string]string{
		"postgres://me:hunter2@db/x":          "postgres://me:xxxxx@db/x",
		"postgres://me@db/x?password=hunter2": "postgres://me@db/x?password=xxxxx",
		"host=db password=hunter2":            "...://...",
		"postgres://me:hun%zzter2@db":         "postgres://...",
	} {
		if got := catalog.Redacted(uri); got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
}
