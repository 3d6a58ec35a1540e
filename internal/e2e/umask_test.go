package e2e

import (
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUmask: who may read and write what the command makes is the umask's to say,
// of every file and directory that stays.
func TestUmask(t *testing.T) {
	t.Parallel()
	for mask, want := range map[string]fs.FileMode{"077": 0o700, "002": 0o775} {
		t.Run(mask, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			umask := func(args ...string) {
				t.Helper()
				cmd := exec.Command("/bin/sh", append([]string{"-c", "umask " + mask + `; exec "$0" "$@"`, filepath.Join(s.bin, "constellation")}, args...)...)
				cmd.Dir, cmd.Env = s.path("made"), s.env
				if r := finish(t, cmd); r.status != 0 {
					t.Fatalf("%v: %s", args, r)
				}
			}
			must(t, exec.Command("/bin/sh", "-c", `umask "$0"; mkdir "$1"`, mask, s.path("made")).Run())
			umask("simulate", "--out", "survey", "--preset", "tiny", "--config", "survey.yaml")
			write(t, s.path("c.yaml"), s.local("made/survey"))
			args := []string{"--config", s.path("c.yaml"), "--run-id", "r", "--storage", s.path("made", "products"), "--set", "output.catalog_warehouse=" + s.path("made", "warehouse"), "--set", "engine=reference"}
			umask(append([]string{"run", "--metadata", "metadata", "--events", "events.jsonl"}, args...)...)
			umask("plot", "--run", "products/r", "--tiles", "102018211", "-o", "tile.svg")
			umask("package", "-o", "constellation.tgz", "-p", "p", "-d", "d", "--version", "v", "--image", "example/a@sha256:"+strings.Repeat("0", 64), "--shine-image", "example/b@sha256:"+strings.Repeat("0", 64))
			kinds := map[string]bool{}
			err := filepath.WalkDir(s.path("made"), func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := d.Info()
				if err != nil {
					return err
				}
				kinds[filepath.Ext(path)] = true
				given := want
				if !d.IsDir() {
					given &^= 0o111
				}
				if info.Mode().Perm() != given {
					t.Errorf("%s has %s, not %s", path, info.Mode(), given)
				}
				return nil
			})
			if err != nil || len(kinds) < 10 {
				t.Errorf("%v, kinds of files: %v", err, kinds)
			}
		})
	}
}
