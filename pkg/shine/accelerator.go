package shine

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// HasGPU says whether a GPU of NVIDIA's is there, and whether this process's
// environment leaves it to JAX.
func HasGPU() bool { return hasGPU("/dev", os.LookupEnv) }

func hasGPU(devices string, env func(string) (string, bool)) bool {
	for _, name := range []string{"JAX_PLATFORMS", "JAX_PLATFORM_NAME"} {
		if asked, _ := env(name); asked != "" && !strings.Contains(asked, "cuda") && !strings.Contains(asked, "gpu") {
			return false
		}
	}
	if visible, set := env("CUDA_VISIBLE_DEVICES"); set && (visible == "" || strings.HasPrefix(visible, "-1")) {
		return false
	}
	found, _ := filepath.Glob(filepath.Join(devices, "nvidia[0-9]*"))
	return len(found) > 0
}

// onCPU matches what JAX says, of whichever version, where it computes on the CPU
// although there is a GPU.
var onCPU = regexp.MustCompile(`CUDA-enabled jaxlib is not installed|An NVIDIA GPU may be present on this machine, but|No GPU/TPU found, falling back to CPU`)

var errOnCPU = errors.New("there is a GPU, and it computes on the CPU")

// unused is a GPU that a command doesn't use: another node may have a driver that it can.
func unused(command, format string, a ...any) error {
	return fault.Passing(CodeGPU, format, a...).On(command).
		Fix("the image needs JAX with CUDA, jax[cuda12], and the node a driver for it; if the CPU is meant, begin shine.command with env, JAX_PLATFORMS=cpu")
}
