package task_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
	"github.com/cosmostat/constellation/pkg/objstore"
	"google.golang.org/protobuf/proto"
)

// TestCheckpoint kills attempts, one of them before it saved anything, and
// wants the last to go on from what the others left.
func TestCheckpoint(t *testing.T) {
	onBoth(t, func(t *testing.T, prefix string) {
		at := func(attempt int) string {
			return objstore.Join(prefix, fmt.Sprintf("raw/%d/_flytecheckpoints", attempt))
		}
		previous := `""`
		for i, mode := range []string{"save and die", "save and die", "die", "resume"} {
			e := stage{program: "count-words", prefix: objstore.Join(prefix, fmt.Sprint(i)), inputs: count(mode),
				args: []string{"--checkpoint-prefix", at(i), "--prev-checkpoint-prefix", previous}}.run(t)
			previous = at(i)
			if mode != "resume" {
				if e.code != -1 || e.has("outputs.pb") {
					t.Fatalf("attempt %d: exit %d, want a kill\n%s", i, e.code, e.log)
				}
				continue
			}
			if out := outputs(t, e); out.Words != 2 {
				t.Errorf("the last attempt found %d, want the 2 that the second left\n%s", out.Words, e.log)
			}
		}
		// By hand, without prefixes.
		e := stage{program: "count-words", prefix: objstore.Join(prefix, "hand"), inputs: count("resume"),
			args: []string{"--checkpoint-prefix=", "--prev-checkpoint-prefix="}}.run(t)
		if out := outputs(t, e); out.Words != 0 {
			t.Errorf("found %d without a checkpoint", out.Words)
		}
	})
}

// TestCheckpointForms: what can't be read is no checkpoint, and a chain that
// leads back ends.
func TestCheckpointForms(t *testing.T) {
	dir := t.TempDir()
	store := objstore.Open(t.Context(), objstore.Config{})
	run := func(previous string) (found bool, n int) {
		p := process(t, dir, "--checkpoint-prefix", objstore.Join(dir, "b"), "--prev-checkpoint-prefix", previous)
		code := example.CountWords.Execute(t.Context(), p, func(ctx context.Context, _ example.CountIn) (example.CountOut, error) {
			var err error
			found, err = task.From(ctx).Checkpoint().Load(ctx, "x", &n)
			return example.CountOut{Report: literal.Blob{URI: "r"}}, err
		})
		if code != 0 {
			t.Fatalf("exit %d\n%s", code, p.Stderr)
		}
		return found, n
	}
	write := func(name, text string) {
		if _, err := objstore.WriteFile(t.Context(), store, objstore.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	write("a/_previous", objstore.Join(dir, "a"))
	if found, _ := run(objstore.Join(dir, "a")); found {
		t.Error("found something in a chain that leads back to itself")
	}
	write("a/x", `"another form"`)
	if found, _ := run(objstore.Join(dir, "a")); found {
		t.Error("took text for a number")
	}
	write("a/x", "7")
	if found, n := run(objstore.Join(dir, "a")); !found || n != 7 {
		t.Errorf("found %v, %d", found, n)
	}
}

// TestCheckpointTogether: parts of a run that look for theirs at the same time find the same.
func TestCheckpointTogether(t *testing.T) {
	dir := t.TempDir()
	p := process(t, dir, "--prev-checkpoint-prefix", objstore.Join(dir, "b"))
	for name, text := range map[string]string{"b/_previous": objstore.Join(dir, "a"), "a/x": "7"} {
		if _, err := objstore.WriteFile(t.Context(), p.Store, objstore.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	code := example.CountWords.Execute(t.Context(), p, func(ctx context.Context, _ example.CountIn) (example.CountOut, error) {
		c := task.From(ctx).Checkpoint()
		var parts sync.WaitGroup
		for range 8 {
			parts.Go(func() {
				n := 0
				if found, err := c.Load(ctx, "x", &n); !found || n != 7 || err != nil {
					t.Errorf("found %v, %d, %v", found, n, err)
				}
			})
		}
		parts.Wait()
		if earlier, err := c.Earlier(ctx); len(earlier) != 2 || err != nil {
			t.Errorf("earlier attempts %q, %v", earlier, err)
		}
		return example.CountOut{Report: literal.Blob{URI: "r"}}, nil
	})
	if code != 0 {
		t.Errorf("exit %d\n%s", code, p.Stderr)
	}
}

// process is a process of count_words on this machine, inside an execution.
func process(t *testing.T, dir string, args ...string) task.Process {
	t.Helper()
	m, err := literal.Marshal(count("ok"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	store := objstore.Open(t.Context(), objstore.Config{})
	inputs := objstore.Join(dir, "n1/data/inputs.pb")
	if _, err := objstore.WriteFile(t.Context(), store, inputs, raw); err != nil {
		t.Fatal(err)
	}
	return task.Process{
		Args:  append([]string{"--inputs", inputs, "--output-prefix", objstore.Join(dir, "n1/data/0")}, args...),
		Env:   func(key string) (string, bool) { return "ex1", key == "FLYTE_INTERNAL_EXECUTION_ID" },
		Store: store, Stderr: &bytes.Buffer{}, Stdout: &bytes.Buffer{},
	}
}

// TestStubborn: a run that does not heed its context ends all the same, as one that was stopped.
func TestStubborn(t *testing.T) {
	dir := t.TempDir()
	p := process(t, dir)
	p.Grace = 10 * time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	code := example.CountWords.Execute(ctx, p, func(context.Context, example.CountIn) (example.CountOut, error) {
		stop()
		<-release
		return example.CountOut{}, nil
	})
	log := p.Stderr.(*bytes.Buffer).String()
	if code != 137 || !strings.Contains(log, "did not stop within 10ms") {
		t.Errorf("exit %d\n%s", code, log)
	}
	for _, name := range []string{"outputs.pb", "error.pb", "deck.html"} {
		if _, err := p.Store.Stat(t.Context(), objstore.Join(dir, "n1/data/0", name)); err == nil {
			t.Errorf("%s is there", name)
		}
	}
}

// TestLibrariesLog: what a library writes to the standard loggers says, too, which attempt wrote it.
func TestLibrariesLog(t *testing.T) {
	e := stage{program: "count-words", prefix: t.TempDir(), inputs: count("log")}.run(t)
	checkLog(t, e.log, "start", "from slog", "from log", "end")
}

// TestNode reads the node's id from the prefixes that the engine makes.
func TestNode(t *testing.T) {
	for prefix, want := range map[string]string{
		"metadata/p-d-e/n1/data/0":            "n1",
		"metadata/p-d-e/n1/data/2/17/0":       "n1", // element 17 of a map
		"metadata/p-d-e/n3-0-n5/data/0/":      "n3-0-n5",
		"metadata/p-d-e/end-node/data/0/17":   "",
		"metadata/p-d-e/n1/0":                 "",
		"out":                                 "",
		"metadata/p-d-e/n1/data/0/inner/data": "",
	} {
		p := process(t, t.TempDir())
		p.Args = append(p.Args, "--output-prefix", objstore.Join(t.TempDir(), prefix))
		var got string
		example.CountWords.Execute(t.Context(), p, func(ctx context.Context, _ example.CountIn) (example.CountOut, error) {
			got = task.From(ctx).Identity().Node
			return example.CountOut{Report: literal.Blob{URI: "r"}}, nil
		})
		if got != want {
			t.Errorf("%s: node %q, want %q", prefix, got, want)
		}
	}
}

// TestByHandFails: a person's shell sees a failure that the engine reads from error.pb.
func TestByHandFails(t *testing.T) {
	hand := []string{"FLYTE_INTERNAL_EXECUTION_ID="}
	for _, tt := range []struct {
		name string
		s    stage
		code int
		want string
	}{
		{"fails", stage{program: "count-words", inputs: count("bad data")}, 1, "BadData"},
		{"element", stage{program: "count-words", inputs: count("ok"), args: []string{"--element=x"}}, 2, "ArgumentsInvalid"},
		{"not mapped", stage{program: "fan-pages", inputs: example.FanIn{}, args: []string{"--element=1"}}, 2, "ArgumentsInvalid"},
	} {
		tt.s.env, tt.s.prefix = hand, t.TempDir()
		e := tt.s.run(t)
		if e.code != tt.code || !e.has("error.pb") || !strings.Contains(e.log, tt.want) {
			t.Errorf("%s: exit %d, error.pb %v\n%s", tt.name, e.code, e.has("error.pb"), e.log)
		}
	}
	dir := t.TempDir()
	p := process(t, dir)
	p.Args = append([]string{"--element=x"}, p.Args...) // the output prefix stands behind what can't be parsed
	code := example.CountWords.Execute(t.Context(), p, nil)
	if _, err := p.Store.Stat(t.Context(), objstore.Join(dir, "n1/data/0/error.pb")); err != nil || code != 0 {
		t.Errorf("exit %d, %v", code, err)
	}
	e := stage{program: "fan-pages", prefix: t.TempDir(), inputs: example.FanIn{}, args: []string{"--element=1"}}.run(t)
	if f := e.failure(t); f.GetCode() != "ArgumentsInvalid" || !strings.Contains(f.GetMessage(), "fan_pages is not mapped over anything") {
		t.Errorf("got %v", f)
	}
}
