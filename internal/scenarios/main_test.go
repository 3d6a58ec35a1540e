package scenarios

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
)

var update = flag.Bool("update", false, "TestReal writes the golden records")

// image of all stages.
const image = "scenarios:1"

var executables = []string{"scenario-work", "scenario-keep", "scenario-sum", "scenario-split", "scenario-fan", "scenario-batches", "scenario-keep-fan", "scenario-write", "scenario-read"}

// buildStages makes the executables: one program under several names.
func buildStages(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "stage")
	cmd := exec.Command("go", "build", "-o", program, "./testdata/stage")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the stages: %v\n%s", err, out)
	}
	for _, name := range executables {
		err := os.Symlink("stage", filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
}

// inputs of a step.
func inputs(t *testing.T, s Step, place, salt string) *core.LiteralMap {
	t.Helper()
	in := In{Place: place, Salt: salt, Note: s.Note, Xs: s.Xs, Dos: s.Dos}
	if in.Xs == nil {
		in.Xs = []int64{}
	}
	if in.Dos == nil {
		in.Dos = []string{}
	}
	m, err := literal.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// plain is literals as JSON has them.
func plain(m *core.LiteralMap) map[string]any {
	if len(m.GetLiterals()) == 0 {
		return nil
	}
	out := map[string]any{}
	for name, l := range m.GetLiterals() {
		out[name] = plainValue(l)
	}
	return out
}

func plainValue(l *core.Literal) any {
	if c := l.GetCollection(); c != nil {
		list := []any{}
		for _, e := range c.GetLiterals() {
			list = append(list, plainValue(e))
		}
		return list
	}
	switch v := l.GetScalar().GetPrimitive().GetValue().(type) {
	case *core.Primitive_Integer:
		return float64(v.Integer)
	case *core.Primitive_StringValue:
		return v.StringValue
	}
	if u := l.GetScalar().GetUnion(); u != nil {
		return plainValue(u.GetValue())
	}
	return nil
}

func golden(name string) string { return filepath.Join("testdata", "golden", name+".json") }

func readGolden(t *testing.T, name string) []Record {
	t.Helper()
	raw, err := os.ReadFile(golden(name))
	if err != nil {
		t.Fatalf("%v: run TestReal -update", err)
	}
	var records []Record
	if err := json.Unmarshal(raw, &records); err != nil {
		t.Fatal(err)
	}
	return records
}

func writeGolden(t *testing.T, name string, records []Record) {
	t.Helper()
	raw, err := json.MarshalIndent(records, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(golden(name)), 0o755)
	}
	if err == nil {
		err = os.WriteFile(golden(name), append(raw, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// compare holds records to the golden ones. What the scenario excepts must
// differ: an exception that is not needed any more is a fault.
func compare(t *testing.T, want, got []Record, except map[string]string) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%d golden records, %d executions", len(want), len(got))
	}
	open := maps.Clone(except)
	for i := range want {
		// Through JSON, so that both sides hold the same Go types.
		var g Record
		raw, err := json.Marshal(got[i])
		if err == nil {
			err = json.Unmarshal(raw, &g)
		}
		if err != nil {
			t.Fatal(err)
		}
		differences := Different(want[i], g)
		for _, field := range slices.Sorted(maps.Keys(differences)) {
			name := fmt.Sprintf("step %d: %s", i, field)
			if _, ok := except[name]; ok {
				delete(open, name)
				continue
			}
			t.Errorf("%s: %s", name, differences[field])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(open)) {
		t.Errorf("%s is excepted (%s), and does not differ", name, open[name])
	}
}

// TestGoldens: every scenario has records, and no record is of a scenario that is gone.
func TestGoldens(t *testing.T) {
	var want, have []string
	for _, s := range Suite() {
		want = append(want, s.Name+".json")
	}
	entries, err := os.ReadDir(filepath.Join("testdata", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		have = append(have, e.Name())
	}
	slices.Sort(want)
	if !reflect.DeepEqual(want, have) {
		t.Errorf("scenarios %q\nrecords %q", want, have)
	}
}
