package mutants

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/fitstest"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
)

// theText is a configuration as people write one.
const theText = `# EDF-S
field_name: EDFS
tile_ids: [102018211, 102018212]
data:
  max_missing: 0.29
output:
  storage_base_uri: /data/products
  catalog_warehouse: /data/wh
engine: shine
shine:
  command: [python, -m, m, --seed, "10"]
inference:
  method: nuts
  num_steps: 2000
gal: {type: exponential}
max_tiles_per_dynamic: 10
`

// ofText is a mutant of the configuration's text: what it is resolved to is
// what the text without the change is, but for a value, or it is refused.
type ofText struct {
	name   string
	change func(text string) string
	but    func(s *pipeline.ResolveConfigOut) // what the change is about, in the settings of the text without it
	refuse string                             // a pattern of the refusal
}

// instead writes other words for some.
func instead(was, is string) func(string) string {
	return func(text string) string {
		if !strings.Contains(text, was) {
			panic(was + " is not in the text")
		}
		return strings.Replace(text, was, is, 1)
	}
}

func throughout(was, is string) func(string) string {
	return func(text string) string { return strings.ReplaceAll(text, was, is) }
}

func before(head string) func(string) string { return func(text string) string { return head + text } }
func after(tail string) func(string) string  { return func(text string) string { return text + tail } }

// itsPlace is how a refusal begins: with the object, the line and the column.
const itsPlace = `^config_yaml: line \d+, column \d+: `

var texts = []ofText{
	{name: "CRLF", change: throughout("\n", "\r\n")},
	{name: "CR alone", change: func(text string) string { return strings.ReplaceAll(text, "\n", "\r") + "\n" }},
	{name: "a byte order mark", change: before("\ufeff")},
	{name: "a directive", change: before("%YAML 1.2\n---\n")},
	{name: "a directive of tomorrow", change: before("%YAML 1.3\n---\n")},
	{name: "another YAML", change: before("%YAML 2.0\n---\n"), refuse: itsPlace + "it asks for another YAML"},
	{name: "all of it indented", change: func(text string) string {
		return "  " + strings.TrimSpace(strings.ReplaceAll(text, "\n", "\n  ")) + "\n"
	}},
	{name: "an end marker", change: after("...\n")},
	{name: "an anchor on a section", change: instead("output:", "output: &o")},
	{name: "an alias of a text", change: func(text string) string {
		return instead("/data/wh", "*w")(instead("field_name: EDFS", "field_name: &w EDFS")(text))
	}, but: func(s *pipeline.ResolveConfigOut) { s.Catalog.Warehouse = "EDFS" }},
	{name: "an alias over sections", change: func(text string) string {
		return instead("method: nuts", "prior: *p")(instead("data:", "data: &p")(text))
	}, refuse: itsPlace + `inference .*\*p.*\(write out in inference`},
	{name: "an alias from the other section", change: func(text string) string {
		return instead("gal: {type: exponential}", "gal: *p")(instead("inference:", "inference: &p")(text))
	}, refuse: itsPlace + `gal .*\*p.* line 12`},
	{name: "one anchor in both sections", change: func(text string) string {
		return instead("gal: {", "gal: {a: &p 1, ")(instead("nuts", "&p nuts")(text))
	}, refuse: itsPlace + "gal: the anchor &p"},
	{name: "a key twice in a section", change: instead("method: nuts", "method: nuts\n  method: map"), refuse: itsPlace + "inference: the key method is given twice, in line 13"},
	{name: "a tab in a section", change: instead("method: nuts", "method:\tnuts"), refuse: itsPlace + "inference: a tab"},
	{name: "a key twice", change: after("engine: mock\n"), refuse: itsPlace + "the file: the key engine is given twice, in line 9"},
	{name: "a count with a zero in front", change: instead("dynamic: 10", "dynamic: 010")},
	{name: "an octal count", change: instead("dynamic: 10", "dynamic: 0o12")},
	{name: "a hexadecimal count", change: instead("dynamic: 10", "dynamic: 0xA")},
	{name: "a count with a fraction", change: instead("dynamic: 10", "dynamic: 10.7"), refuse: itsPlace + "max_tiles_per_dynamic must be an integer, not 10.7"},
	{name: "a count in quotes", change: instead("dynamic: 10", `dynamic: "10"`), refuse: itsPlace + "max_tiles_per_dynamic must be an integer"},
	{name: "a count with an underscore", change: instead("dynamic: 10", "dynamic: 1_0"), refuse: itsPlace + "max_tiles_per_dynamic must be an integer, not 1_0"},
	{name: "a count that is nothing", change: instead("dynamic: 10", "dynamic:"), refuse: itsPlace + "max_tiles_per_dynamic must be an integer, not nothing"},
	{name: "a limit in sixteens", change: instead("0.29", "0x1p-2"), refuse: itsPlace + "data.max_missing"},
	{name: "words of a command that are numbers to YAML", change: instead(`"10"]`, `010, 1_000, 0x1F, null, 1.10, ~, yes]`), but: func(s *pipeline.ResolveConfigOut) {
		s.Inference.Command = []string{"python", "-m", "m", "--seed", "010", "1_000", "0x1F", "null", "1.10", "~", "yes"}
	}},
	{name: "a command without quotes", change: instead(`"10"]`, `10]`)},
	{name: "a home directory", change: instead("/data/products", "~/products"), refuse: itsPlace + `output.storage_base_uri: "~/products" begins with ~.*\(write the whole path`},
	{name: "a variable", change: instead("/data/products", "$HOME/products"), refuse: itsPlace + `output.storage_base_uri: .*variable`},
	{name: "a warehouse with an escape", change: instead("/data/wh", "/data/my%20wh"), refuse: itsPlace + `output.catalog_warehouse: "/data/my%20wh" is spelt`},
	{name: "a warehouse with a space", change: instead("/data/wh", "/my data/wh"), refuse: itsPlace + `output.catalog_warehouse: "/my data/wh" is spelt`},
	{name: "a warehouse with a question mark", change: instead("/data/wh", "/data/wh?x"), refuse: itsPlace + `output.catalog_warehouse: `},
	{name: "an SQLite catalogue with an escape", change: instead("/data/wh", "/data/wh\n  catalog_uri: sqlite:///a%20b.db"), refuse: itsPlace + `output.catalog_uri: `},
	{name: "products with a number sign", change: instead("/data/products", "/data/run#2"), but: func(s *pipeline.ResolveConfigOut) {
		s.Products.Base, s.Destination.RunURI, s.Destination.Redo = "/data/run#2", "/data/run#2/r1", "/data/run#2/redo"
	}},
	{name: "a margin that is too small", change: after("tiling: {sub_tile_margin_arcmin: 0.05}\n"), refuse: itsPlace + "tiling.sub_tile_margin_arcmin must be between"},
	{name: "Latin-1", change: instead("EDF-S", "Jos\xe9"), refuse: itsPlace + `the byte 0xe9`},
	{name: "brackets without end", change: after("x: " + strings.Repeat("[", 1<<20)), refuse: `^config_yaml: line 17: it is nested deeper`},
}

// TestConfiguration tries mutants of what people write, and holds the sections
// that pass through to PyYAML.
func TestConfiguration(t *testing.T) {
	launch := func(text string) (pipeline.ResolveConfigOut, error) {
		out, _, err := resolve.Launch(t.Context(), objstore.NewMemory(), pipeline.ResolveConfigIn{ConfigYAML: text, RunID: "r1"}, "")
		out.Destination.ConfigID, out.Inference.ConfigID = "", "" // of the very text of commands and sections
		return out, err
	}
	var pairs [][2]string
	for _, m := range texts {
		t.Run(m.name, func(t *testing.T) {
			want, err := launch(theText)
			if err != nil {
				t.Fatal(err)
			}
			got, err := launch(m.change(theText))
			if m.refuse != "" {
				if err == nil || !regexp.MustCompile(m.refuse).MatchString(err.Error()) || fault.KindOf(err) != fault.BadInput {
					t.Errorf("%v, not %q", err, m.refuse)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if m.but != nil {
				m.but(&want)
			}
			if a, b := asJSON(t, got), asJSON(t, want); a != b {
				t.Errorf("it is resolved to\n%s, not\n%s", a, b)
			}
			pairs = append(pairs, [2]string{m.change(theText), got.Inference.Inference + got.Inference.GAL})
		})
	}
	holdSections(t, pairs)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// holdSections holds what SHINE gets to what PyYAML finds in the whole texts.
func holdSections(t *testing.T, pairs [][2]string) {
	t.Helper()
	python := os.Getenv(fitstest.PythonEnv)
	if python == "" {
		t.Logf("SKIPPED: no independent reader of YAML looked at the sections; set %s", fitstest.PythonEnv)
		return
	}
	c := exec.CommandContext(t.Context(), python, "-c", `
import json, sys, yaml
for whole, alone in json.load(sys.stdin):
    whole = yaml.safe_load(whole.encode())
    if {k: whole[k] for k in ("inference", "gal")} != yaml.safe_load(alone): print(whole, alone)`)
	c.Stdin, c.Stderr = bytes.NewReader([]byte(asJSON(t, pairs))), os.Stderr
	if out, err := c.Output(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
