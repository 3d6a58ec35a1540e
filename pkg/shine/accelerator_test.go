package shine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestHasGPU(t *testing.T) {
	with, without := t.TempDir(), t.TempDir()
	for _, name := range []string{"nvidia0", "nvidiactl"} {
		if err := os.WriteFile(filepath.Join(with, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(without, "nvidiactl"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		devices string
		env     map[string]string
		want    bool
	}{
		"a GPU":             {with, nil, true},
		"none":              {without, nil, false},
		"asked for":         {with, map[string]string{"JAX_PLATFORMS": "cuda,cpu"}, true},
		"the CPU asked for": {with, map[string]string{"JAX_PLATFORMS": "cpu"}, false},
		"in the old way":    {with, map[string]string{"JAX_PLATFORM_NAME": "cpu"}, false},
		"hidden":            {with, map[string]string{"CUDA_VISIBLE_DEVICES": ""}, false},
		"hidden by number":  {with, map[string]string{"CUDA_VISIBLE_DEVICES": "-1"}, false},
		"one of them":       {with, map[string]string{"CUDA_VISIBLE_DEVICES": "3"}, true},
	} {
		if got := hasGPU(c.devices, func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
