package e2e

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/settings"
)

// TestReaders: who may write nothing validates a run and sees how its survey stands,
// with the sources and without, from whatever keeps the tables; and leaves nothing.
func TestReaders(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		c := s.campaign(t, "camp.yaml", 1, "")
		s.do(t, "campaign", "--config", c.file, "--run-id", "first")
		c.readers(t, "closed")
		open, err := catalog.Open(t.Context(), settings.Catalog{Warehouse: s.path("warehouse"), Namespace: "shear", Table: "another"})
		if err != nil {
			t.Fatal(err)
		}
		defer open.Close()
		if _, err := os.Stat(s.path("warehouse", "catalog.db-wal")); err != nil {
			t.Fatal(err) // or what follows is the same again
		}
		c.readers(t, "open elsewhere")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		admin := catalogtest.Postgres(t)
		s := newSite(t)
		c := s.campaign(t, "camp.yaml", 1, "")
		text := string(read(t, s.path(c.file)))
		with := func(uri string) {
			write(t, s.path(c.file), strings.Replace(text, "  catalog_warehouse:", "  catalog_uri: "+uri+"\n  catalog_warehouse:", 1))
		}
		with(admin)
		s.do(t, "campaign", "--config", c.file, "--run-id", "first")
		db, err := sql.Open("pgx", admin)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, statement := range []string{"REVOKE CREATE ON SCHEMA public FROM PUBLIC", "CREATE ROLE reader LOGIN", "GRANT SELECT ON iceberg_tables, iceberg_namespace_properties TO reader"} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		with(strings.Replace(admin, "postgres@", "reader@", 1))
		c.readers(t, "a role that may read")
	})
}

// readers looks at a survey of which one tile of two is done, as a user who may write nothing.
func (c *campaigning) readers(t *testing.T, how string) {
	t.Helper()
	defer unwritable(t, c.dir)()
	before := tree(t, c.path("warehouse"))
	tmp := t.TempDir()
	if err := os.Chmod(tmp, 0o777); err != nil {
		t.Fatal(err)
	}
	as := func(args ...string) result {
		cmd := c.command(args...)
		cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		return finish(t, cmd)
	}
	away := [...]string{"campaign", "status", "--config", c.file, "--set", "data.s3_endpoint_url=http://127.0.0.1:1"}
	const mayNot = "the sources can't be asked which tiles there are: "
	for what, look := range map[string]struct {
		args    []string
		figures map[string]int
		stdout  string
		stderr  string
	}{
		"validate":         {args: []string{"validate", "--config", c.file, "--run-id", "first"}},
		"status":           {args: []string{"campaign", "status", "--config", c.file}, figures: map[string]int{"tiles of the survey": 2, "done": 1, "never tried": 1}},
		"without sources":  {args: append(away[:], "--set", "tile_ids=all"), figures: map[string]int{"tiles that the catalogue knows": 1, "done": 1}, stdout: "unknown", stderr: mayNot + "http://127.0.0.1:1"},
		"of tiles by name": {args: away[:], figures: map[string]int{"tiles of the survey": 2, "done": 1, "never tried": 1}, stderr: "counted are those of tile_ids"},
		"offline":          {args: []string{"campaign", "status", "--config", c.file, "--offline", "--set", "tile_ids=all"}, figures: map[string]int{"tiles that the catalogue knows": 1, "done": 1}, stderr: "the sources were not asked"},
	} {
		r := as(look.args...)
		if r.status != 0 || !strings.Contains(r.stdout, look.stdout) || !strings.Contains(r.stderr, look.stderr) || look.stderr == "" && r.stderr != "" {
			t.Errorf("%s, %s: %s", how, what, r)
		}
		for label, n := range look.figures {
			if !hasFigure(r.stdout, label, n) {
				t.Errorf("%s, %s: %s is not %d:\n%s", how, what, label, n, r.stdout)
			}
		}
	}
	sameTree(t, "the catalogue that was read", before, tree(t, c.path("warehouse")))
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("%s: left behind: %v, %v", how, left, err)
	}
}

// unwritable takes the right to write from what lies below a directory, and lets
// everybody read it, until the function that it gives is called.
func unwritable(t *testing.T, dir string) (undo func()) {
	t.Helper()
	modes := map[string]fs.FileMode{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode()&fs.ModeSymlink == 0 {
			modes[path] = info.Mode().Perm()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, mode := range modes {
		if err := os.Chmod(path, mode&^0o222|0o444|mode>>6&0o1*0o111); err != nil {
			t.Fatal(err)
		}
	}
	for parent := filepath.Dir(dir); strings.HasPrefix(parent, os.TempDir()+"/"); parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for path, mode := range modes {
			_ = os.Chmod(path, mode) // it may be gone
		}
	}
}
