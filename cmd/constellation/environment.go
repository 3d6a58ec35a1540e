package main

import (
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/clean"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/shine"
)

// forTasks is what of an environment the tasks of a run get beside what the engine
// gives them: whatever the checks at its start went by, they must find too.
func forTasks(environ []string) (env []string) {
	names := []string{
		"LOG_LEVEL", "CONSTELLATION_STALL_TIME", objstore.AddressingEnv, shine.EnvNodeCache, "XDG_CACHE_HOME",
		connect.EnvConfig,                              // which FlyteAdmin knows the holders of leases
		"USER", "LOGNAME", "GOICEBERG_HOME", "GODEBUG", // who one is to a database, and how connections are made
		"LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", // where shine.command finds its parts
	}
	// PG is libpq's: PGPASSWORD, PGPASSFILE, PGSSLMODE, ...; the next a REST catalogue's; the others are the engine's accelerator.
	prefixes := []string{"PG", settings.EnvREST, "JAX_", "XLA_", "CUDA_", "NVIDIA_", "TF_CPP_"}
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if slices.Contains(names, name) || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			env = append(env, e)
		}
	}
	return env
}

// reserved refuses a run of the name of something that the engine keeps beside its runs.
func reserved(run string) error {
	for _, name := range []string{logsDir, clean.CacheDir} {
		if strings.EqualFold(run, name) { // also where a file system knows no case
			return fault.Input(codeUsage, "%q is where the engine keeps what all runs share", run).At("--run-id").Fix("choose another name")
		}
	}
	return nil
}

// logsDir holds what the tasks of all runs said, below --metadata.
const logsDir = "logs"
