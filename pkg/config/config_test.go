package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

const sample = `# a campaign
field_name: EDFS
tile_ids: [102018211, 102018212]
tiling:
  sub_tile_grid: [2, 3]
  sub_tile_margin_arcmin: 0.5
data:
  vis_base_uri: s3://bucket/VIS
  max_missing: 0.01
output:
  storage_base_uri: /data/out/
engine: mock
inference:
  n_steps: 200     # an integer, and it stays one
  lr: 1e-2
gal: {flux: 1.0}
`

func TestLoad(t *testing.T) {
	c, err := Load("test.yaml", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.FieldName = "EDFS"
	want.TileIDs = IDs{List: []int64{102018211, 102018212}}
	want.Tiling.Shape = settings.Shape{Rows: 2, Cols: 3}
	want.Tiling.MarginArcmin = 0.5
	want.Data.VISBase = "s3://bucket/VIS/"
	want.Data.MaxMissing = "0.01"
	want.Output.StorageBase = "/data/out"
	want.Output.Table = "edfs_shear"
	want.Engine = "mock"
	want.Inference = "inference:\n  n_steps: 200     # an integer, and it stays one\n  lr: 1e-2\n"
	want.GAL = "gal: {flux: 1.0}\n"
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"typo":           {"tilling:\n  a: 1\n", "f.yaml: line 1, column 1: unknown key tilling (did you mean tiling?"},
		"nested typo":    {"data:\n  s3_regoin: x\n", "line 2, column 3: unknown key data.s3_regoin (did you mean s3_region?"},
		"type":           {"quadrant_concurrency: many\n", "line 1, column 23: quadrant_concurrency must be an integer, not many"},
		"range":          {"a: 1\n", "unknown key a"},
		"grid":           {"tiling:\n  sub_tile_grid: [4]\n", "two integers"},
		"grid zero":      {"tiling:\n  sub_tile_grid: [4, 0]\n", "line 2, column 18: tiling.sub_tile_grid must be rows and columns from 1 to 64, such as [4, 4], not [4, 0]"},
		"tile id":        {"tile_ids: [abc]\n", "abc is not a tile id"},
		"choice":         {"data: {exposures: both}\n", "must be nominal, short or all"},
		"engine vs mock": {"engine: shine\nmock_shine: true\n", "line 1, column 9: engine: shine contradicts mock_shine"},
		"verify":         {"data: {verify: never}\n", "data.verify must be strict or warn"},
		"fraction":       {"data: {max_missing: 1.5}\n", "neither a count nor a fraction"},
		"margin":         {"tiling:\n  sub_tile_margin_arcmin: 0.05\n", "line 2, column 27: tiling.sub_tile_margin_arcmin must be between 0.0534 (3.2\") and 60"},
		"region key":     {"region: {circle: [1, 2, 3]}\n", "line 1, column 10: region: unknown shape circle (use one of cone"},
		"region short":   {"region: {cone: [1, 2]}\n", "must be 3 numbers: RA, Dec and radius"},
		"region radius":  {"region: {cone: [1, 2, -3]}\n", "radius is above 0"},
		"region box":     {"region: {box: [1, 2, 4, 3]}\n", "from dec_min up to dec_max"},
		"region corner":  {"region: {polygon: [[1, 2], [2, 3], [4, x]]}\n", "line 1, column 40: region: x is not a number"},
		"two regions":    {"region: {cone: [1, 2, 3], box: [1, 2, 3, 4]}\n", "must be one shape"},
		"region and ids": {"tile_ids: [1]\nregion: {cone: [1, 2, 3]}\n", "line 2, column 9: region and a list of tile_ids exclude each other"},
		"timeout":        {"shine: {timeout: soon}\n", "must be a time such as 2h"},
		"not yaml":       {"a: [1\n", "f.yaml: line"},
		"scalar":         {"hello\n", "the file is not a mapping"},
		"section":        {"data: 3\n", "data is not a mapping"},
		"tile id twice":  {"tile_ids: [1, 2,\n  1]\n", "line 2, column 3: tile_ids: tile id 1 is given twice"},
		"flow section":   {"{field_name: x, inference: {steps: 200}, engine: shine}\n", "line 1, column 17: inference is passed to SHINE line by line"},
		"flow lines":     {"{\n  engine: shine,\n  gal: {flux: 1},\n}\n", "line 3, column 3: gal is passed to SHINE line by line"},
		"flow alone":     {"{gal: {flux: 1}}\n", "line 1, column 2: gal is passed"},
		"flow overlay":   {"engine: shine\n---\n{\"inference\": {}}\n", "line 3, column 2: inference is passed"},
		"flow remedy":    {"{gal: {}}\n", "in block style: gal and the other keys on lines of their own"},
		"quoted typo":    {"{\"field_nam\": \"x\"}\n", "unknown key field_nam (did you mean field_name?"},
		"quoted twice":   {"engine: mock\n\"engine\": shine\n", "line 2"},
		"duplicate":      {"engine: mock\nengine: shine\n", "line 2"},
		"name as a path": {"field_name: ../x\n", "becomes part of paths"},
		"table":          {"tiling: {source: tile_table}\n", "tile_table must name a table"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load("f.yaml", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
			if fault.KindOf(err) != fault.BadInput || fault.CodeOf(err) != "ConfigInvalid" {
				t.Errorf("kind %v, code %q", fault.KindOf(err), fault.CodeOf(err))
			}
		})
	}
}

// JSON is YAML in flow style with quoted keys.
func TestLoadQuotedKeys(t *testing.T) {
	want, err := Load("f.yaml", []byte("field_name: EDFS\ntile_ids: all\nregion:\n  cone: [1, 2, 3]\ndata:\n  s3_region: here\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`{"field_name": "EDFS", "tile_ids": "all", "region": {"cone": [1, 2, 3]}, "data": {"s3_region": "here"}}`,
		"'field_name': 'EDFS'\n\"tile_ids\": all\n'region': {'cone': [1, 2, 3]}\n\"data\":\n  's3_region': here\n",
	} {
		got, err := Load("f.json", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	c, err := Load("f.yaml", []byte("\"inference\":\n  n: 1\n'gal': {}\n"))
	if err != nil || c.Inference != "\"inference\":\n  n: 1\n" || c.GAL != "'gal': {}\n" {
		t.Errorf("%q, %q, %v", c.Inference, c.GAL, err)
	}
}

func TestRegion(t *testing.T) {
	for text, want := range map[string]settings.Region{
		"region: {cone: [359.5, -28, 1.5]}\n":                        {Cone: []float64{359.5, -28, 1.5}},
		"tile_ids: all\nregion:\n  box: [350, 10, -30, 1e1]\n":       {Box: []float64{350, 10, -30, 10}},
		"region: {polygon: [[0, 1], [2, 3], [0, 3]]}\n":              {Polygon: [][]float64{{0, 1}, {2, 3}, {0, 3}}},
		"region: null\ntile_ids: [1]\n":                              {},
		"region: {cone: [1, 2, 3]}\n---\nregion: {box: [1,2,3,4]}\n": {Box: []float64{1, 2, 3, 4}},
	} {
		c, err := Load("f.yaml", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, c.Region); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestOverlays(t *testing.T) {
	over, err := Sets([]string{"tiling.sub_tile_margin_arcmin=2", "tile_ids=all", "validation.max_convergence=0.1"})
	if err != nil {
		t.Fatal(err)
	}
	over = append(over, Overlay{Name: "launch input", Text: Document("output.storage_base_uri", "/a <b> \"c\": #d")})
	c, err := Load("f.yaml", []byte(sample), over...)
	if err != nil {
		t.Fatal(err)
	}
	if c.Tiling.MarginArcmin != 2 || c.Tiling.Shape != (settings.Shape{Rows: 2, Cols: 3}) || !c.TileIDs.All || *c.Validation.MaxConvergence != 0.1 || c.Output.StorageBase != "/a <b> \"c\": #d" {
		t.Errorf("%+v", c)
	}
	if c.GAL != "gal: {flux: 1.0}\n" {
		t.Errorf("gal section: %q", c.GAL)
	}
	merged, err := Load("f.yaml", Merge([]byte(sample), over...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, merged); diff != "" {
		t.Errorf("as one text: %s", diff)
	}
	for _, bad := range []string{"novalue", "=x", "inference.n_steps=3"} {
		if _, err := Set(bad); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

// TestOverlayErrors: what is wrong with an overlay is said of it, with its
// code; what is wrong in the file is said of its line.
func TestOverlayErrors(t *testing.T) {
	for _, c := range []struct{ text, over, want string }{
		{"engine: mock\n", "tiling: {sub_tile_grid: [0, 1]}\n", "input: tiling.sub_tile_grid must be rows"},
		{"engine: mock\n", "tiling: [\n", "input: "},
		{"tile_ids: [1]\n", "region: {cone: [1, 2, 3]}\n", "input: region and a list"},
		{"region: {cone: [1, 2, 3]}\n", "tile_ids: [1]\n", "input: region and a list"},
		{"tiling: {mer_core_size_arcmin: 30}\n", "tiling: {mer_tile_size_arcmin: 20}\n", "input: tiling.mer_core_size_arcmin must be"},
		{"tiling: {sub_tile_grid: [0, 1]}\n", "engine: mock\n", "f.yaml: line 1, column 25: tiling.sub_tile_grid"},
	} {
		_, err := Load("f.yaml", []byte(c.text), Overlay{Name: "input", Code: "LaunchInvalid", Text: c.over})
		code := "LaunchInvalid"
		if strings.HasPrefix(c.want, "f.yaml") {
			code = codeInvalid
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || fault.CodeOf(err) != code {
			t.Errorf("%q over %q: %v", c.over, c.text, err)
		}
	}
}

func TestID(t *testing.T) {
	load := func(extra string) string {
		c, err := Load("f", []byte(sample+extra))
		if err != nil {
			t.Fatal(err)
		}
		return c.ID()
	}
	const known = "5d5d10df4c5716b11296ba6a223a38b32ece7b02748b9f6192f874e4821e72c0" // rows of catalogues that exist are found by it
	if c, err := Load("f", []byte("field_name: EDFS\ntile_ids: [102018211]\ntiling: {sub_tile_grid: [2, 3]}\ninference:\n  n_steps: 200\n")); err != nil || c.ID() != known {
		t.Errorf("the id of an older configuration changed, or %v", err)
	}
	base := load("")
	for _, same := range []string{"max_parallelism: 3\n", "---\noutput: {storage_base_uri: /elsewhere}\n", "---\ntile_ids: all\n", "---\nshine: {command: [other]}\n", "---\ndata: {s3_endpoint_url: 'http://127.0.0.1:4321'}\n", "---\ndata: {verify: strict}\n"} {
		if load(same) != base {
			t.Errorf("%q changed the id", same)
		}
	}
	for _, differs := range []string{"---\nengine: shine\n", "---\ngal: {flux: 2.0}\n", "---\ntiling: {sub_tile_margin_arcmin: 2}\n", "---\ndata: {verify: warn}\n"} {
		if load(differs) == base {
			t.Errorf("%q did not change the id", differs)
		}
	}
	if load("---\nengine: shine\n") == load("---\nengine: shine\nshine: {command: [other]}\n") {
		t.Error("another command of SHINE did not change the id")
	}
}

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		limit Limit
		total int
		want  int
	}{{"0", 100, 0}, {"3", 100, 3}, {"0.01", 250, 2}, {"0.5", 3, 1}, {"0.29", 100, 29}, {"0.57", 100, 57}, {"0.07", 100, 7}, {"29e-2", 100, 29}, {"010", 100, 10}, {".5", 4, 2}, {"1e-400", 1 << 40, 0}, {"0.999", 1000, 999}} {
		if got, err := c.limit.Of(c.total); err != nil || got != c.want {
			t.Errorf("%s of %d: %d, %v", c.limit, c.total, got, err)
		}
	}
	for _, c := range []struct {
		limit Limit
		part  int
		want  int
	}{{"0", 4, 0}, {"3", 4, 3}, {"0.01", 4, 1}, {"0.5", 3, 2}, {"0.0", 4, 0}, {"0.001", 0, 0}, {"0.07", 100, 7}, {"0.28", 25, 7}, {"0.29", 25, 8}, {"1e-320", 4, 1}} {
		if got, err := c.limit.Among(c.part); err != nil || got != c.want {
			t.Errorf("%s among %d: %d, %v", c.limit, c.part, got, err)
		}
	}
	for _, bad := range []Limit{"some", "", "1.5", "-1", "-0.5", "0x1p-2", "1_0", "1e400", "nan", "Inf", "0.1.", "1/2", Limit("0." + strings.Repeat("0", 1<<20) + "1e1000000")} {
		if _, err := bad.Among(3); err == nil {
			t.Errorf("%.20s is a limit", bad)
		}
	}
}

func TestSchema(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		AdditionalProperties bool
		Properties           map[string]json.RawMessage
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for key := range fieldsOf(reflect.TypeFor[Config]()) {
		if s.Properties[key] == nil {
			t.Errorf("the schema lacks %s", key)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(sample)
	f.Add("tile_ids: all\n---\n- 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := Load("f", []byte(text)); err == nil && c.ID() == "" {
			t.Error("no id")
		}
	})
}
