package prepare

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/extract"
)

// TestTooLarge: each sub-tile with work says what its inference takes; one that
// a GPU has no room for says so with its numbers, and waits for nobody.
func TestTooLarge(t *testing.T) {
	deep := extract.SubTile{Status: extract.StatusOK, Exposures: 4, Deepest: 16, Quadrants: 61, Sources: 2000}
	for _, c := range []struct {
		sub    extract.SubTile
		gpu    GPU
		status string
		memory bool
	}{
		{deep, GPU{}, extract.StatusOK, true},
		{deep, GPU{Accelerator: "nvidia-l4"}, extract.StatusOK, true},
		{deep, GPU{Accelerator: "nvidia-l4", Memory: 2e9}, extract.StatusTooLarge, true},
		{deep, GPU{Accelerator: "a-device-nobody-knows"}, extract.StatusOK, true},
		{extract.SubTile{Status: extract.StatusNoSources, Exposures: 4, Deepest: 16}, GPU{Accelerator: "nvidia-l4", Memory: 1}, extract.StatusNoSources, false},
	} {
		r := &extract.Report{SubTiles: []extract.SubTile{c.sub}}
		estimate(r, c.gpu)
		s := r.SubTiles[0]
		if s.Status != c.status || (s.Memory > 0) != c.memory || (s.Reason != "") != (c.status == extract.StatusTooLarge) {
			t.Errorf("%+v on %+v: %+v", c.sub, c.gpu, s)
		}
		if s.Reason != "" && !(strings.Contains(s.Reason, "64 quadrants of 4 exposures") && strings.Contains(s.Reason, "nvidia-l4")) {
			t.Errorf("%q", s.Reason)
		}
	}
}
