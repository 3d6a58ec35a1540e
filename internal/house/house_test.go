// Package house holds the suite to its own plan: which package may import
// which, and what an executable may link.
package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
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
	case strings.HasPrefix(rel, "pkg/objstore"), rel == "pkg/config", rel == "pkg/fault", rel == "pkg/version":
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
			case strings.HasPrefix(p.ImportPath, module+"workflows") && to == 1:
				t.Errorf("%s imports %s: workflows import contracts only", p.ImportPath, i)
			}
		}
	}
}

// TestExecutablesStayLean: what a stage links decides how big it is and how fast it starts.
func TestExecutablesStayLean(t *testing.T) {
	catalogue := []string{"select-tiles", "assemble-catalog", "validate-catalog"}
	parquet := append([]string{"index-observations", "read-footprints", "merge-footprints", "fan-out-tiles", "prepare-tile", "infer-subtile",
		"schedule-tile", "record-tiles", "record-run"}, catalogue...) // the last three by way of the outcomes' package
	heavy := map[string][]string{ // dependency -> the stages that may link it
		"github.com/apache/iceberg-go/table":            catalogue,
		"github.com/apache/arrow-go/v18/parquet/file":   parquet,
		"google.golang.org/grpc":                        catalogue,
		"text/template":                                 parquet, // its reflection keeps unused methods in the executable
		"github.com/flyteorg/flyte/flytestdlib/storage": nil,
		"github.com/versity/versitygw/s3api":            nil,
		"golang.org/x/image/vector":                     nil,
		"git.sr.ht/~sbinet/gg":                          nil,
	}
	stages := list(t, "./tasks/...")
	if len(stages) < 14 {
		t.Fatalf("there are %d stages", len(stages))
	}
	for _, p := range stages {
		name := strings.TrimPrefix(p.ImportPath, module+"tasks/")
		for dependency, allowed := range heavy {
			if slices.Contains(p.Deps, dependency) && !slices.Contains(allowed, name) {
				t.Errorf("%s links %s", name, dependency)
			}
		}
	}
}
