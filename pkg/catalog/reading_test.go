package catalog_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// TestReadingMakesNothing reads what isn't there.
func TestReadingMakesNothing(t *testing.T) {
	for name, s := range map[string]settings.Catalog{
		"a warehouse": {Warehouse: filepath.Join(t.TempDir(), "mistyped"), Namespace: "shear", Table: "t"},
		"a file":      {Warehouse: t.TempDir(), URI: "sqlite://" + filepath.Join(t.TempDir(), "mistyped.db"), Namespace: "shear", Table: "t"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := catalog.Reading(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if c.There() || len(contents(t, c, catalog.Filter{})) > 0 || len(ledger(t, c)) > 0 {
				t.Errorf("there is something in %s", c.URI())
			}
			path := strings.TrimPrefix(c.URI(), "sqlite://")
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Errorf("%s was made: %v", path, err)
			}
			if _, err := os.Stat(s.Warehouse); name == "a warehouse" && !os.IsNotExist(err) {
				t.Errorf("%s was made: %v", s.Warehouse, err)
			}
		})
	}
}

// TestReadingWithoutRights reads a catalogue, with its last changes in the file and
// beside it, as a user who may write neither file nor directory.
func TestReadingWithoutRights(t *testing.T) {
	s := settings.Catalog{Warehouse: t.TempDir(), Namespace: "shear", Table: "edff_shear"}
	c := catalogtest.Open(t, s)
	commit(t, c, batch("run", config, 7, 3, 0.5))
	want := contents(t, c, catalog.Filter{})

	file := strings.TrimPrefix(c.URI(), "sqlite://")
	reads := func(what string) {
		t.Helper()
		asNobody(t, s.Warehouse, func() {
			before := tree(t, s.Warehouse)
			c, err := catalog.Reading(t.Context(), s)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				return
			}
			defer c.Close()
			wants(t, contents(t, c, catalog.Filter{}), want)
			if _, err := c.Commit(t.Context(), batch("another", config, 8, 3, 0.5)); err == nil {
				t.Errorf("%s: it was written to", what)
			}
			if err := usable(t, s); fault.CodeOf(err) != catalog.CodeSettings {
				t.Errorf("%s: it counts as one to write to: %v", what, err)
			}
			if after := tree(t, s.Warehouse); after != before {
				t.Errorf("%s: it left something behind:\n%s", what, after)
			}
		})
	}
	reads("open elsewhere")
	for _, suffix := range []string{"", "-wal", "-shm"} { // what a killed process leaves
		keep(t, file+suffix, file+".killed"+suffix)
	}
	if err := c.Close(); err != nil { // which brings what is in the log into the file
		t.Fatal(err)
	}
	reads("closed")
	s.URI = "sqlite://" + file + ".killed"
	reads("of a killed process")
	if err := os.Remove(file + ".killed-shm"); err != nil {
		t.Fatal(err)
	}
	reads("a copy of what a killed process left")
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "constellation-*", "catalog.db.killed*")); err != nil || len(left) > 0 {
		t.Errorf("copies are left: %v, %v", left, err)
	}
	if os.Geteuid() != 0 {
		return // no way to take the right to read from a file of one's own
	}
	if err := os.Chmod(file+".killed", 0); err != nil {
		t.Fatal(err)
	}
	asUser(t, func() {
		if _, err := catalog.Reading(t.Context(), s); fault.CodeOf(err) != catalog.CodeSettings || fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), "get the right to read it") {
			t.Error(err)
		}
	})
}

// keep copies a file.
func keep(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// asNobody does something as a user who may read below a directory and write nothing there.
func asNobody(t *testing.T, dir string, do func()) {
	t.Helper()
	for parent := filepath.Dir(dir); strings.HasPrefix(parent, os.TempDir()+"/"); parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	modes := map[string]fs.FileMode{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		modes[path] = info.Mode().Perm()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path := range modes {
		mode := fs.FileMode(0o444)
		if modes[path]&0o100 != 0 {
			mode = 0o555
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for path, mode := range modes {
			_ = os.Chmod(path, mode) // it may be gone
		}
	}()
	asUser(t, do)
}

// asUser does something as a user who isn't root.
func asUser(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		const nobody = 65534
		if err := syscall.Seteuid(nobody); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := syscall.Seteuid(0); err != nil {
				panic(err) // nothing after it would mean anything
			}
		}()
	}
	do()
}
