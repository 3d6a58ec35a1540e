package mutants

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
)

// theText is a configuration as somebody keeps it in a file.
const theText = `# the survey's
field_name: EDFS
tile_ids: [1, 2]
output: {storage_base_uri: /data}
engine: reference
inference:
  samples: 200
  note: |
    two
    lines
gal:
  type: gaussian
`

// launched is a configuration on its way to the stage: as a file's text, that a
// plan or a launch holds, or as somebody typed or pasted it into a form.
type launched struct {
	name    string
	text    string
	pasted  bool   // it reaches the stage as it is
	refused string // with these words; empty: it is what the file would be
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

func launchMutants() []launched {
	section := "gal:\n  type: gaussian\n"
	ends := strings.Replace(theText, section, "", 1) // with the text in a block
	return []launched{
		{name: "as it is", text: theText},
		{name: "without the last line's end", text: strings.TrimSuffix(theText, "\n")},
		{name: "blank lines at the end", text: theText + "\n\n\n"},
		{name: "blanks at the end", text: theText + "   \n  \n"},
		{name: "blank lines at the beginning", text: "\n\n" + theText},
		{name: "a comment at the end", text: theText + "# the end\n"},
		{name: "a comment without a line's end", text: theText + "# the end"},
		{name: "all of it indented", text: "  " + strings.Join(lines(theText), "\n  ") + "\n"},
		{name: "ends with a block", text: ends},
		{name: "ends with a block and blank lines", text: ends + "\n\n"},
		{name: "ends with a block that is stripped", text: strings.Replace(ends, "note: |", "note: |-", 1) + "\n"},
		{name: "ends with a folded block", text: strings.Replace(ends, "note: |", "note: >", 1)},
		{name: "begins with a mark", text: "---\n" + theText},
		{name: "two documents", text: theText + "---\nmax_parallelism: 7\n"},
		{name: "one line in braces", text: "{tile_ids: [1, 2], output: {storage_base_uri: /data}, engine: reference}\n"},
		{name: "pasted: in braces", text: "{tile_ids: [1, 2], output: {storage_base_uri: /data}, engine: reference}", pasted: true},
		{name: "pasted: in braces, with blanks around it", text: "  {tile_ids: [1, 2], output: {storage_base_uri: /data}} ", pasted: true},
		{name: "pasted: line breaks kept", text: theText, pasted: true},
		{name: "pasted: line breaks became blanks", text: strings.ReplaceAll(theText, "\n", " "), pasted: true, refused: "YAML that lost its line breaks"},
		{name: "pasted: line breaks are gone", text: strings.ReplaceAll(theText, "\n", ""), pasted: true, refused: "YAML that lost its line breaks"},
		{name: "pasted: without its comment", text: strings.Join(lines(theText)[1:], " "), pasted: true, refused: "YAML that lost its line breaks"},
		{name: "pasted: one key", text: "engine: reference", pasted: true, refused: "YAML that lost its line breaks"},
		{name: "pasted: a section's head", text: "inference:", pasted: true, refused: "YAML that lost its line breaks"},
		{name: "pasted: a mark and a key", text: "--- engine: reference", pasted: true, refused: "YAML that lost its line breaks"},
		{name: "pasted: with a place in a bucket", text: "engine: mock output: {storage_base_uri: s3://b/o}", pasted: true, refused: "YAML that lost its line breaks"},
		{name: "pasted: a file that isn't there", text: "mem://conf/none.yaml", pasted: true, refused: "mem://conf/none.yaml: there is no such configuration file"},
		{name: "pasted: blanks", text: " \t ", pasted: true, refused: "config_yaml is empty"},
		{name: "pasted: braces that don't close", text: "{tile_ids: [1, 2]", pasted: true, refused: "config_yaml"},
	}
}

// TestLaunched: what a launch or a plan holds of a configuration is what its file
// is, passes the console's form, and what a form made of it is refused in words.
func TestLaunched(t *testing.T) {
	var pairs [][2]string // of a file's text and what is sent
	for _, m := range launchMutants() {
		t.Run(m.name, func(t *testing.T) {
			ctx, store := t.Context(), objstore.NewMemory()
			file := objstore.Join("mem://conf", "c.yaml")
			if _, err := objstore.WriteFile(ctx, store, file, []byte(m.text)); err != nil {
				t.Fatal(err)
			}
			sent := m.text
			if !m.pasted {
				sent = resolve.Sent(m.text)
				pairs = append(pairs, [2]string{m.text, sent})
				if strings.TrimSpace(sent) != sent {
					t.Errorf("the form refuses %q", sent)
				}
			}
			got, _, err := resolve.Launch(ctx, store, pipeline.ResolveConfigIn{ConfigYAML: sent, StorageBase: pipeline.None, RunID: pipeline.None}, "exec")
			if m.refused != "" {
				if err == nil || !strings.Contains(err.Error(), m.refused) || len(err.Error()) > 700 {
					t.Errorf("%v; want %q", err, m.refused)
				}
				return
			}
			if err != nil {
				t.Fatalf("%q: %v", sent, err)
			}
			want, _, err := resolve.Launch(ctx, store, pipeline.ResolveConfigIn{ConfigYAML: file}, "exec")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the file (-), as it was sent (+):\n%s", diff)
			}
		})
	}
	independently(t, pairs)
}

// independently holds what is sent to what PyYAML reads in both texts.
func independently(t *testing.T, pairs [][2]string) {
	if python() == "" {
		t.Log("SKIPPED: what PyYAML reads in texts that are sent; set CONSTELLATION_PYTHON")
		return
	}
	in, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	const script = `
import json, sys, yaml
for text, sent in json.load(sys.stdin):
    a, b = ([d for d in yaml.safe_load_all(x) if d] for x in (text, sent))
    if a != b: print(repr(text), a, repr(sent), b)
`
	cmd := exec.Command(python(), "-c", script)
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("PyYAML: %v\n%s", err, out)
	}
}
