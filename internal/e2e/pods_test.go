package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/flyte/local"
)

// TestKilledPods kills the first attempt of every task, of every element of
// every map too, some time after its start: the products are those of a run that
// was left alone. A pod that is done before its time comes is not killed.
func TestKilledPods(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.do(t, "run", "--config", "constellation.yaml", "--run-id", "undisturbed", "--cache", "off")
	own := []string{"provenance.json", "run.json", "00000.json"}
	want := without(tree(t, filepath.Join(s.products, "undisturbed")), own...)
	stages, err := filepath.Glob(filepath.Join(s.bin, "*-*"))
	if err != nil || len(stages) < 13 {
		t.Fatalf("stages: %v (%v)", stages, err)
	}
	for _, after := range []string{"0", "0.03", "0.1", "0.3"} {
		t.Run(after+"s", func(t *testing.T) {
			bin := mkdir(t, s.dir, "killed-"+after)
			for _, stage := range stages {
				script := fmt.Sprintf("#!/bin/sh\n[ \"$FLYTE_ATTEMPT_NUMBER\" = 0 ] || exec %q \"$@\"\n%q \"$@\" &\npid=$!\nsleep %s\nif kill -9 $pid 2>/dev/null; then kill -9 $$; fi\nwait $pid\n", stage, stage, after)
				if err := os.WriteFile(filepath.Join(bin, filepath.Base(stage)), []byte(script), 0o777); err != nil {
					t.Fatal(err)
				}
			}
			id := "killed-" + strings.ReplaceAll(after, ".", "-")
			s.do(t, "run", "--config", "constellation.yaml", "--run-id", id, "--cache", "off", "--bin", bin, "--events", id+".jsonl")
			killed := map[string]bool{}
			for _, e := range events(t, s.path(id+".jsonl")) {
				if e.Kind == local.Retrying {
					killed[e.Task] = true
				}
			}
			if after == "0" && len(killed) < 10 {
				t.Errorf("only %v were killed", killed)
			}
			t.Logf("killed after %s s: %d kinds of tasks", after, len(killed))
			sameTree(t, "products", want, without(tree(t, filepath.Join(s.products, id)), own...))
			s.oneCopy(t, id)
		})
	}
}
