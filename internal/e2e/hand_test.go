package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestByHand takes the stages one by one, on plain directories and relative
// paths, as people do who look into a tile.
func TestByHand(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.do(t, "simulate", "--preset", "tiny", "--out", "survey", "--config", "survey.yaml")
	sameTree(t, "a second simulation", tree(t, s.survey), tree(t, s.path("survey")))

	args := func(verb string, more ...string) []string {
		return append([]string{verb, "--config", "survey.yaml", "--run-id", "hand"}, more...)
	}
	r := s.do(t, args("extract")...)
	for _, want := range []string{`2 exposures in 2 batches`, `tile 102018211: 4 sub-tiles`, `read .* of the sources`} {
		if !regexp.MustCompile(want).MatchString(r.stdout) {
			t.Errorf("extract does not say %q:\n%s", want, r.stdout)
		}
	}
	extracted := tree(t, s.path("products", "hand"))

	s.do(t, "prepare", "--config", "survey.yaml", "--run-id", "engine")
	own := []string{"provenance.json", "run.json", "00000.json"} // what may name the run
	sameTree(t, "prepare, which has the engine do it", without(extracted, own...), without(tree(t, s.path("products", "engine")), own...))

	dirs, err := filepath.Glob(s.path("products", "hand", "*", "*"))
	if err != nil || len(dirs) != len(s.tiny.TargetIDs())*s.tiny.GridRows*s.tiny.GridCols {
		t.Fatalf("sub-tile directories: %v (%v)", dirs, err)
	}
	r = s.do(t, append([]string{"infer", "--config", "survey.yaml"}, dirs...)...)
	if n := strings.Count(r.stdout, ": ok"); n != len(dirs) {
		t.Errorf("infer says ok %d times, not %d:\n%s", n, len(dirs), r.stdout)
	}
	first := s.do(t, args("assemble")...).stdout
	again := s.do(t, args("assemble")...).stdout
	if !strings.HasPrefix(first, "8 shear rows and 38 source rows in snapshot ") {
		t.Errorf("assemble says %q", first)
	}
	if want := strings.TrimSpace(first) + " (they were there already)\n"; again != want {
		t.Errorf("assemble says %q the second time, not %q", again, want)
	}
	if r := s.do(t, args("validate")...); !strings.Contains(r.stdout, "verdict") {
		t.Errorf("validate says %q", r.stdout)
	}
	if r := s.try(t, args("validate", "--set", "validation.min_completeness=1")...); r.status != 0 {
		t.Errorf("validate: %s", r)
	}

	removeAll(t, filepath.Join(dirs[0], "results"))
	s.do(t, args("assemble")...)
	if r := s.try(t, args("validate")...); r.status != 1 || !strings.Contains(r.stderr, "1 of 8 sub-tiles failed") || !strings.Contains(r.stderr, "constellation infer makes one") {
		t.Errorf("validate with one sub-tile lost: %s", r)
	}
}

// TestPackage writes the archive for flytectl, twice.
func TestPackage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	sum := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	args := []string{"package", "--image", "registry.example/constellation@" + sum, "--shine-image", "registry.example/shine@" + sum, "-o"}
	s.do(t, append(args, "one.tgz")...)
	s.do(t, append(args, "two.tgz")...)
	one := read(t, s.path("one.tgz"))
	if !bytes.Equal(one, read(t, s.path("two.tgz"))) {
		t.Error("the same package has other bytes the second time")
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(one))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for archive := tar.NewReader(unzipped); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds[h.Name[strings.LastIndexByte(h.Name, '_')+1:]]++
	}
	if kinds["1.pb"] == 0 || kinds["2.pb"] != 6 || kinds["3.pb"] != 6 {
		t.Errorf("tasks, workflows and launch plans: %v", kinds)
	}
	if r := s.try(t, "package", "--image", "x"); r.status != 2 || !strings.Contains(r.stderr, "shine-image") {
		t.Errorf("package without SHINE's image: %s", r)
	}
}

// TestHelp asks every verb for its help.
func TestHelp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ask := func(verbs ...string) []string {
		r := s.do(t, append(verbs, "--help")...)
		_, examples, _ := strings.Cut(r.stdout, "Examples:\n")
		if len(verbs) > 0 && !strings.Contains(examples, "  constellation "+strings.Join(verbs, " ")) {
			t.Errorf("%v: no example:\n%s", verbs, r.stdout)
		}
		var below []string
		for _, m := range regexp.MustCompile(`(?m)^  ([a-z]+)  +[A-Z]`).FindAllStringSubmatch(r.stdout, -1) {
			if m[1] != "help" && m[1] != "completion" {
				below = append(below, m[1])
			}
		}
		return below
	}
	verbs := ask()
	for _, want := range []string{"run", "prepare", "extract", "infer", "assemble", "validate", "package", "simulate", "version", "config", "serve", "demo"} {
		if !slices.Contains(verbs, want) {
			t.Errorf("there is no verb %s among %v", want, verbs)
		}
	}
	for _, verb := range verbs {
		for _, below := range ask(verb) {
			ask(verb, below)
		}
	}
	if r := s.do(t, "version"); !regexp.MustCompile(`^constellation \S+ go1\.\d+`).MatchString(r.stdout) {
		t.Errorf("version: %q", r.stdout)
	}
	if r := s.try(t, "frobnicate"); r.status != 2 || !strings.Contains(r.stderr, `no verb "frobnicate"`) {
		t.Errorf("an unknown verb: %s", r)
	}
	if r := s.try(t, "run"); r.status != 2 || !strings.Contains(r.stderr, `--config is needed`) {
		t.Errorf("run without a configuration: %s", r)
	}
}
