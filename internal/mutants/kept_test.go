package mutants

import (
	"sync"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testrun"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
)

// keptRuns are runs of the survey without a change, up to each stage.
var keptRuns struct {
	sync.Mutex
	at map[stage]*kept
}

// keptAt is a copy of the run as it is before a stage. With a configuration of
// its own it is run anew.
func keptAt(t *testing.T, at stage, config string) *kept {
	t.Helper()
	if config != "" {
		return runTo(t, at, &kept{Run: testrun.New(t, config)})
	}
	keptRuns.Lock()
	defer keptRuns.Unlock()
	if keptRuns.at == nil {
		keptRuns.at = map[stage]*kept{}
	}
	if keptRuns.at[at] == nil {
		keptRuns.at[at] = runTo(t, at, &kept{Run: testrun.New(t)})
	}
	return keptRuns.at[at].copy(t)
}

// runTo runs the stages before one.
func runTo(t *testing.T, at stage, k *kept) *kept {
	t.Helper()
	for _, s := range []struct {
		before stage
		run    func() error
	}{{atInference, k.prepare}, {atAssembly, k.infer}, {atValidation, k.assemble}} {
		if at < s.before {
			break
		}
		if err := s.run(); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// copy is the same run with a store, a log and a catalogue of its own.
func (k *kept) copy(t *testing.T) *kept {
	c := *k
	c.Run = k.Run.Copy(t)
	c.tiles = append([]testrun.Tile{}, k.tiles...)
	c.assembly.Catalog, c.assembly.Outcomes = c.Settings.Catalog, nil
	for _, of := range k.assembly.Outcomes {
		c.assembly.Outcomes = append(c.assembly.Outcomes, append([]*literal.Blob{}, of...))
	}
	return &c
}
