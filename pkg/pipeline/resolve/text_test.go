package resolve_test

import (
	"context"
	"strings"
	"testing"
	"unicode"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
)

// jsTrim is what the console compares a text with, by ECMAScript's list.
func jsTrim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		return strings.ContainsRune("\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff", r) || r >= 0x2000 && r <= 0x200a || unicode.Is(unicode.Zs, r)
	})
}

// TestSent: the text that launches hold passes the console's form, is taken for
// YAML by the stage, and is the same configuration as the file.
func TestSent(t *testing.T) {
	for _, text := range []string{
		yaml, strings.TrimSuffix(yaml, "\n"), yaml + "\n\n", yaml + "  \n", "\n\n  \n" + yaml, "# what this is\n\n" + yaml, strings.ReplaceAll(yaml, "\n", "\n\n"),
		"engine: mock\n", "engine: mock", "  engine: mock\n", "  engine: mock\n  field_name: EDFS\n", "{engine: mock}\n", " {engine: mock}", "---\nengine: mock\n",
		"", "\n", "  \n \n", "# nothing\n", "{}", "engine: mock # |\n", "field_name: EDFS\nengine: mock\n---\noutput: {storage_base_uri: /d}\n",
		"engine: mock\ninference:\n  text: |\n    one\n", "engine: mock\ninference:\n  text: |-\n    one\n\n", "engine: mock\ninference:\n  text: >2\n    one\n  n: 1\n",
		"inference:\n  text: |\n    one\nengine: mock\n",
	} {
		want, err := config.Load("file", []byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		sent := resolve.Sent(text)
		if sent == "" || jsTrim(sent) != sent {
			t.Errorf("%q is sent as %q, which the form refuses", text, sent)
		}
		if again := resolve.Sent(sent); again != sent && !strings.Contains(sent, "---") {
			t.Errorf("%q is sent as %q, and that as %q", text, sent, again)
		}
		name, read, err := resolve.Text(context.Background(), objstore.NewMemory(), sent)
		if err != nil || name != "config_yaml" {
			t.Errorf("%q: %q, %v", sent, name, err)
			continue
		}
		got, err := config.Load(name, read)
		if err != nil || got.ID() != want.ID() || got.Inference != want.Inference || got.Engine != want.Engine || got.FieldName != want.FieldName {
			t.Errorf("%q is sent as %q: %v", text, sent, err)
		}
	}
}

// TestText: what is YAML, what a file's name, and what is neither.
func TestText(t *testing.T) {
	ctx, store := context.Background(), objstore.NewMemory()
	for _, uri := range []string{"mem://b/c.yaml", "mem://b/a: b.yaml", "mem://b/with space.yaml"} {
		if _, err := objstore.WriteFile(ctx, store, uri, []byte(yaml)); err != nil {
			t.Fatal(err)
		}
	}
	for _, input := range []string{"mem://b/c.yaml", "mem://b/c.yaml\n", " mem://b/c.yaml\r\n", "\tmem://b/c.yaml ", "mem://b/a: b.yaml", "mem://b/a: b.yaml\n", "mem://b/with space.yaml"} {
		if name, text, err := resolve.Text(ctx, store, input); err != nil || string(text) != yaml || name != strings.TrimSpace(input) {
			t.Errorf("%q: %q, %v", input, name, err)
		}
	}
	for _, input := range []string{"{engine: mock}", "  {engine: mock}", "\ufeff{engine: mock}", "engine: mock\n", "engine:\n", "# nothing\n", "---\n", yaml, "engine: mock\rfield_name: X\r", "{\nengine: mock}"} {
		if name, text, err := resolve.Text(ctx, store, input); err != nil || string(text) != input || name != "config_yaml" {
			t.Errorf("%q: %q, %v", input, name, err)
		}
	}
	long := strings.Repeat("field_name: EDFS tile_ids: [1, 2] output: {storage_base_uri: s3://b/o} ", 20)
	for input, want := range map[string]string{
		strings.ReplaceAll(yaml, "\n", " "):   "YAML that lost its line breaks",
		long:                                  "YAML that lost its line breaks",
		"# a comment field_name: EDFS":        "YAML that lost its line breaks",
		"--- engine: mock":                    "YAML that lost its line breaks",
		"inference:":                          "YAML that lost its line breaks",
		"mem://b/none.yaml":                   "mem://b/none.yaml: there is no such configuration file",
		"mem://b/none: at all.yaml":           "there is no such configuration file",
		"mem://b/" + strings.Repeat("x", 500): "there is no such configuration file",
		"\n \n":                               "config_yaml is empty",
	} {
		_, _, err := resolve.Text(ctx, store, input)
		if fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "give the file's URI") || len(err.Error()) > 600 {
			t.Errorf("%q: %v", input, err)
		}
	}
}
