package gpu_test

import (
	"testing"

	"github.com/cosmostat/constellation/pkg/gpu"
)

func TestEstimate(t *testing.T) {
	// A sub-tile of the survey: some 61 quadrants, of which at most 16 on one of 4 dithers.
	survey := gpu.Load{Exposures: 4, Slots: 16, Width: 2048, Height: 2066, Sources: 3000}
	got := gpu.Estimate(survey)
	pixels := int64(4 * 16 * 2048 * 2066)
	if got.Images+got.Work < 12*pixels || got.Images+got.Work > 60*pixels {
		t.Errorf("%+v: image, noise and model alone are 12 bytes a pixel", got)
	}
	if total := got.Total(); total != got.Images+got.Work+got.Stamps+got.Batch+got.Overhead || total < 5e9 || total > 20e9 {
		t.Errorf("%+v", got)
	}
	// More of anything takes more, but for sources beyond one batch.
	for name, change := range map[string]func(*gpu.Load){
		"exposures": func(l *gpu.Load) { l.Exposures++ }, "quadrants": func(l *gpu.Load) { l.Slots++ }, "batch": func(l *gpu.Load) { l.Batch = 128 },
		"overhead": func(l *gpu.Load) { l.Overhead = 4e9 },
	} {
		l := survey
		change(&l)
		if more := gpu.Estimate(l); more.Total() <= got.Total() {
			t.Errorf("more %s: %+v, before %+v", name, more, got)
		}
	}
	crowded := survey
	crowded.Sources *= 4
	if more := gpu.Estimate(crowded); more.Batch != got.Batch || more.Stamps != 4*got.Stamps {
		t.Errorf("%+v, before %+v", more, got)
	}
}

func TestBudget(t *testing.T) {
	for _, c := range []struct {
		accelerator string
		memory      int64
		want        int64
		known       bool
	}{
		{"nvidia-l4", 0, (22 << 30) * 9 / 10, true},
		{"NVIDIA-L4", 0, (22 << 30) * 9 / 10, true},
		{"nvidia-a100-80gb", 0, (80 << 30) * 9 / 10, true},
		{"nvidia-l4", 10e9, 9e9, true},
		{"somebody's own", 48e9, 432e8, true},
		{"somebody's own", 0, 0, false},
	} {
		if got, known := gpu.Budget(c.accelerator, c.memory); known != c.known || got != c.want {
			t.Errorf("%s, %d: %d %v, want %d %v", c.accelerator, c.memory, got, known, c.want, c.known)
		}
	}
}
