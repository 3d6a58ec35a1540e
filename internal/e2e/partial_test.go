package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestLeftOut takes the BKG of an exposure away: without leave the run is refused,
// and with it the exposure is left out and named, and the campaign goes on.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	remove(anyBKG)(t, filepath.Join(s.server.Dir, surveyBucket, "q1"))
	r := s.try(t, "prepare", "--config", "constellation.yaml", "--run-id", "refused")
	if r.status != 1 || !strings.Contains(r.stderr, "002682_00_1 lacks BKG") || !strings.Contains(r.stderr, "data.max_missing") {
		t.Errorf("it is not refused: %v", r)
	}
	r = s.do(t, "prepare", "--config", "constellation.yaml", "--run-id", "prepared", "--set", "data.max_missing=1")
	if !strings.Contains(r.stdout, "002682_00_1: no BKG file") || !strings.Contains(r.stdout, "an exposure is missing: 002682_00_1 lacks BKG") {
		t.Errorf("the exposure isn't named:\n%s", r.stdout)
	}
	r = s.do(t, "run", "--config", "constellation.yaml", "--run-id", "whole", "--cache", "off", "--set", "data.max_missing=1")
	if !hasFigure(r.stdout, "lines about exposures that are missing", 1) || !hasFigure(r.stdout, "in the catalogue", 8) || !hasFigure(r.stdout, "no_exposures", 2) {
		t.Errorf("not all sub-tiles are in the catalogue:\n%s", r.stdout)
	}
	for _, d := range s.subTiles(t, filepath.Join(s.products, "whole")) {
		for _, q := range d.local.Quadrants {
			if q.Obs == "002682" {
				t.Errorf("%s has a quadrant of the exposure without BKG", d.path)
			}
		}
	}
}

// TestReplaced replaces a source file between indexing and extraction. A run
// that fails first for want of a place for its products, and is resumed, makes
// sure of the order.
func TestReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	args := []string{"run", "--config", "constellation.yaml", "--run-id", "replaced", "--storage", "out"}
	if err := os.MkdirAll(s.path("out", "replaced"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, id := range s.tiny.TargetIDs() {
		write(t, s.path("out", "replaced", fmt.Sprint(id)), "in the way")
	}
	if r := s.try(t, args...); r.status != 1 || !strings.Contains(r.stderr, "NotWritable") {
		t.Fatal(r)
	}
	for _, id := range s.tiny.TargetIDs() {
		removeAll(t, s.path("out", "replaced", fmt.Sprint(id)))
	}
	det := only(t, s.server.Dir, surveyBucket, "q1", anyDET)
	write(t, det, read(t, det))
	if err := os.Chtimes(det, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	r := s.try(t, args...)
	if r.status != 1 || !regexp.MustCompile(regexp.QuoteMeta(filepath.Base(det))+".*the object was replaced since it was indexed by .*plan\\.json at .*index again").MatchString(r.stderr) {
		t.Errorf("a replaced source: %s", r)
	}
	found, err := filepath.Glob(s.path("out", "replaced", "*", "*", "manifest_local.yaml"))
	if err != nil || len(found) > 0 {
		t.Errorf("sub-tiles are marked complete: %v (%v)", found, err)
	}
}
