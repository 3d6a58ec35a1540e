package manifest_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
)

// TestOutline: what is read without a YAML parser is what the parser reads.
func TestOutline(t *testing.T) {
	ids := make([]int64, 100)
	for i := range ids {
		ids[i] = int64(i) * -7e15
	}
	corners := [][2]float64{{359.9, -10}, {0.1, -10}, {0.1, -9.5}, {359.9, 1e-7}}
	for name, m := range map[string]*manifest.Manifest{
		"of now":         {TileID: 7, Core: ids, Sources: ids, CorePolygon: corners, Plan: "key", Catalog: "core_source_ids: [1]"},
		"without plan":   {TileID: 7, Core: ids[:1], CorePolygon: corners},
		"without a core": {TileID: 7, CorePolygon: corners, Plan: "key"},
		"of old":         {TileID: 7, Core: ids[:3]},
	} {
		var b bytes.Buffer
		if err := manifest.Write(&b, m); err != nil {
			t.Fatal(err)
		}
		for form, text := range map[string]string{
			"as written": b.String(), "in other YAML": strings.ReplaceAll(strings.ReplaceAll(b.String(), "core_source_ids: [", "core_source_ids:   [ "), "plan: ", "plan:    "),
		} {
			o, err := manifest.ReadOutline([]byte(text))
			if err != nil {
				t.Fatalf("%s, %s: %v", name, form, err)
			}
			if d := cmp.Diff(&manifest.Outline{Plan: m.Plan, Core: m.Core, CorePolygon: m.CorePolygon}, o, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("%s, %s: %s", name, form, d)
			}
		}
	}
	if _, err := manifest.ReadOutline([]byte("tile_id: 7\n")); fault.CodeOf(err) != "ManifestInvalid" {
		t.Errorf("no manifest: %v", err)
	}
}
