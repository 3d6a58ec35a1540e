package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/survey"
)

// pixels are the extracted files of a run.
func pixels(products sums) (n int) {
	for path := range products {
		if strings.Contains(path, "/exposures/") || strings.Contains(path, "/psf/") {
			n++
		}
	}
	return n
}

// unmarked takes the marks of dropped pixels out, of which each sub-tile must have one.
func unmarked(t *testing.T, products sums) sums {
	t.Helper()
	marks, subTiles := 0, 0
	for path := range products {
		switch filepath.Base(path) {
		case survey.DroppedFile:
			marks++
			delete(products, path)
		case survey.LocalManifestFile:
			subTiles++
		}
	}
	if marks != subTiles {
		t.Errorf("%d of %d sub-tiles say that their pixels were dropped", marks, subTiles)
	}
	return products
}

// TestRetention drops the pixels of measured tiles, by the configuration and
// by hand, and nothing else.
func TestRetention(t *testing.T) {
	s := newSite(t)
	s.do(t, s.run("kept")...)
	kept := tree(t, s.products("kept"))
	rest := sums{}
	for path, sum := range kept {
		if pixels(sums{path: sum}) == 0 {
			rest[path] = sum
		}
	}
	if pixels(kept) == 0 {
		t.Fatal("there are no pixels to drop")
	}
	drop := s.run("dropped", "--set", "output.retention=drop_pixels")
	s.do(t, drop...)
	same(t, rest, unmarked(t, tree(t, s.products("dropped"))))
	s.do(t, drop...) // again: nothing is left to do
	same(t, rest, unmarked(t, tree(t, s.products("dropped"))))
	s.do(t, "validate", "--config", "c.yaml", "--run-id", "dropped")

	clean := []string{"clean", "--config", "c.yaml", "--run-id", "kept", "--pixels"}
	if said := s.do(t, clean...); !strings.Contains(said, "pixels of finished tiles") || !strings.Contains(said, "dry run") {
		t.Errorf("the dry run:\n%s", said)
	}
	same(t, kept, tree(t, s.products("kept")))
	t.Logf("%s", s.do(t, append(clean, "--yes")...))
	same(t, rest, unmarked(t, tree(t, s.products("kept"))))
	s.refused(t, []string{"pixels were dropped", "prepare the tile again"}, "infer", "--config", "c.yaml", "s3://products/kept/102018211/0_0")
	if said := s.do(t, append(clean, "--yes")...); !strings.Contains(said, "nothing to remove") {
		t.Errorf("again:\n%s", said)
	}

	// A tile with a sub-tile that failed keeps its pixels.
	for _, name := range []string{"holed"} {
		s.do(t, s.run(name)...)
		record := filepath.Join(s.products(name), "run.json")
		text, err := os.ReadFile(record)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(record, []byte(strings.Replace(string(text), `"status": "ok"`, `"status": "failed"`, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
		before := pixels(tree(t, s.products(name)))
		args := []string{"clean", "--config", "c.yaml", "--run-id", name, "--pixels", "--yes"}
		s.refused(t, []string{"breaks its thresholds"}, args...)
		s.do(t, append(args, "--set", "validation.max_failed_fraction=0.2")...)
		if after := pixels(tree(t, s.products(name))); after == 0 || after >= before {
			t.Errorf("%d of %d files are left, of one tile of two with a failure", after, before)
		}
	}
	s.refused(t, []string{"--run-id"}, "clean", "--config", "c.yaml", "--pixels")
	s.refused(t, []string{"not assembled", "s3://products/never/run.json"}, "clean", "--config", "c.yaml", "--run-id", "never", "--pixels", "--yes")
}

// TestStorageClass has the pixels go to another class of storage, and the
// settings refuse one that inference could not read.
func TestStorageClass(t *testing.T) {
	s := newSite(t)
	classes := s.classes()
	s.do(t, s.run("cheap", "--set", "output.storage_class=STANDARD_IA")...)
	for path, class := range classes() {
		want := ""
		if strings.HasPrefix(path, "/products/cheap/") && !strings.Contains(path, "/results/") && !strings.HasSuffix(path, "/run.json") && !strings.HasSuffix(path, "/"+survey.IdentityFile) && !strings.Contains(path, "/parts/") {
			want = "STANDARD_IA"
		}
		if class != want {
			t.Errorf("%s was written in class %q", path, class)
		}
	}
	s.refused(t, []string{"output.storage_class", "STANDARD_IA"}, s.run("frozen", "--set", "output.storage_class=DEEP_ARCHIVE")...)
}
