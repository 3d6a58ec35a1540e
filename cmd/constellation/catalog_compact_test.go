package main

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/catalog"
)

// TestShowCompaction: what would be done and what was, in few lines.
func TestShowCompaction(t *testing.T) {
	list := []catalog.Compaction{
		{Table: "n.t", Files: 300, Small: 10, Deleted: 2, Old: 280, Bytes: 5 << 20, Dangling: 3, Taken: 292, Written: 4, Rows: 77, Commits: 2, Lost: 1, Left: 1},
		{Table: "n.t_sources", Files: 5, Outdated: "identity(TILE_ID)"},
	}
	for _, done := range []bool{false, true} {
		var out bytes.Buffer
		showCompaction(&out, list, done)
		for text, want := range map[string]bool{
			"n.t: 292 of 300 files to rewrite, 5.2 MB: 10 small, 2 with deleted rows, 280 of an earlier layout\n": true,
			"292 files became 4, with 77 rows, in 2 commits\n":                                                    done,
			"3 delete files that delete nothing\n":                                                                true,
			"n.t_sources: partitioned by identity(TILE_ID), in which files stay small: run catalog evolve first":  true,
			"n.t_sources: 5 files, none to rewrite\n":                                                             true,
			"nothing was changed; --yes rewrites them\n":                                                          !done,
		} {
			if strings.Contains(out.String(), text) != want {
				t.Errorf("done %t: %q in\n%s", done, text, &out)
			}
		}
	}
}

// TestUpkeepInputs: the plans of upkeep are sent what they take, and all else where
// it was given, which the cluster's answer to names.
func TestUpkeepInputs(t *testing.T) {
	all := []string{"config_yaml", "run_id", "storage_base_uri", "sub_tile_grid", "tile_ids"}
	for _, c := range []struct {
		plan string
		from launch
		want []string
	}{
		{"catalog_upkeep", launch{}, all[:1]},
		{"catalog_upkeep_nightly", launch{}, all[:1]},
		{"catalog_upkeep", launch{tiles: []int64{1}}, all},
		{"shear_pipeline", launch{}, all},
	} {
		m, err := (&loaded{text: "engine: mock\n", from: &c.from}).sent(c.plan)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(m.GetLiterals())); !slices.Equal(got, c.want) {
			t.Errorf("%s is sent %v, want %v", c.plan, got, c.want)
		}
	}
}
