package shine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cosmostat/constellation/pkg/settings"
)

// What the command finds in its environment beside this process's own
// variables. Whoever sets one of JAX's or XLA's wins over the defaults here.
const (
	EnvConfigID      = "CONSTELLATION_CONFIG_ID"      // for summary.json
	EnvCheckpointDir = "CONSTELLATION_CHECKPOINT_DIR" // a directory: what is left in it, the next attempt finds there
	envCompilation   = "JAX_COMPILATION_CACHE_DIR"
)

// EnvNodeCache names the node's cache.
const EnvNodeCache = "CONSTELLATION_NODE_CACHE"

// NodeCache is the directory of this machine in which things may be kept: as
// the environment says, or where a pod template mounts one of the node's, or
// the user's own cache.
func NodeCache() string {
	if dir := os.Getenv(EnvNodeCache); dir != "" {
		return dir
	}
	const mounted = "/var/cache/constellation"
	if info, err := os.Stat(mounted); err == nil && info.IsDir() {
		return mounted
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "constellation")
	}
	return ""
}

// environment is the command's. Compiled programs are kept in the node's cache,
// or in the scratch directory where there is none: compiling SHINE's model
// takes a minute, and the next sub-tile of this node has the same shapes or nearly so.
func (j *Job) environment(scratch, checkpoint string) []string {
	env := slices.DeleteFunc(os.Environ(), func(e string) bool { // the catalogue's, and its password
		return strings.HasPrefix(e, "PG") || strings.HasPrefix(e, settings.EnvREST)
	})
	set := map[string]bool{}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		set[name] = value != ""
	}
	if dir := os.Getenv(envCompilation); dir != "" && !writable(dir) {
		set[envCompilation] = false // JAX would warn at every program, and keep none
	}
	compiled := filepath.Join(scratch, "jax")
	if dir := filepath.Join(j.NodeCache, "jax"); j.NodeCache != "" && writable(dir) {
		compiled = dir
	}
	for _, d := range [][2]string{
		{envCompilation, compiled},
		// One sub-tile has the whole GPU: its memory is taken at once, so that a
		// GPU that is not free shows in the first second, and a tenth is left to
		// CUDA's own libraries.
		{"XLA_PYTHON_CLIENT_PREALLOCATE", "true"},
		{"XLA_PYTHON_CLIENT_MEM_FRACTION", "0.90"},
		{"PYTHONUNBUFFERED", "1"},
	} {
		if !set[d[0]] {
			env = append(env, d[0]+"="+d[1])
		}
	}
	// These are this run's, whatever was set.
	return append(env, "TMPDIR="+scratch, EnvConfigID+"="+j.ConfigID, EnvCheckpointDir+"="+checkpoint)
}

// writable says whether files can be made in a directory, which it makes if need be.
func writable(dir string) bool {
	if os.MkdirAll(dir, 0o777) != nil {
		return false
	}
	f, err := os.CreateTemp(dir, ".probe-")
	if err != nil {
		return false
	}
	f.Close()
	return os.Remove(f.Name()) == nil
}
