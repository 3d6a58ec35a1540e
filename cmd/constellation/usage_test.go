package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/cmd/internal/cli"
	"github.com/cosmostat/constellation/pkg/fault"
)

// TestUsage: a mistyped command line is one line with a hint, and status 2.
func TestUsage(t *testing.T) {
	for line, want := range map[string]string{
		"runn":                                "there is no verb \"runn\"; did you mean run? (constellation --help",
		"config chek":                         "there is no verb \"chek\"; did you mean check? (constellation config --help",
		"config frobnicate":                   "there is no verb \"frobnicate\" (",
		"run":                                 "--config is needed (constellation run --help",
		"assemble":                            "--config and --run-id are needed",
		"run --confg x":                       "there is no flag --confg; did you mean --config?",
		"run --frobnicate x":                  "there is no flag --frobnicate (",
		"run -q":                              "there is no flag -q",
		"run --config":                        "--config needs a value",
		"run extra --config x":                "\"extra\" is one argument too many",
		"run -c x --tiles abc":                "--tiles \"abc\": a list of whole numbers",
		"run -c x -j many":                    "--parallel \"many\": a whole number is wanted",
		"clean -c x --older-than soon":        "--older-than \"soon\": a time such as",
		"infer -c x":                          "it is constellation infer --config FILE DIRECTORY...",
		"run -c x --name y":                   "--name has no meaning without --remote",
		"tiles -c x --format y":               "there is no format \"y\"",
		"infer -c x --run-id y z":             "there is no flag --run-id",
		"infer -c x --tiles 1 z":              "there is no flag --tiles",
		"assemble -c x --run-id y --tiles 1":  "there is no flag --tiles",
		"validate -c x --run-id y --tiles 1":  "there is no flag --tiles",
		"config check -c x --run-id y":        "there is no flag --run-id",
		"tiles -c x --run-id y":               "there is no flag --run-id",
		"plot --run x --run-id y --out z.svg": "there is no flag --run-id",
		"clean -c x --tiles 1":                "there is no flag --tiles",
	} {
		var stdout, stderr bytes.Buffer
		err := cli.Execute(t.Context(), command(), strings.Fields(line), &stdout, &stderr)
		if err == nil || cli.Status(err) != 2 || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || stdout.Len()+stderr.Len() > 0 {
			t.Errorf("%s: status %d, %q, not %q\n%s%s", line, cli.Status(err), err, want, &stdout, &stderr)
		}
	}
}

// TestOverridden: what is wrong in a --set is said of it, what is wrong in the
// file is said of its line.
func TestOverridden(t *testing.T) {
	const valid = "field_name: X\ntile_ids: [1]\ndata: {vis_base_uri: /v, mer_base_uri: /m, catalog_base_uri: /c}\noutput: {storage_base_uri: /o, catalog_warehouse: /w}\nengine: mock\n"
	for _, c := range []struct {
		name, text string
		set        []string
		want       string
	}{
		{"unknown key", valid, []string{"foo.bar=1"}, "--set foo.bar=1: unknown key foo"},
		{"value", valid, []string{"field_name=Y", "engine=mck", "tile_ids=all"}, "--set engine=mck: engine must be"},
		{"syntax", valid, []string{"tiling={a"}, "--set tiling={a: "},
		{"two together", valid, []string{"engine=shine", "mock_shine=true"}, "--set mock_shine=true: "},
		{"the file's", "field_nam: X\n" + valid, []string{"engine=mock"}, "c.yaml: line 1, column 1: unknown key field_nam"},
	} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		l := &launch{config: path, set: c.set}
		_, err := l.load(t.Context())
		if fault.KindOf(err) != fault.BadInput || !strings.HasPrefix(strings.TrimPrefix(err.Error(), filepath.Dir(path)+"/"), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(valid, "engine: mock", "engine: mck", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	if c, err := (&launch{config: path, set: []string{"engine=reference"}}).load(t.Context()); err != nil || c.config.Engine != "reference" {
		t.Errorf("a file that an override mends: %v", err)
	}
}
