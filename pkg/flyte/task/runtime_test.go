package task_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
)

func count(mode string) example.CountIn {
	return example.CountIn{Mode: mode, Line: 4, Skip: []string{"a", "b"}, Settings: example.Settings{Separator: ",", Weight: 200, Depth: 3}}
}

func outputs(t *testing.T, e ended) example.CountOut {
	t.Helper()
	m := &core.LiteralMap{}
	e.read(t, "outputs.pb", m)
	var out example.CountOut
	if err := literal.Unmarshal(m, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSuccess(t *testing.T) {
	onBoth(t, func(t *testing.T, prefix string) {
		e := stage{program: "count-words", prefix: prefix, inputs: count("ok")}.run(t)
		if e.code != 0 || e.has("error.pb") || !e.has("deck.html") {
			t.Errorf("exit %d, error.pb %v, deck %v\n%s", e.code, e.has("error.pb"), e.has("deck.html"), e.log)
		}
		out := outputs(t, e)
		want := example.CountOut{Report: literal.Blob{URI: objstore.Join(prefix, "raw/ab/report.json"), Format: "json"}, Words: 42}
		if out != want {
			t.Errorf("got %+v, want %+v", out, want)
		}
		text, err := objstore.ReadFile(t.Context(), e.store, out.Report.URI)
		if err != nil {
			t.Fatal(err)
		}
		identity := "{Project:proj Domain:dom Execution:ex1 Node:count Task:count_words Version:v9 Attempt:1 Element:-1}" +
			` earlier=[] skip=["a" "b"] settings={Separator:, Weight:200 Depth:3}`
		if string(text) != identity {
			t.Errorf("got %s\nwant %s", text, identity)
		}
		checkLog(t, e.log, "start", "end")
	})
}

// checkLog wants JSON, one line each.
func checkLog(t *testing.T, log string, messages ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(log), "\n")
	if len(lines) != len(messages) {
		t.Fatalf("%d lines, want %q:\n%s", len(lines), messages, log)
	}
	for i, line := range lines {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry["msg"] != messages[i] ||
			entry["execution"] != "ex1" || entry["node"] != "count" || entry["attempt"] != 1.0 {
			t.Errorf("line %q: want JSON of %q, with the attempt that wrote it", line, messages[i])
		}
		if _, ok := entry["bytes_read"]; i == len(lines)-1 && !ok {
			t.Errorf("the last line does not say what was moved: %s", line)
		}
	}
}

func TestFailures(t *testing.T) {
	const final, again = core.ContainerError_NON_RECOVERABLE, core.ContainerError_RECOVERABLE
	const user, system = core.ExecutionError_USER, core.ExecutionError_SYSTEM
	tests := []struct {
		mode, code, message string
		kind                core.ContainerError_Kind
		origin              core.ExecutionError_ErrorKind
	}{
		{"bad input", "TextMissing", "count: s3://b/text: line 4: no such text (name one that exists)", final, user},
		{"bad data", "BadData", "the text is broken", final, user},
		{"transient", "Throttled", "slow down", again, user},
		{"plain", "Unclassified", "just so", again, user},
		{"gave up", "Unclassified", "sibling: context canceled", again, user},
		{"panic", "Panic", "count-words/main.go:", final, system},
		{"no blob", "OutputsInvalid", "report: a blob without a URI", final, system},
	}
	onBoth(t, func(t *testing.T, prefix string) {
		for _, tt := range tests {
			t.Run(tt.mode, func(t *testing.T) {
				e := stage{program: "count-words", prefix: objstore.Join(prefix, strings.ReplaceAll(tt.mode, " ", "-")), inputs: count(tt.mode)}.run(t)
				f := e.failure(t)
				if f.GetCode() != tt.code || f.GetKind() != tt.kind || f.GetOrigin() != tt.origin || !strings.Contains(f.GetMessage(), tt.message) {
					t.Errorf("got %v\nwant %+v", f, tt)
				}
				if f.GetTimestamp() == nil {
					t.Error("no time")
				}
				deck, err := objstore.ReadFile(t.Context(), e.store, objstore.Join(e.prefix, "deck.html"))
				if err != nil || !strings.Contains(string(deck), tt.code) || !strings.Contains(string(deck), "<p>counting</p>") {
					t.Errorf("the deck of a failure shows the failure and what there was: %v\n%s", err, deck)
				}
				checkLog(t, e.log, "start", "failed")
			})
		}
	})
}

func TestStopped(t *testing.T) {
	onBoth(t, func(t *testing.T, prefix string) {
		for mode, code := range map[string]int{"hang": 137, "hang and fail": 137, "interrupt": 130} {
			t.Run(mode, func(t *testing.T) {
				e := stage{program: "count-words", prefix: objstore.Join(prefix, strings.ReplaceAll(mode, " ", "-")), inputs: count(mode)}.run(t)
				if e.code != code || e.has("outputs.pb") || e.has("error.pb") || e.has("deck.html") {
					t.Errorf("exit %d, want %d; outputs %v, error %v, deck %v\n%s", e.code, code, e.has("outputs.pb"), e.has("error.pb"), e.has("deck.html"), e.log)
				}
				state := objstore.Join(prefix, strings.ReplaceAll(mode, " ", "-"), "raw/ab/_flytecheckpoints/state")
				if _, err := e.store.Stat(t.Context(), state); mode != "interrupt" && err != nil {
					t.Errorf("the checkpoint is not there: %v", err)
				}
			})
		}
	})
}

// mapped is the inputs of a map over count_words, as the array node hands them
// to every element.
type mapped struct {
	Mode     string           `flyte:"mode"`
	Line     []int64          `flyte:"line"`
	Skip     []string         `flyte:"skip"`
	Settings example.Settings `flyte:"settings"`
}

func TestElement(t *testing.T) {
	in := mapped{"ok", []int64{7, 8, 9}, []string{"x"}, example.Settings{}}
	index := func(name, i string) []string {
		return []string{"BATCH_JOB_ARRAY_INDEX_VAR_NAME=" + name, name + "=" + i}
	}
	onBoth(t, func(t *testing.T, prefix string) {
		for _, tt := range []struct {
			name  string
			args  []string
			env   []string
			words int64
			fails string
		}{
			{"first", []string{"--element"}, index("FLYTE_K8S_ARRAY_INDEX", "0"), 71, ""},
			{"named", []string{"--element"}, index("OTHER_NAME", "2"), 91, ""},
			{"by hand", []string{"--element=1"}, nil, 81, ""},
			{"beyond", []string{"--element"}, index("FLYTE_K8S_ARRAY_INDEX", "3"), 0, "InputsInvalid"},
			{"unknown", []string{"--element"}, nil, 0, "ElementUnknown"},
			{"garbled", []string{"--element"}, index("FLYTE_K8S_ARRAY_INDEX", "x"), 0, "ElementUnknown"},
			{"list without the flag", nil, nil, 0, "InputsInvalid"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				e := stage{program: "count-words", prefix: objstore.Join(prefix, strings.ReplaceAll(tt.name, " ", "-")), inputs: in, args: tt.args, env: tt.env}.run(t)
				if tt.fails != "" {
					f := e.failure(t)
					if f.GetCode() != tt.fails {
						t.Errorf("got %v, want code %s", f, tt.fails)
					}
					if alone := tt.env == nil && tt.args != nil; alone && (f.GetOrigin() != core.ExecutionError_USER || !strings.Contains(f.GetMessage(), "launch task count_words, which takes one element")) {
						t.Errorf("launched alone: %v", f)
					}
				} else if out := outputs(t, e); out.Words != tt.words {
					t.Errorf("%d words, want %d", out.Words, tt.words)
				} else if want := fmt.Sprintf(`"element":%d`, tt.words/10-7); strings.Count(e.log, want) != 2 {
					t.Errorf("want %s in every line:\n%s", want, e.log)
				}
			})
		}
	})
}

func TestUnreadableInputs(t *testing.T) {
	onBoth(t, func(t *testing.T, prefix string) {
		e := stage{program: "count-words", prefix: objstore.Join(prefix, "garbled"), raw: []byte("no proto\xff")}.run(t)
		if f := e.failure(t); f.GetCode() != "InputsUnreadable" || f.GetKind() != core.ContainerError_NON_RECOVERABLE || !strings.Contains(f.GetMessage(), "inputs.pb") {
			t.Errorf("garbled inputs.pb: %v", f)
		}
		e = stage{program: "count-words", prefix: objstore.Join(prefix, "missing"), inputs: count("ok"), args: []string{"--inputs", objstore.Join(prefix, "nowhere.pb")}}.run(t)
		if f := e.failure(t); f.GetCode() != objstore.NotFound || !strings.Contains(f.GetMessage(), "nowhere.pb") {
			t.Errorf("no inputs.pb: %v", f)
		}
		e = stage{program: "count-words", prefix: objstore.Join(prefix, "other"), inputs: example.LinesIn{}}.run(t)
		if f := e.failure(t); f.GetCode() != "InputsInvalid" || !strings.Contains(f.GetMessage(), "page: no such variable") || !strings.Contains(f.GetMessage(), "line: missing (integer)") {
			t.Errorf("inputs of another stage: %v", f)
		}
	})
}

// A list that the engine offloaded is a URI inside inputs.pb.
func TestOffloadedInput(t *testing.T) {
	onBoth(t, func(t *testing.T, prefix string) {
		m, err := literal.Marshal(mapped{"ok", []int64{7, 8}, []string{"x", "y"}, example.Settings{}})
		if err != nil {
			t.Fatal(err)
		}
		store := objstore.Open(t.Context(), objstore.Config{})
		for _, name := range []string{"line", "skip"} {
			raw, err := proto.Marshal(m.Literals[name])
			if err != nil {
				t.Fatal(err)
			}
			uri := objstore.Join(prefix, name+"_offloaded_metadata.pb")
			if _, err := objstore.WriteFile(t.Context(), store, uri, raw); err != nil {
				t.Fatal(err)
			}
			m.Literals[name] = &core.Literal{Value: &core.Literal_OffloadedMetadata{
				OffloadedMetadata: &core.LiteralOffloadedMetadata{Uri: uri, SizeBytes: uint64(len(raw))},
			}}
		}
		raw, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		e := stage{program: "count-words", prefix: prefix, raw: raw, args: []string{"--element=1"}}.run(t)
		if out := outputs(t, e); out.Words != 82 {
			t.Errorf("%d words, want 82", out.Words)
		}
	})
}

func TestArguments(t *testing.T) {
	dir := t.TempDir()
	e := stage{program: "count-words", prefix: dir, inputs: count("ok"), args: []string{"--output-prefix="}}.run(t)
	if e.code != 2 || !strings.Contains(e.log, "--output-prefix is missing") {
		t.Errorf("no output prefix: exit %d\n%s", e.code, e.log)
	}
	for _, args := range [][]string{{"--nonsense"}, {"extra"}, {"--inputs="}, {"--element=-1"}} {
		e = stage{program: "count-words", prefix: filepath.Join(dir, args[0]), inputs: count("ok"), args: args}.run(t)
		if f := e.failure(t); f.GetCode() != "ArgumentsInvalid" {
			t.Errorf("%v: %v", args, f)
		}
	}
	e = stage{program: "count-words", prefix: dir, inputs: count("ok"), args: []string{"--help"}}.run(t)
	for _, want := range []string{"count-words: Counts the words of a line.", "line integer", "which line", "note optional string", "--element", "137"} {
		if e.code != 0 || !strings.Contains(e.log, want) {
			t.Errorf("--help: exit %d, want %q in\n%s", e.code, want, e.log)
		}
	}
	e = stage{program: "count-words", prefix: dir, inputs: count("ok"), args: []string{"--describe"}}.run(t)
	if e.code != 0 || !strings.Contains(e.log, `name: "count_words"`) || e.has("outputs.pb") {
		t.Errorf("--describe: exit %d\n%s", e.code, e.log)
	}
}

// byHand runs count-words as a person does: with a file of JSON, on plain paths.
func byHand(t *testing.T, text string, args ...string) ended {
	t.Helper()
	dir := t.TempDir()
	inputs := filepath.Join(dir, "in.json")
	if err := os.WriteFile(inputs, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return stage{program: "count-words", prefix: dir, inputs: count("ok"), hand: true, args: append([]string{"--inputs", inputs, "--raw-output-prefix="}, args...)}.run(t)
}

// By hand it takes JSON, and prints JSON that a next stage takes.
func TestByHand(t *testing.T) {
	e := byHand(t, `{"mode":"ok","line":[5,6],"skip":[],"settings":{"separator":";","weight":1,"depth":2}}`, "--element=1")
	report := filepath.Join(e.prefix, "report.json")
	if out := outputs(t, e); e.code != 0 || out.Words != 60 || out.Report.URI != report {
		t.Errorf("got %+v", out)
	}
	if want := fmt.Sprintf("{\n  \"report\": %q,\n  \"words\": 60,\n  \"note\": null\n}\n", report); e.stdout != want {
		t.Errorf("printed %s, want %s", e.stdout, want)
	}

	type next struct { // what a stage that follows may take
		Note   *string      `flyte:"note"`
		Words  int64        `flyte:"words"`
		Report literal.Blob `flyte:"report,format=json"`
	}
	fields, err := literal.Fields(reflect.TypeFor[next]())
	if err != nil {
		t.Fatal(err)
	}
	m, err := literal.ParseJSON(fields, []byte(e.stdout))
	if err != nil {
		t.Fatal(err)
	}
	var in next
	if err := literal.Unmarshal(m, &in); err != nil || in.Words != 60 || in.Report != (literal.Blob{URI: report, Format: "json"}) {
		t.Errorf("the next stage takes %+v, %v", in, err)
	}

	e = stage{program: "count-words", prefix: t.TempDir(), inputs: count("ok")}.run(t)
	if e.code != 0 || e.stdout != "" {
		t.Errorf("an engine's run: exit %d, printed %q", e.code, e.stdout)
	}
}

// Without an output prefix there is a new directory, which the log names.
func TestByHandSomewhere(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	e := byHand(t, `{"mode":"ok","line":5,"skip":[],"settings":{"separator":";","weight":1,"depth":2}}`, "--output-prefix=")
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "count-words-*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("directories %q, %v\n%s", found, err, e.log)
	}
	if e.prefix = found[0]; e.code != 0 || !e.has("outputs.pb") || !e.has("report.json") {
		t.Errorf("exit %d\n%s", e.code, e.log)
	}
	first, _, _ := strings.Cut(e.log, "\n")
	if !strings.Contains(first, fmt.Sprintf(`"outputs":%q`, found[0])) || !strings.Contains(e.stdout, found[0]+"/report.json") {
		t.Errorf("%s is not named:\n%s", found[0], e.log)
	}
}

// A failure by hand is a status, an error document and the error, once.
func TestByHandSaysOnce(t *testing.T) {
	e := byHand(t, `{"mode":"bad input","line":5,"skip":[],"settings":{"separator":";","weight":1,"depth":2}}`)
	if e.code != 1 || !e.has("error.pb") || e.stdout != "" || strings.Count(e.log, "no such text") != 1 {
		t.Errorf("exit %d\n%s", e.code, e.log)
	}
	e = byHand(t, `{"mode":"ok"}`)
	if e.code != 1 || e.stdout != "" || strings.Count(e.log, "line: missing (integer)") != 1 {
		t.Errorf("exit %d\n%s", e.code, e.log)
	}
	e = byHand(t, `{}`, "--nonsense")
	if e.code != 2 || e.stdout != "" || strings.Count(e.log, "not defined") != 1 {
		t.Errorf("exit %d\n%s", e.code, e.log)
	}
}

// Where not even error.pb can be written, the exit code is all there is.
func TestNothingWritable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	e := stage{program: "count-words", prefix: dir, inputs: count("ok"), args: []string{"--output-prefix", filepath.Join(file, "below")}}.run(t)
	if e.code != 1 || !strings.Contains(e.log, "the error document could not be written") {
		t.Errorf("exit %d\n%s", e.code, e.log)
	}
}

// A stage that links no more than it needs stays small: what pulls in a large
// library (a gRPC client, flytestdlib) shows here.
func TestSize(t *testing.T) {
	if err := build(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(binaries, "count-words"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MB", float64(info.Size())/1e6)
	if info.Size() > 25e6 {
		t.Errorf("an executable of %d bytes: see what it links by go list -deps", info.Size())
	}
}
