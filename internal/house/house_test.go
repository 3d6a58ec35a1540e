// Package house holds the suite to its own plan: which package may import
// which, and what an executable may link.
package house

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/survey"
)

const module = "github.com/cosmostat/constellation/"

type pkg struct {
	ImportPath    string
	Imports, Deps []string
}

func list(t *testing.T, patterns ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, patterns...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// layer is where a package of ours stands; a package imports its own layer or
// lower ones only. The table is the one of docs/architecture.md.
func layer(path string) int {
	switch rel := strings.TrimPrefix(path, module); {
	case strings.HasPrefix(rel, "tasks/"), strings.HasPrefix(rel, "cmd/"), strings.HasPrefix(rel, "workflows"):
		return 4
	case strings.HasPrefix(rel, "pkg/pipeline"):
		return 3
	case strings.HasPrefix(rel, "pkg/flyte/"):
		return 2
	case strings.HasPrefix(rel, "pkg/objstore"), rel == "pkg/config", rel == "pkg/bounds", rel == "pkg/settings", rel == "pkg/fault", rel == "pkg/version":
		return 0
	case strings.HasPrefix(rel, "pkg/"):
		return 1
	}
	return 5 // internal: tests, benchmarks, and what supports tests; nothing that people run imports these
}

func TestImportsGoDown(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, i := range p.Imports {
			if !strings.HasPrefix(i, module) {
				continue
			}
			switch from, to := layer(p.ImportPath), layer(i); {
			case to > from:
				t.Errorf("%s (layer %d) imports %s (layer %d)", p.ImportPath, from, i, to)
			case from == 2 && to == 1, from == 2 && strings.HasSuffix(i, "pkg/config"):
				t.Errorf("%s is an SDK that knows no astronomy, and imports %s", p.ImportPath, i)
			case p.ImportPath == module+"pkg/survey" && !slices.Contains([]string{"euclid", "sky", "region", "settings", "objstore", "fault", "bounds"}, strings.TrimPrefix(i, module+"pkg/")):
				t.Errorf("%s holds what stages tell each other, on the ground floor, and imports %s", p.ImportPath, i)
			case strings.HasPrefix(p.ImportPath, module+"workflows") && to == 1:
				t.Errorf("%s imports %s: workflows import contracts only", p.ImportPath, i)
			}
		}
	}
}

// TestCatalogueRooms: each room of the catalogue imports those before it, rows
// links no Iceberg, and nothing outside of the rooms knows it.
func TestCatalogueRooms(t *testing.T) {
	const iceberg = "github.com/apache/iceberg-go"
	order := []string{"/rows", "/foreign", "/glue", "/tables", "/files", "/reading", "/commits", "/upkeep", ""} // the last is the door
	room := func(path string) int {
		rest, is := strings.CutPrefix(path, module+"pkg/catalog")
		if !is {
			return -1
		}
		return slices.Index(order, rest)
	}
	for _, p := range list(t, "./pkg/...", "./cmd/...", "./tasks/...") {
		from := room(p.ImportPath)
		for _, i := range p.Imports {
			if to := room(i); from >= 0 && to >= 0 && to >= from {
				t.Errorf("%s imports %s, which is no room below it", p.ImportPath, i)
			}
			if from < 0 && strings.HasPrefix(i, iceberg) {
				t.Errorf("%s imports %s: that is for the rooms of pkg/catalog", p.ImportPath, i)
			}
		}
		if strings.HasSuffix(p.ImportPath, "pkg/catalog/rows") && slices.ContainsFunc(p.Deps, func(d string) bool { return strings.HasPrefix(d, iceberg) }) {
			t.Errorf("%s links Iceberg", p.ImportPath)
		}
		if strings.HasPrefix(p.ImportPath, module+"pkg/catalog") && from < 0 {
			t.Errorf("%s is no room that is known", p.ImportPath)
		}
	}
}

// TestStagesAreOneLine: what a stage does is a body that others can call, and its
// main joins that with the contract.
func TestStagesAreOneLine(t *testing.T) {
	mains, err := filepath.Glob("../../tasks/*/main.go")
	if err != nil || len(mains) < 14 {
		t.Fatalf("%d stages, %v", len(mains), err)
	}
	form := regexp.MustCompile(`^// [a-z-]+ [^\n]+\npackage main\n\nimport \(\n(\t"[^"]+"\n){3}\)\n\nfunc main\(\) \{ task\.Main(Dynamic)?\(pipeline\.[A-Za-z]+, [a-z]+\.[A-Za-z]+\) \}\n$`)
	for _, path := range mains {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !form.Match(text) {
			t.Errorf("%s is more than a contract and a body:\n%s", path, text)
		}
		if others, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); err != nil || len(others) != 1 {
			t.Errorf("%s is not alone in its directory: %v", path, others)
		}
	}
}

// TestOneHomeForNames: the paths of products and the identity of a sub-tile are
// spelt by one package each.
func TestOneHomeForNames(t *testing.T) {
	var names []string
	for _, name := range []string{
		survey.ManifestFile, survey.LocalManifestFile, survey.CatalogFile, survey.ProvenanceFile, survey.DroppedFile, survey.FailureFile,
		survey.ShearFile, survey.SourcesFile, survey.SummaryFile, survey.RunFile,
	} {
		names = append(names, regexp.QuoteMeta(name))
	}
	spelt := regexp.MustCompile(`"(?:[^"\n]*/)?(?:` + strings.Join(names, "|") + `)"|%d_%d`)
	// The last three are FITS keywords and a quadrant's place on a detector.
	homes := []string{"pkg/survey/paths.go", "pkg/sky/identity.go", "pkg/simulate/header.go", "pkg/wcs/header.go", "pkg/wcs/terms.go"}
	for _, dir := range []string{"pkg", "cmd", "tasks", "workflows"} {
		err := filepath.WalkDir(filepath.Join("../..", dir), func(path string, d fs.DirEntry, err error) error {
			rel := strings.TrimPrefix(filepath.ToSlash(path), "../../")
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || slices.Contains(homes, rel) {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range spelt.FindAll(text, -1) {
				t.Errorf("%s spells %s", rel, found)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestExecutablesStayLean: what a stage links decides how big it is and how fast it starts.
func TestExecutablesStayLean(t *testing.T) {
	catalogue := []string{"check-catalog", "compact-catalog", "select-tiles", "assemble-catalog", "validate-catalog", "constellation"}
	parquet := append([]string{"parquet-stages", "index-observations", "read-footprints", "merge-footprints", "fan-out-tiles", "prepare-tile", "infer-subtile"}, catalogue...)
	heavy := map[string][]string{ // dependency -> the stages that may link it
		"github.com/apache/iceberg-go/table":            catalogue,
		"github.com/apache/arrow-go/v18/parquet/file":   parquet,
		"google.golang.org/grpc":                        catalogue,
		"text/template":                                 parquet, // its reflection keeps unused methods in the executable
		"github.com/flyteorg/flyte/flytestdlib/storage": nil,
		"git.sr.ht/~sbinet/gg":                          {"constellation"},
	}
	stages := list(t, "./tasks/...", "./cmd/stages", "./cmd/parquet-stages", "./cmd/loader", "./cmd/constellation")
	if len(stages) < 18 {
		t.Fatalf("there are %d executables", len(stages))
	}
	for _, p := range stages {
		name := p.ImportPath[strings.LastIndexByte(p.ImportPath, '/')+1:]
		for dependency, allowed := range heavy {
			if slices.Contains(p.Deps, dependency) && !slices.Contains(allowed, name) {
				t.Errorf("%s links %s", name, dependency)
			}
		}
		for _, d := range p.Deps { // nothing of the demos' server; it has an executable of its own
			if strings.HasPrefix(d, "github.com/versity/versitygw") {
				t.Errorf("%s links %s", name, d)
			}
		}
	}
}
