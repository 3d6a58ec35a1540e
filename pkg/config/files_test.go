package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const configs = "../../configs"

// TestConfigs holds the files in configs/ to the loader and to the schema that
// editors read, and the schema to the code.
func TestConfigs(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile(filepath.Join(configs, "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(append(text, '\n'), committed) {
		t.Error("configs/schema.json is not what the code says: make schema")
	}
	schema := compile(t, committed)
	files, err := filepath.Glob(filepath.Join(configs, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, file := range files {
		name := filepath.Base(file)
		named = append(named, name)
		t.Run(name, func(t *testing.T) {
			c := load(t, file)
			if len(c.Warnings)+len(c.Notes) > 0 {
				t.Errorf("%q, %q", c.Warnings, c.Notes)
			}
			if err := schema.Validate(parsed(t, file)); err != nil {
				t.Error(err)
			}
		})
	}
	if want := []string{"edff_mock.yaml", "edff_single_tile.yaml", "q1_campaign.yaml", "wide_survey.yaml"}; !slices.Equal(named, want) {
		t.Errorf("configs/ holds %q, not %q", named, want)
	}
	for _, older := range []string{"readme.yaml", "survey.yaml"} { // editors show their older keys as such
		if err := schema.Validate(parsed(t, filepath.Join("testdata", older))); err != nil {
			t.Errorf("%s: %v", older, err)
		}
	}
	for _, wrong := range []string{"engine: shin\n", "output: {format: fits}\n", "output: {save_diagnostics: 2}\n", "compute: {backend: cloud}\n", "compute: {gpu: L4}\n"} {
		file := filepath.Join(t.TempDir(), "wrong.yaml")
		if err := os.WriteFile(file, []byte(wrong), 0o666); err != nil {
			t.Fatal(err)
		}
		if schema.Validate(parsed(t, file)) == nil {
			t.Errorf("the schema takes %q", wrong)
		}
	}
}

func load(t *testing.T, file string, over ...Overlay) *Config {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(filepath.Base(file), text, over...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func compile(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// parsed is a YAML file as an editor's validator sees it.
func parsed(t *testing.T, file string) any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	asJSON, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
