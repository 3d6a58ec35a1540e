package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// shared are the executables of several stages, with the files that say which.
var shared = map[string]string{
	"stages": "cmd/stages/main.go", "parquet-stages": "cmd/parquet-stages/main.go", "constellation": "cmd/constellation/stages.go",
}

// joined finds what a file joins: stages' contracts with their bodies, as the
// stage's name and the body's full name.
func joined(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	from := map[string]string{}
	for _, i := range f.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		if i.Name != nil {
			name = i.Name.Name
		}
		from[name] = path
	}
	member := func(e ast.Expr) (pkg, name string) {
		s, ok := e.(*ast.SelectorExpr)
		if !ok {
			return "", ""
		}
		of, ok := s.X.(*ast.Ident)
		if !ok {
			return "", ""
		}
		return from[of.Name], s.Sel.Name
	}
	found := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		pkg, how := member(call.Fun)
		if pkg != module+"pkg/flyte/task" || !slices.Contains([]string{"Main", "MainDynamic", "Stage", "DynamicStage"}, how) {
			return true
		}
		_, contract := member(call.Args[0])
		room, body := member(call.Args[1])
		if contract == "" || room == "" {
			t.Errorf("%s: not a contract of pkg/pipeline and a body that can be imported", path)
		}
		name := strings.ToLower(regexp.MustCompile(`(.)([A-Z])`).ReplaceAllString(contract, "$1-$2"))
		found[name] = room + "." + body
		return true
	})
	return found
}

// TestEveryStageIsShared: each directory in tasks is in exactly one of the
// executables of several stages, with the same body, and is a link to that one
// in what `make build` makes.
func TestEveryStageIsShared(t *testing.T) {
	in := map[string][]string{} // executables, by stage
	bodies := map[string]string{}
	for s, path := range shared {
		for stage, body := range joined(t, path) {
			in[stage] = append(in[stage], s)
			bodies[stage] = body
		}
	}
	linked := links(t)
	dirs, err := os.ReadDir(filepath.Join(root, "tasks"))
	if err != nil || len(dirs) < 14 {
		t.Fatalf("%d stages, %v", len(dirs), err)
	}
	for _, d := range dirs {
		name := d.Name()
		own := joined(t, "tasks/"+name+"/main.go")
		if len(own) != 1 || own[name] == "" {
			t.Errorf("tasks/%s is the stages %v", name, slices.Collect(maps.Keys(own)))
		}
		switch {
		case len(in[name]) != 1:
			t.Errorf("%s is in %v, not in one of %v: add it there", name, in[name], slices.Collect(maps.Values(shared)))
		case own[name] != bodies[name]:
			t.Errorf("%s is %s in tasks/, %s in %s", name, own[name], bodies[name], shared[in[name][0]])
		case linked[name] != in[name][0]:
			t.Errorf("%s is in %s, and make build links it to %q: see the lists in the Makefile", name, in[name][0], linked[name])
		}
		delete(in, name)
	}
	for name, s := range in {
		t.Errorf("%v holds %s, which is not in tasks/", s, name)
	}
}

// links are those that `make build` makes.
func links(t *testing.T) map[string]string {
	t.Helper()
	build := exec.Command("make", "-n", "build", "VERSION=v0")
	build.Dir = root
	out, err := build.Output()
	if err != nil {
		t.Fatalf("make -n build: %v", err)
	}
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`for s in ([^;]*); do ln -sf (\S+) bin/`).FindAllStringSubmatch(string(out), -1) {
		for _, name := range strings.Fields(m[1]) {
			found[name] = m[2]
		}
	}
	return found
}
