package faults

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestDiskFull writes products to a disk that is too small, and resumes once
// it has grown.
func TestDiskFull(t *testing.T) {
	s := newSite(t)
	s.do(t, s.run("roomy")...)
	disk := filepath.Join(s.dir, "disk")
	if err := os.Mkdir(disk, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("SKIPPED: no run met a full disk: a small file system can't be mounted here (%v)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	s.refused(t, []string{"no space left on device", disk + "/full/1020", "free space, or write elsewhere"}, s.run("full", "--storage", disk)...)
	for path := range tree(t, disk) {
		if base := filepath.Base(path); base == "manifest_local.yaml" {
			t.Errorf("%s marks a directory as complete", path)
		}
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=200m"); err != nil {
		t.Fatal(err)
	}
	s.do(t, s.run("full", "--storage", disk)...)
	same(t, tree(t, s.products("roomy")), tree(t, filepath.Join(disk, "full")))
}
