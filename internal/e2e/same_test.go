package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Where the engine's products go and those of the verbs by hand: names of one
// length, since documents hold sizes of others.
const byEngine, byHand = "engine", "byhand"

// TestSame: extract, infer, assemble and validate by hand leave the same
// documents as a run of the pipeline, and the same rows, and say the same.
func TestSame(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	write(t, s.path("survey.yaml"), s.local("survey"))
	s.copySurvey(t, "survey")
	r := s.do(t, s.args(byEngine, "run", "--cache", "off")...)
	s.do(t, s.args(byHand, "extract")...)
	s.do(t, s.inferArgs(t, byHand)...)
	s.do(t, s.args(byHand, "assemble")...)
	s.sameProducts(t)
	s.sameRows(t)
	sameVerdict(t, r.stdout, s.do(t, s.args(byHand, "validate")...).stdout)
}

// TestSameFailures: so they do where a tile can't be prepared and a sub-tile not inferred.
func TestSameFailures(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	remove(anyCatalog)(t, s.copySurvey(t, "survey")) // of the eastern tile
	write(t, s.path("survey.yaml"), s.local("survey")+"validation: {max_failed_fraction: 0.9}\n")
	product := filepath.Join("same", "102018211", "0_1", "exposures", "002681_00_1_bkg.fits")
	maimed := s.maimed(t, "infer-subtile", "rm -f "+s.path(byEngine, product)+"; exec %q \"$@\"")
	r := s.try(t, s.args(byEngine, "run", "--cache", "off", "--bin", maimed)...)
	if r.status != 0 || !hasFigure(r.stdout, "failed", 5) {
		t.Fatal(r)
	}
	if r := s.try(t, s.args(byHand, "extract")...); r.status != 1 || !strings.Contains(r.stderr, "1 of 2 tiles could not be prepared") || !strings.Contains(r.stdout, "tile 102018212: failed: ") {
		t.Fatal(r)
	}
	if _, err := os.Stat(s.path(byHand, product)); err != nil {
		t.Fatal(err)
	}
	removeAll(t, s.path(byHand, product))
	if r := s.try(t, s.inferArgs(t, byHand)...); r.status != 1 || strings.Count(r.stdout, ": ok") != 3 || !strings.Contains(r.stdout, "sub-tile 0_1: failed: ") || !strings.Contains(r.stderr, "1 of 4 sub-tiles failed") {
		t.Fatal(r)
	}
	s.do(t, s.args(byHand, "assemble")...)
	s.sameProducts(t)
	s.sameRows(t)
	sameVerdict(t, r.stdout, s.do(t, s.args(byHand, "validate")...).stdout)
	documents := s.documents(t, byHand)
	if why := documents["same/102018211/0_1/failure.json"]; !strings.Contains(why, "002681_00_1_bkg.fits") {
		t.Errorf("failure.json: %q", why)
	}
	marks := slices.DeleteFunc(slices.Collect(maps.Keys(documents)), func(path string) bool { return !strings.HasPrefix(path, "redo/tiles/") })
	if len(marks) != 2 {
		t.Errorf("both tiles are to be prepared again: %v", marks)
	}
}

// maimed is a directory of the stages in which one is a shell script; %q in it is
// the stage's executable.
func (s *site) maimed(t *testing.T, stage, script string) string {
	t.Helper()
	dir := mkdir(t, s.dir, "maimed")
	stages, err := filepath.Glob(filepath.Join(s.bin, "*-*"))
	if err != nil || len(stages) == 0 {
		t.Fatalf("stages: %v (%v)", stages, err)
	}
	for _, path := range stages {
		if filepath.Base(path) == stage {
			err = os.WriteFile(filepath.Join(dir, stage), fmt.Appendf(nil, "#!/bin/sh\n"+script+"\n", path), 0o777)
		} else {
			err = os.Symlink(path, filepath.Join(dir, filepath.Base(path)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// local is a configuration that reads the survey below a directory, without places for products.
func (s *site) local(dir string) string {
	return s.tiny.ConfigYAML(s.path(dir)) + "engine: mock\n"
}

// copySurvey makes a directory that holds the survey. Its files are links:
// replace, never modify.
func (s *site) copySurvey(t *testing.T, name string) string {
	t.Helper()
	for path := range tree(t, s.survey) {
		to := s.path(name, path)
		mkdir(t, filepath.Dir(to))
		if err := os.Link(filepath.Join(s.survey, path), to); err != nil {
			t.Fatal(err)
		}
	}
	return s.path(name)
}

// args is a verb with products and catalogue in a place of their own.
func (s *site) args(where, verb string, more ...string) []string {
	return append([]string{verb, "--config", "survey.yaml", "--run-id", "same", "--storage", s.path(where), "--set", "output.catalog_warehouse=" + s.path("warehouse-"+where)}, more...)
}

// inferArgs is the verb infer for all sub-tile directories of a run.
func (s *site) inferArgs(t *testing.T, where string) []string {
	t.Helper()
	dirs, err := filepath.Glob(s.path(where, "same", "*", "*_*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("%v, %v", dirs, err)
	}
	return append([]string{"infer", "--config", "survey.yaml"}, dirs...)
}

// documents are the files of a place by their paths, with what names the place
// taken out, and of provenance.json what may differ.
func (s *site) documents(t *testing.T, where string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(s.path(where), func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(s.path(where), path)
		if err != nil || d.IsDir() {
			if d != nil && (rel == "index" || rel == "same/parts") { // the verbs by hand have one batch, and an index that goes
				return fs.SkipDir
			}
			return err
		}
		data := bytes.ReplaceAll(read(t, path), []byte(s.path(where)), []byte("PLACE"))
		if d.Name() == survey.RunFile { // by hand it names the objects that had the checksums, which no outcome does
			data = resultTags.ReplaceAll(data, nil)
		}
		if d.Name() == survey.ProvenanceFile {
			var made map[string]any
			if err := json.Unmarshal(data, &made); err != nil {
				return err
			}
			for _, key := range []string{"execution", "node", "attempt"} {
				delete(made, key)
			}
			if data, err = json.Marshal(made); err != nil {
				return err
			}
		}
		all[rel] = string(data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sameProducts holds the two places to each other.
func (s *site) sameProducts(t *testing.T) {
	t.Helper()
	want, got := s.documents(t, byEngine), s.documents(t, byHand)
	if want["same/run.json"] == "" {
		t.Error("the run has no record")
	}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		switch text, ok := got[path]; {
		case !ok:
			t.Errorf("%s is not there by hand", path)
		case text != want[path] && strings.HasSuffix(path, ".json"):
			t.Errorf("%s (-engine +by hand):\n%s", path, cmp.Diff(strings.Split(want[path], "\n"), strings.Split(text, "\n")))
		case text != want[path]:
			t.Errorf("%s has other bytes by hand", path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[path]; !ok {
			t.Errorf("%s is there only by hand:\n%s", path, got[path])
		}
	}
}

// sameRows holds the two catalogues to each other.
func (s *site) sameRows(t *testing.T) {
	t.Helper()
	rows := func(where string) (shear, sources []string) {
		c, err := catalog.Open(t.Context(), settings.Catalog{Warehouse: s.path("warehouse-" + where), Namespace: "shear", Table: strings.ToLower(s.tiny.Field) + "_shear"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for r, err := range c.Rows(t.Context(), catalog.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			shear = append(shear, asJSON(t, r))
		}
		for r, err := range c.Sources(t.Context(), catalog.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, asJSON(t, r))
		}
		slices.Sort(shear)
		slices.Sort(sources)
		return shear, sources
	}
	shear, sources := rows(byEngine)
	shearByHand, sourcesByHand := rows(byHand)
	if d := cmp.Diff(shear, shearByHand); d != "" || len(shear) == 0 {
		t.Errorf("shear rows (-engine +by hand):\n%s", d)
	}
	if d := cmp.Diff(sources, sourcesByHand); d != "" || len(sources) == 0 {
		t.Errorf("source rows (-engine +by hand):\n%s", d)
	}
}

func asJSON(t *testing.T, row any) string {
	t.Helper()
	text, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sameVerdict holds what validate says to what the run said.
func sameVerdict(t *testing.T, run, validate string) {
	t.Helper()
	_, said, found := strings.Cut(run, "\nrun same\n")
	said, _, more := strings.Cut(said, "\n\nproducts ")
	said = regexp.MustCompile(`(?m)^  `).ReplaceAllString(said, "")
	if d := cmp.Diff(strings.Split(said, "\n"), strings.Split(strings.TrimRight(validate, "\n"), "\n")); d != "" || !found || !more {
		t.Errorf("the verdict (-run +validate):\n%s\nof\n%s", d, run)
	}
}

// resultTags are the ETags of results in a run's record.
var resultTags = regexp.MustCompile(`,\n *"etag": "[^"]*"`)
