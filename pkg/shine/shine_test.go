package shine_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/await"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

func mock(dir string) shine.Job {
	return shine.Job{Dir: dir, Engine: settings.EngineMock, ConfigID: "c1"}
}

func job(t *testing.T, dir, how string) shine.Job {
	t.Setenv(standIn, how)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return shine.Job{Dir: dir, Engine: settings.EngineShine, Command: []string{self}, Timeout: time.Hour, Grace: time.Hour,
		Inference: "inference:\n  method: map # kept\n", GAL: "gal: {n: 200}\n", ConfigID: "c1"}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(dir, survey.ResultsDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, survey.ResultsDir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = string(data)
	}
	return got
}

func TestMock(t *testing.T) {
	ctx := t.Context()
	a, b := prepare(t, nil), prepare(t, nil)
	found, err := shine.Run(ctx, mock(a))
	if err != nil {
		t.Fatal(err)
	}
	first := found.Outcome
	if first.Status != survey.StatusOK || first.TileID != 102018211 || first.Row != 2 || first.Col != 1 || first.Shear.SHA256 == "" || first.Sources.URI != filepath.Join(a, "results/sources.parquet") {
		t.Errorf("%+v", first)
	}
	for range 2 { // elsewhere, and once more over its own results
		if _, err := shine.Run(ctx, mock(b)); err != nil {
			t.Fatal(err)
		}
		if x, y := contents(t, a), contents(t, b); len(x) != 3 || x[survey.ShearFile] != y[survey.ShearFile] || x[survey.SourcesFile] != y[survey.SourcesFile] || x[survey.SummaryFile] != y[survey.SummaryFile] {
			t.Error("the same sub-tile and configuration gave different results")
		}
	}
	other := mock(b)
	other.ConfigID = "c2"
	if _, err := shine.Run(ctx, other); err != nil {
		t.Fatal(err)
	}
	if contents(t, a)[survey.ShearFile] == contents(t, b)[survey.ShearFile] {
		t.Error("another configuration gave the same results")
	}
	store := objstore.Open(ctx, objstore.Config{})
	shear, err := results.LoadShear(ctx, store, first.Shear)
	if err != nil {
		t.Fatal(err)
	}
	if d := sky.Separation(sky.Coord{RA: shear[0].RA, Dec: shear[0].Dec}, centre()); d > 1e-9 || shear[0].Method != "mock" || shear[0].NSources != 12 {
		t.Errorf("%+v is %g deg off the sub-tile's centre", shear[0], d)
	}
	sources, err := results.LoadSources(ctx, store, first.Sources)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range sources {
		if want := centre().RA + float64(i)*1e-4; s.RA != want || s.NExposures != 1 {
			t.Errorf("source %d: RA %v, want %v", i, s.RA, want)
		}
	}
	if len(sources) != 12 {
		t.Errorf("%d sources, want the 12 core ones", len(sources))
	}
}

func TestNothingToMeasure(t *testing.T) {
	for want, change := range map[string]func(*manifest.Manifest){
		survey.StatusNoSources:   func(m *manifest.Manifest) { m.Core = nil },
		survey.StatusNoExposures: func(m *manifest.Manifest) { m.Quadrants = nil },
	} {
		dir := prepare(t, change)
		j := job(t, dir, "exit 3") // must not be run
		found, err := shine.Run(t.Context(), j)
		out := found.Outcome
		if err != nil || out.Status != want || out.Reason == "" {
			t.Errorf("%s: %+v, %v", want, out, err)
		}
		shear, err := results.LoadShear(t.Context(), objstore.Open(t.Context(), objstore.Config{}), out.Shear)
		if err != nil || len(shear) != 1 || shear[0].Status != want || shear[0].G1 != nil {
			t.Errorf("%s: %+v, %v", want, shear, err)
		}
	}
}

func TestCommand(t *testing.T) {
	dir := prepare(t, nil)
	var log bytes.Buffer
	j := job(t, dir, "good")
	j.Log, j.URI = &log, "s3://bucket/run/102018211/2_1"
	found, err := shine.Run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	out := found.Outcome
	if out.Status != survey.StatusOK || out.Shear.URI != "s3://bucket/run/102018211/2_1/results/shear.parquet" || out.Directory != j.URI {
		t.Errorf("%+v", out)
	}
	if got, want := contents(t, dir)["inference.yaml"], "inference:\n  method: map # kept\ngal: {n: 200}\n"; got != want {
		t.Errorf("configuration %q, want %q", got, want)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	for _, l := range lines {
		if !strings.HasPrefix(l, "tile 102018211 sub-tile 2_1: ") || len(l) > 4200 {
			t.Errorf("line of %d bytes: %.80s", len(l), l)
		}
	}
	if len(lines) != 5 || !strings.HasSuffix(lines[0], "config has 46 bytes") || !strings.HasSuffix(lines[4], "unfinished") {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".results-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFailures(t *testing.T) {
	dir := prepare(t, nil)
	if _, err := shine.Run(t.Context(), mock(dir)); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	for _, c := range []struct {
		how, code, says string
		kind            fault.Kind
	}{
		{"exit 1", shine.CodeFailed, "something went wrong", fault.Unclassified},
		{"exit 3", shine.CodeFailed, "exited with 3", fault.Unclassified},
		{"exit 2", shine.CodeCommand, "shine.command", fault.BadInput},
		{"exit 64", shine.CodeCommand, "shine.command", fault.BadInput},
		{"exit 65", shine.CodeFailed, "exited with 65", fault.BadData},
		{"exit 66", shine.CodeFailed, "exited with 66", fault.BadData},
		{"exit 69", shine.CodeImport, "image", fault.BadInput},
		{"exit 70", shine.CodeDiverged, "learning rate", fault.BadData},
		{"exit 73", shine.CodeFailed, "space", fault.Transient},
		{"exit 75", shine.CodeMemory, "accelerator", fault.Transient},
		{"exit 78", shine.CodeCommand, "configuration", fault.BadInput},
		{"exit 127", shine.CodeCommand, "exited with 127", fault.BadInput},
		{"exit 137", shine.CodeKilled, "SIGKILL", fault.Transient},
		{"exit 139", shine.CodeFailed, "SIGSEGV", fault.Unclassified},
		{"gpu memory", shine.CodeMemory, "RESOURCE_EXHAUSTED", fault.Transient},
		{"cuda memory", shine.CodeMemory, "CUDA_ERROR_OUT_OF_MEMORY", fault.Transient},
		{"python memory", shine.CodeMemory, "MemoryError", fault.Transient},
		{"aborted for memory", shine.CodeMemory, "RESOURCE_EXHAUSTED", fault.Transient},
		{"import", shine.CodeImport, "shine.euclid", fault.BadInput},
		{"import of a name", shine.CodeImport, "ExposureSet", fault.BadInput},
		{"nan", shine.CodeDiverged, "nan", fault.BadData},
		{"nan loss", shine.CodeDiverged, "step 12", fault.BadData},
		{"no place to begin", shine.CodeDiverged, "valid initial parameters", fault.BadData},
		{"an error of its own", shine.CodeFailed, "ZeroDivisionError", fault.Unclassified},
		{"signal 9", shine.CodeKilled, "SIGKILL (killed)", fault.Transient},
		{"signal 11", shine.CodeFailed, "SIGSEGV (segmentation fault)", fault.Unclassified},
		{"signal 6", shine.CodeFailed, "SIGABRT (aborted)", fault.Unclassified},
		{"signal 15", shine.CodeKilled, "SIGTERM (terminated)", fault.Transient},
		{"shot by the kernel", shine.CodeMemory, "OOM killer", fault.Transient},
		{"dies at the end", shine.CodeKilled, "SIGKILL", fault.Transient},
		{"nothing", shine.CodeNoResults, "shear.parquet", fault.BadData},
		{"half a file", results.CodeCorrupt, "sources.parquet", fault.BadData},
		{"columns of another table", results.CodeColumns, "shear.parquet", fault.BadData},
		{"words for numbers", results.CodeColumns, "column TILE_ID", fault.BadData},
		{"two rows", results.CodeInvalid, "2 rows", fault.BadData},
		{"foreign source", results.CodeInvalid, "not a core source", fault.BadData},
		{"source of the margin", results.CodeInvalid, "not a core source", fault.BadData},
		{"source twice", results.CodeInvalid, "twice", fault.BadData},
		{"another sub-tile", results.CodeInvalid, "SUBTILE_COL", fault.BadData},
		{"another tile's sources", results.CodeInvalid, "column TILE_ID, row 1", fault.BadData},
		{"nan shear", results.CodeInvalid, "column G1, row 0: is not finite", fault.BadData},
		{"infinite flux", results.CodeInvalid, "column FLUX, row 2: is not finite", fault.BadData},
		{"signs for another", results.CodeInvalid, `configuration "c2"`, fault.BadData},
		{"garbled summary", results.CodeInvalid, "summary.json: line 2, column 3: is no JSON object", fault.BadData},
		{"on the CPU", shine.CodeGPU, "JAX_PLATFORMS=cpu", fault.Transient},
		{"exit 71", shine.CodeGPU, "can't use the GPU", fault.Transient},
	} {
		t.Run(c.how, func(t *testing.T) {
			j := job(t, dir, c.how)
			j.MemoryEvents, j.GPU = filepath.Join(dir, "memory.events"), true
			if err := os.WriteFile(j.MemoryEvents, []byte("oom 0\noom_kill 0\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := shine.Run(t.Context(), j)
			if fault.KindOf(err) != c.kind || fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "sub-tile 2_1 of tile 102018211") {
				t.Errorf("%v is %v %q, want %v %q", err, fault.KindOf(err), fault.CodeOf(err), c.kind, c.code)
			}
		})
	}
	j := job(t, dir, "good")
	for _, command := range [][]string{nil, {"/no/such/command"}} {
		j.Command = command
		if _, err := shine.Run(t.Context(), j); fault.CodeOf(err) != shine.CodeCommand {
			t.Errorf("%q: %v", command, err)
		}
	}
	j.Engine = "divination"
	if _, err := shine.Run(t.Context(), j); fault.CodeOf(err) != shine.CodeEngine || !strings.Contains(err.Error(), "divination") {
		t.Error(err)
	}
	for file, data := range contents(t, dir) {
		if before[file] != data {
			t.Errorf("a failure changed the earlier %s", file)
		}
	}
}

func TestIncompleteSubTile(t *testing.T) {
	for name, change := range map[string]func(*manifest.Manifest){
		"missing": func(m *manifest.Manifest) { m.Files[0].Path = "nowhere.fits" },
		"size":    func(m *manifest.Manifest) { m.Files[0].Size++ },
		"outside": func(m *manifest.Manifest) { m.Files[0].Path = "../secret" },
		"source":  func(m *manifest.Manifest) { m.Core[0] = 77 },
	} {
		_, err := shine.Run(t.Context(), mock(prepare(t, change)))
		if fault.CodeOf(err) != shine.CodeIncomplete || fault.KindOf(err) != fault.BadData {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := shine.Run(t.Context(), mock(t.TempDir())); fault.CodeOf(err) != shine.CodeIncomplete {
		t.Error(err)
	}
}

func TestStopping(t *testing.T) {
	for _, how := range []string{"polite", "stubborn"} {
		t.Run(how, func(t *testing.T) {
			dir := prepare(t, nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				appears(t, filepath.Join(dir, "started"))
				cancel()
			}()
			if _, err := shine.Run(ctx, abrupt(t, dir, how)); fault.KindOf(err) != fault.Canceled || !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			silent(t, dir)
		})
	}
	for _, how := range []string{"hangs", "stubborn"} {
		t.Run("timeout, "+how, func(t *testing.T) {
			dir := prepare(t, nil)
			j := abrupt(t, dir, how)
			j.Timeout = 500 * time.Millisecond
			if _, err := shine.Run(t.Context(), j); fault.CodeOf(err) != shine.CodeTimeout || fault.KindOf(err) != fault.Transient {
				t.Error(err)
			}
			silent(t, dir)
		})
	}
	t.Run("leaves a child", func(t *testing.T) { // that also holds the output open
		dir := prepare(t, nil)
		if out, err := shine.Run(t.Context(), abrupt(t, dir, "leaves a child")); err != nil || out.Outcome.Status != survey.StatusOK {
			t.Error(out, err)
		}
		silent(t, dir)
	})
}

// abrupt is a job that gives nobody time to end by itself.
func abrupt(t *testing.T, dir, how string) shine.Job {
	j := job(t, dir, how)
	j.Grace = 300 * time.Millisecond
	return j
}

func appears(t *testing.T, path string) {
	t.Helper()
	await.Until(t, path+" appears", func() bool { _, err := os.Stat(path); return err == nil })
}

// silent fails where a descendant of the command still writes its heartbeat.
func silent(t *testing.T, dir string) {
	t.Helper()
	beat := filepath.Join(dir, "beat")
	os.Remove(beat)
	time.Sleep(200 * time.Millisecond)
	if _, err := os.Stat(beat); err == nil {
		t.Error("a descendant of the command lives on")
	}
}
