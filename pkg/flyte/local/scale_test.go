package local

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/internal/testing/await"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// BenchmarkTiles is what the engine itself costs: a thousand sub-workflows of
// three nodes with maps of 4, every process being /bin/true, in a directory.
// It reports seconds per process and the most memory in use.
func BenchmarkTiles(b *testing.B) {
	const tiles, elements = 1000, 4
	step := task("true", vars{"x": tInt}, nil)
	step.GetContainer().Command = []string{"/bin/true"}
	mapped := task("true_map", vars{"x": listOf(tInt)}, nil)
	mapped.GetContainer().Command = []string{"/bin/true"}
	w := workflowOf("wf", nil, nil, nil)
	var xs []any
	for i := range elements {
		xs = append(xs, i)
	}
	for i := range tiles {
		w.Nodes = append(w.Nodes, subNode(fmt.Sprint("n", i), "tile", to("x", i)))
	}
	after := taskNode("after", "true", to("x", from(".x")))
	after.UpstreamNodeIds = []string{"map"}
	bundle := &Bundle{Tasks: []*core.TaskTemplate{step, mapped}, Workflow: w, SubWorkflows: []*core.WorkflowTemplate{
		workflowOf("tile", vars{"x": tInt}, nil, nil, taskNode("before", "true", to("x", from(".x"))), mapNode("map", "true_map", nil, to("x", xs)), after),
	}}
	most := uint64(0)
	for i := range b.N {
		e := &Engine{
			Store: objstore.Open(b.Context(), objstore.Config{}), Prefix: b.TempDir(), Program: Directory("/bin"),
			Observe: func(e Event) {
				if e.Task == "tile" && e.Kind == Succeeded {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most = max(most, m.Sys)
				}
			},
		}
		if _, err := e.Execute(b.Context(), bundle, nil, fmt.Sprint("e", i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N*tiles*(elements+2))*1e3, "ms/process")
	b.ReportMetric(float64(most)/(1<<20), "MiB")
}

// engineEnv makes the test binary an engine that runs until it is killed.
const engineEnv = "CONSTELLATION_LOCAL_TEST_ENGINE"

func hangForever(prefix string) error {
	e := &Engine{
		Store: objstore.Open(context.Background(), objstore.Config{}), Prefix: prefix, Program: Directory(stageDir),
		Environment: []string{"STAGE_PIDS=" + os.Getenv("STAGE_PIDS")},
		Observe: func(e Event) {
			if e.Kind == Running {
				fmt.Println("running")
			}
		},
	}
	_, err := e.Execute(context.Background(), one("hang"), nil, "exec")
	return err
}

// TestEngineKilled: tasks don't outlive an engine that could not say goodbye.
func TestEngineKilled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process that its parent died")
	}
	l := newLab(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), engineEnv+"="+l.Prefix, "STAGE_PIDS="+l.pids, "STAGE_DIR="+stageDir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(io.LimitReader(out, int64(len("running")))); err != nil || string(said) != "running" {
		t.Fatalf("the engine said %q, %v", said, err)
	}
	await.Until(t, "the task says its number", func() bool { return len(l.orphans(t)) > 0 })
	cmd.Process.Kill()
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the engine ended with %v", err)
	}
	await.Until(t, "the task ends with its engine", func() bool { return len(l.orphans(t)) == 0 })
}
