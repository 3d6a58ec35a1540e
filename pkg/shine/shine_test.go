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

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/objstore/s3test"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/sky"
)

func mock(dir string) shine.Job {
	return shine.Job{Dir: dir, Engine: shine.EngineMock, ConfigID: "c1"}
}

func job(t *testing.T, dir, how string) shine.Job {
	t.Setenv("CONSTELLATION_TEST_SHINE", how)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return shine.Job{Dir: dir, Engine: shine.EngineShine, Command: []string{self}, Timeout: time.Minute, Grace: 300 * time.Millisecond,
		Inference: "inference:\n  method: map # kept\n", GAL: "gal: {n: 200}\n", ConfigID: "c1"}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(dir, results.Directory))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, results.Directory, e.Name()))
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
	first, err := shine.Run(ctx, mock(a))
	if err != nil {
		t.Fatal(err)
	}
	if first.Status != results.OK || first.TileID != 102018211 || first.Row != 2 || first.Col != 1 || first.Shear.SHA256 == "" || first.Sources.URI != filepath.Join(a, "results/sources.parquet") {
		t.Errorf("%+v", first)
	}
	for range 2 { // elsewhere, and once more over its own results
		if _, err := shine.Run(ctx, mock(b)); err != nil {
			t.Fatal(err)
		}
		if x, y := contents(t, a), contents(t, b); len(x) != 3 || x[results.ShearFile] != y[results.ShearFile] || x[results.SourcesFile] != y[results.SourcesFile] || x[results.SummaryFile] != y[results.SummaryFile] {
			t.Error("the same sub-tile and configuration gave different results")
		}
	}
	other := mock(b)
	other.ConfigID = "c2"
	if _, err := shine.Run(ctx, other); err != nil {
		t.Fatal(err)
	}
	if contents(t, a)[results.ShearFile] == contents(t, b)[results.ShearFile] {
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
		results.NoSources:   func(m *manifest.Manifest) { m.Core = nil },
		results.NoExposures: func(m *manifest.Manifest) { m.Quadrants = nil },
	} {
		dir := prepare(t, change)
		j := job(t, dir, "exit 3") // must not be run
		out, err := shine.Run(t.Context(), j)
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
	out, err := shine.Run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	if out.Status != results.OK || out.Shear.URI != "s3://bucket/run/102018211/2_1/results/shear.parquet" || out.Directory != j.URI {
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
		{"exit 3", shine.CodeFailed, "something went wrong", fault.Unclassified},
		{"exit 2", shine.CodeCommand, "shine.command", fault.BadInput},
		{"exit 69", shine.CodeImport, "image", fault.BadInput},
		{"exit 70", shine.CodeDiverged, "learning rate", fault.BadData},
		{"exit 73", shine.CodeFailed, "space", fault.Transient},
		{"exit 75", shine.CodeMemory, "accelerator", fault.Transient},
		{"traceback of memory", shine.CodeMemory, "RESOURCE_EXHAUSTED", fault.Transient},
		{"traceback of import", shine.CodeImport, "shine.euclid", fault.BadInput},
		{"traceback", shine.CodeFailed, "ZeroDivisionError", fault.Unclassified},
		{"killed", shine.CodeKilled, "memory", fault.Transient},
		{"nothing", shine.CodeNoResults, "shear.parquet", fault.BadData},
		{"corrupt", results.CodeCorrupt, "sources.parquet", fault.BadData},
		{"foreign source", results.CodeInvalid, "not a core source", fault.BadData},
	} {
		t.Run(c.how, func(t *testing.T) {
			_, err := shine.Run(t.Context(), job(t, dir, c.how))
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
				await(t, filepath.Join(dir, "started"))
				cancel()
			}()
			start := time.Now()
			_, err := shine.Run(ctx, job(t, dir, how))
			if fault.KindOf(err) != fault.Canceled || !errors.Is(err, context.Canceled) || time.Since(start) > 20*time.Second {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
			silent(t, dir)
		})
	}
	t.Run("timeout", func(t *testing.T) {
		dir := prepare(t, nil)
		j := job(t, dir, "stubborn")
		j.Timeout = 500 * time.Millisecond
		if _, err := shine.Run(t.Context(), j); fault.CodeOf(err) != shine.CodeTimeout || fault.KindOf(err) != fault.Transient {
			t.Error(err)
		}
		silent(t, dir)
	})
	t.Run("leaves a child", func(t *testing.T) { // that also holds the output open
		dir := prepare(t, nil)
		if out, err := shine.Run(t.Context(), job(t, dir, "leaves a child")); err != nil || out.Status != results.OK {
			t.Error(out, err)
		}
		silent(t, dir)
	})
}

func await(t *testing.T, path string) {
	for range 1000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s did not appear", path)
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

func TestTransfer(t *testing.T) {
	ctx := t.Context()
	server := s3test.Start(t)
	server.Setenv(t)
	server.Bucket(t, "survey")
	store := objstore.Open(ctx, objstore.Config{})
	const uri = "s3://survey/run/102018211/2_1"
	origin := prepare(t, nil)
	if got, err := shine.Fetch(ctx, store, "file://"+origin, t.TempDir()); err != nil || got != origin {
		t.Errorf("a local directory gave %s, %v", got, err)
	}
	if _, err := shine.Fetch(ctx, store, uri, t.TempDir()); fault.CodeOf(err) != shine.CodeIncomplete {
		t.Errorf("nothing there: %v", err)
	}
	if err := os.CopyFS(filepath.Join(server.Dir, "survey/run/102018211/2_1"), os.DirFS(origin)); err != nil {
		t.Fatal(err)
	}
	local := filepath.Join(t.TempDir(), "sub", "tile")
	dir, err := shine.Fetch(ctx, store, uri, local)
	if err != nil || dir != local {
		t.Fatal(dir, err)
	}
	j := mock(dir)
	j.URI = uri
	out, err := shine.Run(ctx, j)
	if err != nil {
		t.Fatal(err)
	}
	if err := shine.Publish(ctx, store, dir, uri); err != nil {
		t.Fatal(err)
	}
	if _, err := results.LoadShear(ctx, store, out.Shear); err != nil {
		t.Error(err)
	}
	if _, err := results.LoadSources(ctx, store, out.Sources); err != nil {
		t.Error(err)
	}
	// Again: only what is missing moves, and not the results.
	os.Remove(filepath.Join(dir, "exposures/a.fits"))
	os.RemoveAll(filepath.Join(dir, results.Directory))
	os.WriteFile(filepath.Join(dir, "psf/a.fits"), []byte("PSF"), 0o644)
	if _, err := shine.Fetch(ctx, store, uri, dir); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"exposures/a.fits": "pixels", "psf/a.fits": "PSF"} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); string(got) != want {
			t.Errorf("%s holds %q, want %q (%v)", file, got, want, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, results.Directory)); err == nil {
		t.Error("fetching brought earlier results")
	}
}
