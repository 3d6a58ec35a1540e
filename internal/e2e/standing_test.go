package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/campaign"
)

// TestStandingAsSelected: `campaign status` counts as select-tiles does for whoever
// would select now, and both ask the FlyteAdmin that the environment names.
func TestStandingAsSelected(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.campaign(t, "camp.yaml", 1, "")
	resolved := s.stage(t, "resolve-config", map[string]any{
		"config_yaml": s.path(c.file), "tile_ids": []int64{}, "storage_base_uri": "", "sub_tile_grid": []int64{}, "run_id": "r", "assembles": true,
	})
	indexed := s.stage(t, "index-observations", pick(resolved, "source", "tiling", "tile_ids", "region", "files_per_task", "destination"))
	in := pick(resolved, "tiling", "catalog", "destination", "campaign")
	in["tiles"] = indexed["tiles"]
	write(t, s.path("select.json"), encode(t, in))
	for i, execution := range []string{"first", "second", "third"} {
		r := s.do(t, "campaign", "status", "--config", c.file)
		out := s.path(execution)
		cmd := s.program("select-tiles", "--inputs", s.path("select.json"), "--output-prefix", out, "--raw-output-prefix", out)
		cmd.Env = append(cmd.Env, "FLYTE_INTERNAL_TASK_PROJECT=shear", "FLYTE_INTERNAL_TASK_DOMAIN=test", "FLYTE_INTERNAL_EXECUTION_ID="+execution)
		if r := finish(t, cmd); r.status != 0 {
			t.Fatal(r)
		}
		var got campaign.Selection
		if err := json.Unmarshal(read(t, filepath.Join(out, "selection.json")), &got); err != nil {
			t.Fatal(err)
		}
		n := got.Counts
		if n.Leased != i || len(got.Leases) != min(1, 2-i) {
			t.Errorf("%s selected %+v", execution, got)
		}
		for label, want := range map[string]int{
			"tiles of the survey": n.Survey, "done": n.Done, "leased": n.Leased, "never tried": n.Untried, "to be tried again": n.Tried, "given up": n.GivenUp,
		} {
			if !hasFigure(r.stdout, label, want) {
				t.Errorf("%s is %d for %s, and `campaign status` says\n%s", label, want, execution, r.stdout)
			}
		}
	}
	s.env = append(s.env, "FLYTECTL_CONFIG="+s.path("none.yaml"))
	for what, r := range map[string]result{
		"campaign status": s.try(t, "campaign", "status", "--config", c.file),
		"select-tiles":    finish(t, s.program("select-tiles", "--inputs", s.path("select.json"), "--output-prefix", s.path("refused"), "--raw-output-prefix", s.path("refused"))),
	} {
		if r.status == 0 || !strings.Contains(r.stderr, s.path("none.yaml")) || !strings.Contains(r.stderr, "name flytectl's configuration file with") {
			t.Errorf("%s, with a configuration of Flyte that isn't there: %s", what, r)
		}
	}
}

// stage runs one of the stages by hand, and returns the outputs that it prints.
func (s *site) stage(t *testing.T, name string, in map[string]any) (out map[string]any) {
	t.Helper()
	file := s.path(name + ".json")
	write(t, file, encode(t, in))
	r := finish(t, s.program(name, "--inputs", file, "--raw-output-prefix", s.path(name)))
	decoder := json.NewDecoder(strings.NewReader(r.stdout))
	decoder.UseNumber() // the one prints what the next takes
	if err := decoder.Decode(&out); err != nil || r.status != 0 {
		t.Fatalf("%s: %v, %s", name, err, r)
	}
	return out
}

// pick takes some of a stage's outputs.
func pick(from map[string]any, names ...string) map[string]any {
	some := map[string]any{}
	for _, name := range names {
		some[name] = from[name]
	}
	return some
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintln(string(text))
}
