package local

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What a killed process left is found, and nothing of one that runs, or of others.
func TestAbandoned(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	dead, lock, err := newScratch("r1")
	if err != nil {
		t.Fatal(err)
	}
	lock.Close() // as the kernel does
	if err := os.WriteFile(filepath.Join(dead, "big"), make([]byte, 100), 0o666); err != nil {
		t.Fatal(err)
	}
	_, alive, err := newScratch("r2")
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	for _, name := range []string{"flyte-execution-other", "other"} { // no mark
		if err := os.Mkdir(filepath.Join(tmp, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dead, filepath.Join(tmp, "flyte-execution-link")); err != nil {
		t.Fatal(err)
	}
	got, err := FindAbandoned(tmp, time.Now().Add(time.Hour))
	if err != nil || len(got) != 1 || got[0] != (Abandoned{dead, "r1", 2, 103}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := FindAbandoned(tmp, time.Now().Add(-time.Hour)); err != nil || len(got) != 0 {
		t.Errorf("young: %+v, %v", got, err)
	}
}
