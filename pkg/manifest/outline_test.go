package manifest_test

import (
	"bytes"
	"math"
	"runtime"
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
		"with quadrants": {TileID: 7, Row: 1, Col: 2, Core: ids, CorePolygon: corners, ConfigID: "c", Centre: [2]float64{10, -5}, Quadrants: []manifest.Quadrant{{SCI: "a"}, {SCI: "quadrants: []"}}},
		"at the ends":    {TileID: math.MaxInt64, Core: []int64{math.MinInt64, -1, 0, math.MaxInt64}, CorePolygon: corners},
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
			if d := cmp.Diff(m.Outline(), o, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("%s, %s: %s", name, form, d)
			}
		}
	}
	if _, err := manifest.ReadOutline([]byte("tile_id: 7\n")); fault.CodeOf(err) != "ManifestInvalid" {
		t.Errorf("no manifest: %v", err)
	}
}

// TestOutlineIsQuick: a manifest of thousands of sources isn't parsed as YAML, which
// takes more than ten times as much memory as the text has.
func TestOutlineIsQuick(t *testing.T) {
	m := &manifest.Manifest{TileID: 7, Core: make([]int64, 20_000), Sources: make([]int64, 30_000), CorePolygon: [][2]float64{{1, 2}, {3, 4}, {5, 6}}}
	for i := range m.Sources {
		m.Sources[i] = int64(i) * 1e14
	}
	copy(m.Core, m.Sources)
	var b bytes.Buffer
	if err := manifest.Write(&b, m); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := manifest.ReadOutline(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := int(after.TotalAlloc - before.TotalAlloc); n > 2*b.Len() {
		t.Errorf("%d bytes of manifest took %d", b.Len(), n)
	}
}

// FuzzOutline: what is read without the parser is what the parser reads, whatever
// becomes of the text.
func FuzzOutline(f *testing.F) {
	m := &manifest.Manifest{TileID: 7, Core: []int64{1, -2}, Sources: []int64{1, -2, 3}, CorePolygon: [][2]float64{{1, 2}, {3, 4}, {5, 6}}, ConfigID: "c", Plan: "p"}
	m.Quadrants = []manifest.Quadrant{{SCI: "a"}}
	var b bytes.Buffer
	if err := manifest.Write(&b, m); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, err := manifest.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		o, err := manifest.ReadOutline(data)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(whole.Outline(), o, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); d != "" {
			t.Error(d)
		}
	})
}
