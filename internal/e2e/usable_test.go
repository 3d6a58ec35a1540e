package e2e

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the catalogue's database
)

// TestCatalogUnusable: a catalogue that can't be committed to stops the workflow, as
// it is registered on a cluster, before a header is read. Here it is spoilt once
// resolve-config ran: what the command itself looks at before that was in order.
func TestCatalogUnusable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.do(t, "run", "--config", "constellation.yaml", "--run-id", "good")
	for name, c := range map[string]struct {
		verb, script, code, says string
	}{
		"another's table":  {"run", "cp other.db warehouse/catalog.db", "CatalogTable", `column "RA": the table that is there has another layout`},
		"a campaign's":     {"campaign", "cp other.db warehouse/catalog.db", "CatalogTable", "choose another output.catalog_table"},
		"no database":      {"run", "cp constellation.yaml warehouse/catalog.db", "CatalogSettings", "the file must be an Iceberg catalogue"},
		"no place of data": {"run", "rm -r warehouse/shear/edfs_shear/data; : > warehouse/shear/edfs_shear/data", "CatalogSettings", "choose another output.catalog_warehouse"},
	} {
		t.Run(name, func(t *testing.T) {
			id := strings.NewReplacer(" ", "-", "'", "").Replace(name)
			before := s.path("before-" + id)
			must(t, os.CopyFS(before, os.DirFS(s.path("warehouse"))))
			other(t, s.path("before-"+id, "catalog.db"), s.path("other.db"))
			maimed := s.maimed(t, "resolve-config", `%q "$@" || exit; cd "`+s.dir+`" && rm -f warehouse/catalog.db-* && `+c.script)
			args := []string{c.verb, "--config", "constellation.yaml", "--run-id", id, "--cache", "off", "--set", "engine=reference"}
			r := s.try(t, append(args, "--bin", maimed, "--events", id+".jsonl")...)
			must(t, os.RemoveAll(maimed))
			if r.status != 1 || !strings.Contains(r.stderr, c.code) || !strings.Contains(r.stderr, c.says) {
				t.Errorf("%s", r)
			}
			var ran []string
			for _, e := range events(t, s.path(id+".jsonl")) {
				if !slices.Contains(ran, e.Task) && e.Task != "" {
					ran = append(ran, e.Task)
				}
			}
			slices.Sort(ran)
			if want := []string{"check_catalog", "index_observations", "resolve_config"}; !slices.Equal(ran, want) {
				t.Errorf("ran: %v, want %v", ran, want)
			}
			if left, _ := filepath.Glob(filepath.Join(s.products, id, "*")); len(left) > 0 {
				t.Errorf("it was begun: %v", left)
			}
			// Mended, the same run goes on.
			must(t, os.RemoveAll(s.path("warehouse")))
			must(t, os.Rename(before, s.path("warehouse")))
			if r := s.try(t, args...); r.status != 0 {
				t.Errorf("resumed: %s", r)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// other makes a catalogue in which the table of sources has the name of that of shear.
func other(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.RemoveAll(to))
	must(t, os.WriteFile(to, read(t, from), 0o666))
	db, err := sql.Open("sqlite", to)
	must(t, err)
	for _, s := range []string{
		"PRAGMA journal_mode = DELETE", "DELETE FROM iceberg_tables WHERE table_name = 'edfs_shear'",
		"UPDATE iceberg_tables SET table_name = 'edfs_shear' WHERE table_name = 'edfs_shear_sources'",
	} {
		_, err := db.Exec(s)
		must(t, err)
	}
	must(t, db.Close())
}
