package register

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// program is the smallest file that is a static program for Linux.
func program(content string) []byte {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	header[16], header[18], header[20] = 2, 62, 1 // an executable, for x86-64, version 1
	header[52], header[54], header[58] = 64, 56, 64
	return append(header, content...)
}

// TestUpload: stages that are one file, by links or by their bytes, share one
// object, which is written once and never again.
func TestUpload(t *testing.T) {
	bin, store := t.TempDir(), objstore.NewMemory()
	write := func(name, content string) string {
		data := program(content)
		if err := os.WriteFile(filepath.Join(bin, name), data, 0o755); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:])
	}
	many, own := write("many", "many"), write("own-stage", "own")
	write("copied-stage", "many")
	for _, name := range []string{"one-stage", "other-stage"} {
		if err := os.Symlink("many", filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	sums := map[string]string{"one-stage": many, "other-stage": many, "copied-stage": many, "own-stage": own}
	upload := func() *Upload {
		t.Helper()
		u := NewUpload(t.Context(), store, "mem://code/", bin)
		for range 2 {
			for stage, sum := range sums {
				command, err := u.Command(stage)
				if err != nil || !slices.Equal(command, []string{"/bin/loader", "mem://code/" + sum, "sha256:" + sum, stage}) {
					t.Fatalf("%s: %q, %v", stage, command, err)
				}
			}
		}
		return u
	}
	first := upload()
	if !strings.Contains(first.Summary(), ": 2 executables uploaded (0.0 MB), 1 were there") {
		t.Error(first.Summary())
	}
	info, err := store.Stat(t.Context(), "mem://code/"+many)
	if err != nil {
		t.Fatal(err)
	}
	if again := upload(); !strings.Contains(again.Summary(), ": 0 executables uploaded (0.0 MB), 3 were there") {
		t.Error(again.Summary())
	}
	after, err := store.Stat(t.Context(), "mem://code/"+many)
	if err != nil || after != info {
		t.Errorf("it was written again: %+v, then %+v, %v", info, after, err)
	}
}

// TestNoProgram: what a pod can't start is refused, at length once.
func TestNoProgram(t *testing.T) {
	bin := t.TempDir()
	for name, content := range map[string]string{"script": "#!/bin/sh\n", "empty": ""} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	u := NewUpload(t.Context(), objstore.NewMemory(), "mem://code", bin)
	for name, want := range map[string]string{"script": "not a program for Linux", "empty": "not a program for Linux", "gone": "make build"} {
		if _, err := u.Command(name); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), filepath.Join(bin, name)) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := u.Command(name); fmt.Sprint(err) != name+": as above" {
			t.Errorf("%s, again: %v", name, err)
		}
	}
}
