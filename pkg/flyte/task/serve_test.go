package task_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
)

// TestServe: an executable of several stages is the one that it is called by,
// and by its own name it is none of them.
func TestServe(t *testing.T) {
	if err := build(); err != nil {
		t.Fatal(err)
	}
	stages := []string{"lines", "split", "fan-pages"}
	links := t.TempDir()
	for _, name := range stages {
		link := filepath.Join(links, name)
		if err := os.Symlink(filepath.Join(binaries, "several"), link); err != nil {
			t.Fatal(err)
		}
		for what, want := range map[string]string{"--help": name + ": ", "--describe": `name: "` + strings.ReplaceAll(name, "-", "_") + `"`} {
			if said, err := exec.Command(link, what).CombinedOutput(); err != nil || !strings.Contains(string(said), want) {
				t.Errorf("%s %s: %v, %s", name, what, err, said)
			}
		}
	}
	called := exec.Cmd{Path: filepath.Join(links, "lines"), Args: []string{"lines", "--help"}} // as a shell that found it in PATH
	if said, err := called.CombinedOutput(); err != nil || !strings.HasPrefix(string(said), "lines: ") {
		t.Errorf("%v, %s", err, said)
	}

	relative, err := filepath.Rel(binaries, filepath.Join(links, "lines"))
	if err != nil {
		t.Fatal(err)
	}
	e := stage{program: relative, prefix: t.TempDir(), inputs: example.LinesIn{Page: 7}}.run(t)
	m := &core.LiteralMap{}
	e.read(t, "outputs.pb", m)
	var out example.LinesOut
	if err := literal.Unmarshal(m, &out); err != nil || e.code != 0 || !slices.Equal(out.Lines, []int64{7, 8}) {
		t.Errorf("exit %d, %v, %v\n%s", e.code, out, err, e.log)
	}

	own := exec.Command(filepath.Join(binaries, "several"), "--help")
	said, err := own.Output()
	if err == nil || own.ProcessState.ExitCode() != 2 || string(said) != strings.Join(stages, "\n")+"\n" {
		t.Errorf("by its own name: %v, %s", err, said)
	}
}
