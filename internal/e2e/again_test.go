package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/await"
	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// TestAgain runs the pipeline again: as the same run, and as another.
func TestAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.do(t, "run", "--config", "constellation.yaml", "--run-id", "one", "--events", "one.jsonl")
	one := tree(t, filepath.Join(s.products, "one"))
	warehouse := tree(t, s.path("warehouse"))

	t.Run("same run", func(t *testing.T) {
		s.do(t, "run", "--config", "constellation.yaml", "--run-id", "one", "--events", "resumed.jsonl")
		looked := map[string]bool{}
		for _, e := range events(t, s.path("resumed.jsonl")) {
			if e.Kind != local.Running && e.Kind != local.Succeeded || e.Message == local.Recovered {
				continue
			}
			switch e.Task {
			case "resolve_config", "fan_out_batches", "shear_batch": // where the others lie, and whose the run is
			case "check_catalog", "assemble_catalog", "record_run", "validate_catalog": // these look whether all is still there
				looked[e.Task] = true
			default:
				t.Errorf("%s was done again", e.NodeRef)
			}
		}
		if len(looked) != 4 {
			t.Errorf("looked again: %v", looked)
		}
		sameTree(t, "products", one, tree(t, filepath.Join(s.products, "one")))
		sameTree(t, "tables", warehouse, tree(t, s.path("warehouse")))
	})
	t.Run("without its catalogue", func(t *testing.T) {
		removeAll(t, s.path("warehouse"))
		r := s.do(t, "run", "--config", "constellation.yaml", "--run-id", "one")
		if !hasFigure(r.stdout, "in the catalogue", 8) || !hasFigure(r.stdout, "sources", 38) {
			t.Errorf("the catalogue is not made again:\n%s", r.stdout)
		}
		s.oneCopy(t, "one")
	})
	t.Run("under another configuration", func(t *testing.T) {
		for verb, more := range map[string][]string{
			"run": {"--grid", "3,3"}, "prepare": {"--set", "tiling.sub_tile_margin_arcmin=0.08"}, "extract": {"--set", "engine=reference"},
			"assemble": {"--grid", "3,3"},
		} {
			r := s.try(t, append([]string{verb, "--config", "constellation.yaml", "--run-id", "one"}, more...)...)
			if r.status != 1 || !strings.Contains(r.stderr, "the run holds what another configuration made: its ") || !strings.Contains(r.stderr, "use another --run-id") {
				t.Errorf("%s: %s", verb, r)
			}
		}
		dir := filepath.Join(s.products, "one", "102018211", "0_0")
		if r := s.try(t, "infer", "--config", "constellation.yaml", "--set", "engine=reference", dir); r.status != 1 || !strings.Contains(r.stderr, "the run holds what another configuration made: its engine is ") {
			t.Errorf("infer: %s", r)
		}
		sameTree(t, "products", one, tree(t, filepath.Join(s.products, "one")))
	})
	t.Run("another run", func(t *testing.T) {
		s.do(t, "run", "--config", "constellation.yaml", "--run-id", "two", "--events", "two.jsonl", "--cache", "off")
		for _, e := range events(t, s.path("two.jsonl")) {
			if e.Message == local.Recovered {
				t.Errorf("%s was taken from another run", e.NodeRef)
			}
		}
		own := []string{"provenance.json", "run.json", "00000.json"} // what may name the run
		sameTree(t, "products of another run", without(one, own...), without(tree(t, filepath.Join(s.products, "two")), own...))
		s.oneCopy(t, "two")
	})
	t.Run("without its directories", func(t *testing.T) {
		removeAll(t, filepath.Join(s.products, "two", "102018211"))
		for _, verb := range []string{"run", "run"} { // it says so each time
			r := s.try(t, verb, "--config", "constellation.yaml", "--run-id", "two", "--cache", "off")
			if r.status != 1 || !strings.Contains(r.stderr, "4 of 8 sub-tiles failed") || !strings.Contains(r.stderr, "directory is gone") || !strings.Contains(r.stderr, "a new run, under another --run-id, makes the tile again") {
				t.Errorf("%s: %s", verb, r)
			}
		}
		r := s.do(t, "run", "--config", "constellation.yaml", "--run-id", "three") // the remedy is true, with the cache too
		if !hasFigure(r.stdout, "in the catalogue", 8) || !hasFigure(r.stdout, "sources", 38) {
			t.Errorf("a new run:\n%s", r.stdout)
		}
	})
}

// TestBatches runs the pipeline in child executions, one for each tile: their
// products are those of a single one, and the record joins them.
func TestBatches(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.do(t, "run", "--config", "constellation.yaml", "--run-id", "one", "--cache", "off")
	s.do(t, "run", "--config", "constellation.yaml", "--run-id", "many", "--cache", "off", "--set", "max_tiles_per_dynamic=1")
	own := []string{"provenance.json", "run.json", "00000.json", "00001.json"}
	sameTree(t, "products of batches", without(tree(t, filepath.Join(s.products, "one")), own...), without(tree(t, filepath.Join(s.products, "many")), own...))
	if n := len(s.tiny.TargetIDs()); len(files(t, filepath.Join(s.products, "many"), "parts/*.json")) != n {
		t.Errorf("the record has not %d parts", n)
	}
	s.oneCopy(t, "many")
}

// TestStop kills the command at several times and resumes it: nothing of it
// stays behind, and the products become those of a run that was left alone.
func TestStop(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: processes are looked for in /proc")
	}
	s := newSite(t)
	start := time.Now()
	s.do(t, "run", "--config", "constellation.yaml", "--run-id", "undisturbed", "--cache", "off")
	took := time.Since(start)
	want := without(tree(t, filepath.Join(s.products, "undisturbed")), "provenance.json", "run.json", "00000.json")

	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name   string
		signal os.Signal
		after  float64 // of the time that a run takes
		status int
	}{
		{"killed-early", os.Kill, 0.3 * random.Float64(), -1},
		{"killed-midway", os.Kill, 0.3 + 0.2*random.Float64(), -1},
		{"killed-inferring", os.Kill, 0.5 + 0.2*random.Float64(), -1},
		{"killed-late", os.Kill, 0.7 + 0.25*random.Float64(), -1},
		{"interrupted", os.Interrupt, 0.3 + 0.4*random.Float64(), 130},
		{"terminated", syscall.SIGTERM, 0.3 + 0.4*random.Float64(), 130},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"run", "--config", "constellation.yaml", "--run-id", c.name, "--cache", "off"}
			cmd := s.command(args...)
			var stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = io.Discard, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(time.Duration(c.after*float64(took)), func() { cmd.Process.Signal(c.signal) })
			defer timer.Stop()
			err := cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); err != nil && got != c.status {
				t.Fatalf("exit status %d, want %d: %s", got, c.status, stderr.String())
			}
			if err == nil {
				t.Log("the run was over before the signal")
			}
			if err != nil && c.status == 130 {
				if n := strings.Count(strings.TrimSpace(stderr.String()), "\n"); n != 0 || stderr.Len() == 0 {
					t.Errorf("not one line about the stop:\n%s", stderr.String())
				}
				if left := processes(t, c.name); len(left) > 0 {
					t.Errorf("processes outlive the command: %q", left)
				}
			}
			// A command that is killed can't wait for its tasks; they end by themselves.
			await.Until(t, "the tasks of a command that was killed end", func() bool { return len(processes(t, c.name)) == 0 })
			t.Logf("%v after %.0f%% of a run", c.signal, 100*c.after)
			s.do(t, args...)
			sameTree(t, "resumed run", want, without(tree(t, filepath.Join(s.products, c.name)), "provenance.json", "run.json", "00000.json"))
			s.oneCopy(t, c.name)
		})
	}
}

// oneCopy holds the catalogue to a run's plan: each planned row once.
func (s *site) oneCopy(t *testing.T, run string) {
	t.Helper()
	r := s.do(t, "validate", "--config", "constellation.yaml", "--run-id", run)
	tiles := len(s.tiny.TargetIDs())
	for label, want := range map[string]int{
		"in the catalogue": tiles * s.tiny.GridRows * s.tiny.GridCols,
		"sources":          tiles * (s.tiny.Galaxies + s.tiny.Stars + s.tiny.Spurious),
		"duplicate rows":   0,
		"unplanned rows":   0,
	} {
		if !hasFigure(r.stdout, label, want) {
			t.Errorf("%s is not %d:\n%s", label, want, r.stdout)
		}
	}
}

// events are those that a run wrote.
func events(t *testing.T, path string) []local.Event {
	t.Helper()
	var all []local.Event
	lines := bufio.NewScanner(bytes.NewReader(read(t, path)))
	for lines.Scan() {
		var e local.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%s: %v in %s", path, err, lines.Text())
		}
		all = append(all, e)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no events", path)
	}
	return all
}

// processes are the command lines of the tasks of an execution that are alive.
func processes(t *testing.T, execution string) []string {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	mark := []byte("FLYTE_INTERNAL_EXECUTION_ID=" + execution)
	var alive []string
	for _, path := range found {
		env, err := os.ReadFile(path)
		if err != nil || !slices.ContainsFunc(bytes.Split(env, []byte{0}), func(kv []byte) bool { return bytes.Equal(kv, mark) }) {
			continue // ended meanwhile, somebody else's, or a zombie
		}
		argv, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
		if len(argv) > 0 {
			alive = append(alive, string(bytes.ReplaceAll(argv, []byte{0}, []byte(" "))))
		}
	}
	return alive
}
