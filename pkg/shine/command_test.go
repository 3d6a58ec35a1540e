package shine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/survey"
)

// counter is a log that keeps nothing.
type counter struct {
	bytes, lines, most int
	last               string
}

func (c *counter) Write(p []byte) (int, error) {
	c.bytes, c.lines, c.most, c.last = c.bytes+len(p), c.lines+1, max(c.most, len(p)), string(p)
	return len(p), nil
}

// TestFlood: half a gigabyte of output costs neither memory nor log.
func TestFlood(t *testing.T) {
	for _, how := range []string{"floods", "one endless line"} {
		t.Run(how, func(t *testing.T) {
			dir := prepare(t, nil)
			j, log := job(t, dir, how), &counter{}
			j.Log = log
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			found, err := shine.Run(t.Context(), j)
			runtime.ReadMemStats(&after)
			if err != nil || found.Outcome.Status != survey.StatusOK {
				t.Fatal(found, err)
			}
			if log.bytes > 10<<20 || log.most > 5000 {
				t.Errorf("%d bytes of log, %d lines, the longest write %d", log.bytes, log.lines, log.most)
			}
			// All that was allocated in the whole run, garbage included: far less than was printed.
			if n := after.TotalAlloc - before.TotalAlloc; n > 100<<20 {
				t.Errorf("%d MB were allocated", n>>20)
			}
			if how == "floods" && !strings.HasSuffix(log.last, "the last line\n") {
				t.Errorf("the log ends with %q", log.last)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	run := func(t *testing.T, change func(*shine.Job)) map[string]string {
		var log bytes.Buffer
		j := job(t, prepare(t, nil), "environment")
		j.Log = &log
		change(&j)
		if _, err := shine.Run(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		seen := map[string]string{}
		for line := range strings.Lines(log.String()) {
			_, line, _ = strings.Cut(strings.TrimSpace(line), ": ")
			if e, ok := strings.CutPrefix(line, "env "); ok {
				name, value, _ := strings.Cut(e, "=")
				seen[name] = value
			}
			if path, ok := strings.CutPrefix(line, "temporary "); ok {
				seen["temporary"], _, _ = strings.Cut(path, " ")
			}
		}
		return seen
	}
	for _, name := range []string{"JAX_COMPILATION_CACHE_DIR", "XLA_PYTHON_CLIENT_PREALLOCATE", "XLA_PYTHON_CLIENT_MEM_FRACTION"} {
		t.Setenv(name, "")
	}
	t.Run("with a node's cache", func(t *testing.T) {
		cache := t.TempDir()
		got := run(t, func(j *shine.Job) { j.NodeCache = cache })
		for name, want := range map[string]string{
			"JAX_COMPILATION_CACHE_DIR": filepath.Join(cache, "jax"), "XLA_PYTHON_CLIENT_PREALLOCATE": "true", "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.90",
			"PYTHONUNBUFFERED": "1", "CONSTELLATION_CONFIG_ID": "c1",
		} {
			if got[name] != want {
				t.Errorf("%s is %q, want %q", name, got[name], want)
			}
		}
		if got["TMPDIR"] == "" || filepath.Dir(got["temporary"]) != got["TMPDIR"] || filepath.Dir(got["CONSTELLATION_CHECKPOINT_DIR"]) != got["TMPDIR"] {
			t.Errorf("scratch: %v", got)
		}
		if _, err := os.Stat(got["TMPDIR"]); err == nil {
			t.Error("the scratch directory is still there")
		}
		if info, err := os.Stat(filepath.Join(cache, "jax")); err != nil || !info.IsDir() {
			t.Error(err)
		}
	})
	t.Run("without", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file") // nothing can be made below it
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		got := run(t, func(j *shine.Job) { j.NodeCache = filepath.Join(file, "cache") })
		if got["JAX_COMPILATION_CACHE_DIR"] != filepath.Join(got["TMPDIR"], "jax") {
			t.Errorf("compiled programs go to %q, scratch is %q", got["JAX_COMPILATION_CACHE_DIR"], got["TMPDIR"])
		}
	})
	t.Run("what is set stays", func(t *testing.T) {
		dir := t.TempDir()
		t.Setenv("JAX_COMPILATION_CACHE_DIR", dir)
		t.Setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
		got := run(t, func(j *shine.Job) { j.NodeCache = t.TempDir() })
		if got["JAX_COMPILATION_CACHE_DIR"] != dir || got["XLA_PYTHON_CLIENT_PREALLOCATE"] != "false" {
			t.Errorf("%v", got)
		}
	})
}

// TestSummary: results are filed under the configuration that they were made with.
func TestSummary(t *testing.T) {
	for how, want := range map[string]map[string]any{
		"good":      {"config_id": "c1", "engine": "shine", "status": "ok", "tile_id": 102018211.0},
		"signs":     {"config_id": "c1", "engine": "its own", "loss": 1.5},
		"says more": {"config_id": "c1", "loss": 1.5},

		"nan in its summary":           {"config_id": "c1", "r_hat": nil},
		"nan in its summary, unsigned": {"config_id": "c1", "r_hat": nil, "engine": "shine"},

		"no sources": {"config_id": "c1", "status": "no_sources"},
	} {
		t.Run(how, func(t *testing.T) {
			dir := prepare(t, nil)
			found, err := shine.Run(t.Context(), job(t, dir, how))
			if err != nil {
				t.Fatal(err)
			}
			text := contents(t, dir)[survey.SummaryFile]
			got := map[string]any{}
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatal(err)
			}
			for k, v := range want {
				if got[k] != v {
					t.Errorf("%s is %v, want %v", k, got[k], v)
				}
			}
			if how == "says more" && !strings.Contains(text, `"<1>"`) {
				t.Errorf("changed: %s", text)
			}
			if how == "no sources" && (found.Outcome.Status != survey.StatusNoSources || found.Outcome.Reason != "none is bright enough") {
				t.Errorf("%+v", found.Outcome)
			}
		})
	}
}

// TestCheckpoints: what an attempt left when it was stopped, the next one finds.
func TestCheckpoints(t *testing.T) {
	store := objstore.Open(t.Context(), objstore.Config{})
	dir, first := prepare(t, nil), t.TempDir()
	j := job(t, dir, "checkpoints")
	j.Checkpoints = shine.Checkpoints{Store: store, To: first}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		appears(t, filepath.Join(dir, "started"))
		cancel()
	}()
	if _, err := shine.Run(ctx, j); fault.KindOf(err) != fault.Canceled {
		t.Fatal(err)
	}
	if state, err := os.ReadFile(filepath.Join(first, "state", "step")); string(state) != "42" {
		t.Fatalf("%q %v", state, err)
	}
	var log bytes.Buffer
	second := t.TempDir()
	j.Log, j.Checkpoints = &log, shine.Checkpoints{Store: store, From: []string{t.TempDir(), first}, To: second}
	if _, err := shine.Run(t.Context(), j); err != nil || !strings.Contains(log.String(), "going on from step 42") {
		t.Errorf("%v\n%s", err, log.String())
	}
	if left, _ := os.ReadDir(second); len(left) > 0 {
		t.Errorf("a success left a checkpoint: %v", left)
	}
}

// TestDiagnostics: what a report can show is read, the rest is left alone.
func TestDiagnostics(t *testing.T) {
	found, err := shine.Run(t.Context(), job(t, prepare(t, nil), "diagnostics"))
	if err != nil {
		t.Fatal(err)
	}
	d := found.Diagnostics
	if d.Convergence == nil || d.Convergence.Label != "loss" || len(d.Convergence.Values) != 3 || d.Convergence.Values[2] != 3.5 {
		t.Errorf("%+v", d.Convergence)
	}
	var shown []string
	for _, p := range d.Panels {
		shown = append(shown, p.File+": "+p.Caption)
	}
	if got := strings.Join(shown, ", "); got != "b.png: the brightest, a.png: a" {
		t.Errorf("shown: %s", got)
	}
	for _, broken := range []string{`{"steps": [1, 2], "values": [1]}`, `{"steps": [2, 1], "values": [1, 2]}`, `{`, `[]`, `{"steps": [1], "values": [1]}`} {
		dir := prepare(t, nil)
		if err := os.WriteFile(filepath.Join(dir, "curve"), []byte(broken), 0o644); err != nil {
			t.Fatal(err)
		}
		found, err := shine.Run(t.Context(), job(t, dir, "a curve"))
		if err != nil || found.Diagnostics.Convergence != nil {
			t.Errorf("%s: %+v, %v", broken, found.Diagnostics.Convergence, err)
		}
	}
}
