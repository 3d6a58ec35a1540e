package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// caching is tasks whose outputs are cached, x being ignored in those of "sum".
func caching(change func(*core.TaskMetadata)) []*core.TaskTemplate {
	all := tasks()
	for _, t := range all {
		t.Metadata = &core.TaskMetadata{Discoverable: true, DiscoveryVersion: "1"}
		if change != nil {
			change(t.Metadata)
		}
	}
	return all
}

// cacheable is one node of work, x being an input of the workflow.
func cacheable(do string, change func(*core.TaskMetadata)) *Bundle {
	return Register(&Bundle{Tasks: caching(change), Workflow: workflowOf("wf", vars{"x": tInt}, vars{"y": tInt},
		[]*core.Binding{to("y", from("n.y"))}, taskNode("n", "work", to("do", do), to("x", from(".x"))))}, "p", "d", "v")
}

func x(n int) *core.LiteralMap { return literals(map[string]any{"x": n}) }

// entries are the files of the cache.
func (l *lab) entries(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Join(l.Prefix, cacheDir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

// TestCachePolicy: what runs, and what is kept, run after run.
func TestCachePolicy(t *testing.T) {
	l := newLab(t)
	for i, step := range []struct {
		policy CachePolicy
		x      int
		change func(*core.TaskMetadata)
		status CacheStatus
		kept   int // entries afterwards
	}{
		{policy: CacheOff, x: 1},
		{x: 1, status: CachePopulated, kept: 1},
		{x: 1, status: CacheHit, kept: 1},
		{x: 2, status: CachePopulated, kept: 2},
		{policy: CacheOff, x: 1, kept: 2},
		{policy: CacheOverwrite, x: 1, status: CachePopulated, kept: 2},
		{x: 1, status: CacheHit, kept: 2},
		{x: 1, change: func(m *core.TaskMetadata) { m.DiscoveryVersion = " a/b " }, status: CachePopulated, kept: 3},
		{x: 1, change: func(m *core.TaskMetadata) { m.DiscoveryVersion = "a/b" }, status: CacheHit, kept: 3},
		{x: 7, change: func(m *core.TaskMetadata) { m.CacheIgnoreInputVars = []string{"x"} }, status: CachePopulated, kept: 4},
		{x: 8, change: func(m *core.TaskMetadata) { m.CacheIgnoreInputVars = []string{"x"} }, status: CacheHit, kept: 4},
		{x: 1, change: func(m *core.TaskMetadata) { m.Discoverable = false }, kept: 4},
	} {
		l.events, l.Cache = nil, step.policy
		execution := "e" + string(rune('a'+i))
		out, err := l.Execute(t.Context(), cacheable("ok", step.change), x(step.x), execution)
		want := 10 * step.x
		if step.x == 8 {
			want = 70 // of the inputs that were not looked at
		}
		check(t, out, err, map[string]any{"y": want}, "")
		end := l.events[len(l.events)-1]
		if end.Kind != Succeeded || end.Cache != step.status {
			t.Errorf("step %d: %s, cache %q, want %q", i, end.Kind, end.Cache, step.status)
		}
		if hit := step.status == CacheHit; hit == (l.count("n", Running) > 0) || hit != strings.HasPrefix(end.Message, "from the cache: execution e") {
			t.Errorf("step %d: ran %d times, and says %q", i, l.count("n", Running), end.Message)
		}
		if n := len(l.entries(t)); n != step.kept {
			t.Errorf("step %d: %d entries, want %d", i, n, step.kept)
		}
		// A hit resumes as work does: from its record.
		l.events = nil
		out, err = l.Execute(t.Context(), cacheable("ok", step.change), x(step.x), execution)
		check(t, out, err, map[string]any{"y": want}, "")
		if e := l.events[len(l.events)-1]; e.Message != Recovered {
			t.Errorf("step %d: resuming says %q", i, e.Message)
		}
	}
}

// TestCacheKey: a hash stands for its literal, at any depth; names that are
// ignored are not there.
func TestCacheKey(t *testing.T) {
	mark := func(v any, hash string) *core.Literal {
		l := lit(v)
		l.Hash = hash
		return l
	}
	inside := func(l *core.Literal) *core.LiteralMap {
		return &core.LiteralMap{Literals: map[string]*core.Literal{
			"list": collection([]*core.Literal{collection([]*core.Literal{l}), lit(2)}),
			"map":  {Value: &core.Literal_Map{Map: &core.LiteralMap{Literals: map[string]*core.Literal{"k": l}}}},
			"run":  lit("changes"),
		}}
	}
	key := func(m *core.LiteralMap, ignored ...string) string {
		raw, err := marshal(cacheKey(m, ignored))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	if key(inside(mark(1, "h"))) != key(inside(mark("else", "h"))) {
		t.Error("a hash does not stand for its literal")
	}
	if key(inside(mark(1, "h"))) == key(inside(mark(1, "i"))) || key(inside(lit(1))) == key(inside(lit(3))) || key(inside(lit(1))) == key(inside(mark(1, "h"))) {
		t.Error("different inputs have the same key")
	}
	other := inside(lit(1))
	other.Literals["run"] = lit("has changed")
	if key(inside(lit(1))) == key(other) || key(inside(lit(1)), "run") != key(other, "run") {
		t.Error("an input that is to be ignored takes part, or one that is not does not")
	}
	before := inside(mark(1, "h"))
	if after := proto.CloneOf(before); key(after) == "" || !proto.Equal(before, after) {
		t.Error("the inputs were changed")
	}
}

// TestCacheElements: of a map the elements that are known don't run, wherever
// they stand; those that failed are not known.
func TestCacheElements(t *testing.T) {
	l := newLab(t)
	run := func(execution string, xs []any, do []any) []string {
		l.events = nil
		b := &Bundle{Tasks: caching(nil), Workflow: workflowOf("wf", nil, nil, nil, mapNode("m", "work_map", func(a *core.ArrayNode) {
			a.SuccessCriteria = &core.ArrayNode_MinSuccessRatio{}
		}, to("do", do), to("x", xs)))}
		if _, err := l.Execute(t.Context(), Register(b, "p", "d", "v"), nil, execution); err != nil {
			t.Fatal(err)
		}
		var ran []string
		for _, e := range l.events {
			if e.Element >= 0 && e.Kind == Running {
				ran = append(ran, e.String())
			}
		}
		slices.Sort(ran)
		return ran
	}
	bad := "error:NoGood:fatal:user"
	for _, tt := range []struct{ got, want []string }{
		{run("a", []any{1, 2}, []any{"ok", bad}), []string{"m[0]", "m[1]"}},
		{run("b", []any{2, 3, 1}, []any{bad, "ok", "ok"}), []string{"m[0]", "m[1]"}},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("ran %q, want %q", tt.got, tt.want)
		}
	}
	if e := l.events[len(l.events)-1]; e.Node != "m" || e.Message != "1 from the cache" {
		t.Errorf("the map ends with %+v", e)
	}
}

// TestCacheSerializable: of those who want the same at the same time one works.
func TestCacheSerializable(t *testing.T) {
	for _, serial := range []bool{false, true} {
		var nodes []*core.Node
		for _, id := range []string{"a", "b", "c"} {
			nodes = append(nodes, taskNode(id, "work", to("do", "sleep:300ms"), to("x", 1)))
		}
		b := &Bundle{Tasks: caching(func(m *core.TaskMetadata) { m.CacheSerializable = serial }), Workflow: workflowOf("wf", nil, nil, nil, nodes...)}
		l := newLab(t)
		if _, err := l.Execute(t.Context(), Register(b, "p", "d", "v"), nil, "e"); err != nil {
			t.Fatal(err)
		}
		hits := 0
		for _, e := range l.events {
			if e.Cache == CacheHit {
				hits++
			}
		}
		if serial && hits != 2 || !serial && hits != 0 {
			t.Errorf("serializable %v: %d of 3 were hits", serial, hits)
		}
	}
}

// TestCacheTrouble: entries that can't be used are not, one that can't be read
// is an error, one that can't be written is none.
func TestCacheTrouble(t *testing.T) {
	l := newLab(t)
	execute := func(execution string) (CacheStatus, error) {
		l.events = nil
		_, err := l.Execute(t.Context(), cacheable("ok", nil), x(1), execution)
		return l.events[len(l.events)-1].Cache, err
	}
	if _, err := execute("first"); err != nil {
		t.Fatal(err)
	}
	entry := l.entries(t)[0]
	for i, broken := range []string{"", "{", `{"outputs":{}}`, `{"outputs":{"literals":{"z":{}}}}`} {
		if err := os.WriteFile(entry, []byte(broken), 0o644); err != nil {
			t.Fatal(err)
		}
		if status, err := execute("broken-" + string(rune('a'+i))); err != nil || status != CachePopulated {
			t.Errorf("entry %q: cache %q, error %v", broken, status, err)
		}
	}
	if err := os.RemoveAll(filepath.Join(l.Prefix, cacheDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.Prefix, cacheDir), nil, 0o644); err != nil { // a file where a directory must be
		t.Fatal(err)
	}
	l.Cache = CacheOverwrite
	if status, err := execute("unwritten"); err != nil || status != CachePutFailure {
		t.Errorf("cache %q, error %v", status, err)
	}
	l.Cache = CacheUse
	if err := os.Remove(filepath.Join(l.Prefix, cacheDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(entry), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(entry, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(entry, 33*l.MaxOutput); err != nil { // longer than any that was written
		t.Fatal(err)
	}
	_, err := l.Execute(t.Context(), cacheable("ok", nil), x(1), "unread")
	check(t, nil, err, nil, codeStore)

	_, err = l.Execute(t.Context(), cacheable("ok", func(m *core.TaskMetadata) { m.DiscoveryVersion = " " }), x(1), "none")
	if err == nil || !strings.Contains(err.Error(), "no discovery_version") {
		t.Errorf("a cache without a version: %v", err)
	}
}

// TestCacheGone: a file from the cache that is gone is named when a task fails.
func TestCacheGone(t *testing.T) {
	tBlob := &core.LiteralType{Type: &core.LiteralType_Blob{Blob: &core.BlobType{}}}
	made := task("make", vars{"do": tString, "x": tInt}, vars{"y": tBlob})
	made.Metadata = &core.TaskMetadata{Discoverable: true, DiscoveryVersion: "1"}
	used := task("use", vars{"do": tString, "x": tBlob}, vars{"y": tInt})
	b := Register(&Bundle{Tasks: []*core.TaskTemplate{made, used}, Workflow: workflowOf("wf", vars{"do": tString}, nil, nil,
		taskNode("made", "make", to("do", "file"), to("x", 1)),
		taskNode("used", "use", to("do", from(".do")), to("x", from("made.y"))))}, "p", "d", "v")
	l := newLab(t)
	do := func(what string) *core.LiteralMap { return literals(map[string]any{"do": what}) }
	if _, err := l.Execute(t.Context(), b, do("ok"), "first"); err != nil {
		t.Fatal(err)
	}
	const failing = "error:NoGood:fatal:user"
	if _, err := l.Execute(t.Context(), b, do(failing), "there"); err == nil || strings.Contains(err.Error(), "cache") {
		t.Errorf("the file is there, and the failure says %v", err)
	}
	file := filepath.Join(l.Prefix, "first", "made", "raw", "0", "file")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	_, err := l.Execute(t.Context(), b, do(failing), "gone")
	check(t, nil, err, nil, "NoGood")
	for _, says := range []string{"came from the cache and its file is gone", file, "execution first, node made"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("error %q does not say %q", err, says)
		}
	}
}

// TestCacheS3 keeps the cache in an object store.
func TestCacheS3(t *testing.T) {
	s := s3test.Start(t)
	s.Setenv(t)
	s.Bucket(t, "flyte")
	l := newLab(t)
	l.Store, l.Prefix = objstore.Open(t.Context(), objstore.Config{}), "s3://flyte/metadata"
	for _, execution := range []string{"a", "b"} {
		out, err := l.Execute(t.Context(), cacheable("ok", nil), x(1), execution)
		check(t, out, err, map[string]any{"y": 10}, "")
	}
	if n := l.count("n", Running); n != 1 {
		t.Errorf("ran %d times", n)
	}
}
