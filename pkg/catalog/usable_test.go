package catalog_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
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
		})},
		"a name that is another's": {spoil: evolve(func(u *table.UpdateSchema) {
			u.RenameColumn([]string{"G1"}, "GAMMA1").AddColumn([]string{"G1"}, iceberg.PrimitiveTypes.Float32, "", false, nil)
		}), code: catalog.CodeTable, says: `column "G1": the table that is there has another layout: its field id is 17, it must be 6`},
		"a widened column": {spoil: evolve(func(u *table.UpdateSchema) {
			u.UpdateColumn([]string{"G1"}, table.ColumnUpdate{FieldType: iceberg.Optional[iceberg.Type]{Val: iceberg.PrimitiveTypes.Float64, Valid: true}})
		})},
		"a column that is gone": {spoil: evolve(func(u *table.UpdateSchema) {
			u.DeleteColumn([]string{"CONVERGENCE"})
		})},
		"a required column that is gone": {spoil: evolve(func(u *table.UpdateSchema) {
			u.DeleteColumn([]string{"N_SOURCES"})
		}), code: catalog.CodeTable, says: `column "N_SOURCES": the table that is there has another layout: it is not there`},
		"parted by what nobody fills": {spoil: func(t *testing.T, c *catalog.Catalog, _ string) {
			evolve(func(u *table.UpdateSchema) {
				u.AddColumn([]string{"NOTE"}, iceberg.PrimitiveTypes.String, "", false, nil)
			})(t, c, "")
			respec(t, c, "edff_shear", func(u *table.UpdateSpec) { u.AddIdentity("NOTE") })
		}, code: catalog.CodeTable, says: `column "NOTE": the table that is there has another layout: the table is parted by it`},
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
			err := usable(t, cat.Settings())
			if fault.CodeOf(err) != c.code || c.code != "" && !strings.Contains(err.Error(), c.says) {
				t.Error(err)
			}
			if after := tree(t, dir); after != before {
				t.Errorf("it left something behind:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

// usable is what the check says, by this process's own stores.
func usable(t *testing.T, s settings.Catalog) error {
	t.Helper()
	_, err := catalog.Usable(t.Context(), s, objstore.Open(t.Context(), objstore.Config{}))
	return err
}

// Where there is no catalogue yet, none is made, and what is in the way of one is found.
func TestUsableWithout(t *testing.T) {
	file := func(name, text string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		uri   string // below the directory; empty: none
		kind  fault.Kind
		code  string
		says  string
	}{
		"nothing":                       {},
		"nothing, and another place":    {uri: "a/b/c.db"},
		"an empty file":                 {spoil: file("c.db", ""), uri: "c.db"},
		"another file":                  {spoil: file("c.db", strings.Repeat("no database ", 99)), uri: "c.db", kind: fault.BadInput, code: catalog.CodeSettings, says: "not a database"},
		"a directory":                   {spoil: func(t *testing.T, dir string) { os.Mkdir(filepath.Join(dir, "c.db"), 0o777) }, uri: "c.db", kind: fault.BadInput, code: catalog.CodeSettings, says: "unable to open"},
		"a file for its directory":      {spoil: file("a", ""), uri: "a/c.db", kind: fault.BadInput, code: catalog.CodeSettings, says: "not a directory"},
		"a file for the warehouse":      {spoil: file("w", ""), uri: "c.db", kind: fault.BadInput, code: catalog.CodeSettings, says: "not a directory"},
		"a file on the warehouse's way": {spoil: file("w", ""), kind: fault.BadInput, code: catalog.CodeSettings, says: "not a directory"},
		"a relative one":                {uri: "../../x", kind: fault.BadInput, code: catalog.CodeSettings, says: "must be absolute"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := settings.Catalog{Warehouse: filepath.Join(dir, "w"), Namespace: "shear", Table: "edff_shear"}
			if c.uri != "" {
				s.URI = "sqlite://" + filepath.Join(dir, c.uri)
			}
			if name == "a relative one" {
				s.URI = "sqlite://x/c.db"
			}
			if c.spoil != nil {
				c.spoil(t, dir)
			}
			before := tree(t, dir)
			err := usable(t, s)
			if fault.CodeOf(err) != c.code || c.code != "" && (fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says)) {
				t.Error(err)
			}
			if after := tree(t, dir); after != before {
				t.Errorf("it left something behind:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

// TestUsablePostgres: what a user of a database may not do is refused, and what a
// check of an empty one tries is taken back.
func TestUsablePostgres(t *testing.T) {
	admin := catalogtest.Postgres(t)
	db, err := sql.Open("pgx", admin)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	do := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := db.ExecContext(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
	do("CREATE ROLE reader LOGIN", "CREATE ROLE writer LOGIN", "CREATE ROLE stranger LOGIN", "CREATE ROLE away NOLOGIN", "CREATE DATABASE closed", "ALTER DATABASE closed CONNECTION LIMIT 0", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	as := func(user string) settings.Catalog {
		return settings.Catalog{Warehouse: t.TempDir(), URI: strings.Replace(admin, "postgres@", user+"@", 1), Namespace: "shear", Table: "edff_shear"}
	}
	check := func(what string, s settings.Catalog, kind fault.Kind, says string) {
		t.Helper()
		err := usable(t, s)
		if (err == nil) != (says == "") || err != nil && (fault.KindOf(err) != kind || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("the owner, nothing there", as("postgres"), 0, "")
	check("who may make no tables, nothing there", as("writer"), fault.BadInput, "get the right to make tables")
	check("who may not log in", as("away"), fault.BadInput, "not permitted to log in")
	check("whom nobody knows", as("nobody"), fault.BadInput, `role "nobody" does not exist`)
	closed := as("reader")
	closed.URI = strings.Replace(closed.URI, "/postgres?", "/closed?", 1)
	check("too many", closed, fault.Transient, "too many connections")
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&n); err != nil || n != 0 {
		t.Errorf("the checks left %d tables, %v", n, err)
	}
	catalogtest.Open(t, as("postgres")) // makes the catalogue's own tables
	do("GRANT SELECT ON iceberg_tables, iceberg_namespace_properties TO reader", "GRANT SELECT, UPDATE ON iceberg_tables TO writer", "GRANT SELECT ON iceberg_namespace_properties TO writer")
	check("the owner", as("postgres"), 0, "")
	check("who may only read", as("reader"), fault.BadInput, "get the right to write to it")
	check("who may not make what isn't there", as("writer"), fault.BadInput, "iceberg_namespace_properties")
	check("who may do nothing", as("stranger"), fault.BadInput, "permission denied")
	do("GRANT INSERT ON iceberg_tables, iceberg_namespace_properties TO writer")
	check("who may write", as("writer"), 0, "")
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

// respec changes the partition spec of a table.
func respec(t *testing.T, c *catalog.Catalog, name string, change func(*table.UpdateSpec)) {
	t.Helper()
	tb, err := catalog.Raw(c).LoadTable(t.Context(), table.Identifier{"shear", name})
	if err != nil {
		t.Fatal(err)
	}
	tx := tb.NewTransaction()
	u := tx.UpdateSpec(true)
	change(u)
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}
