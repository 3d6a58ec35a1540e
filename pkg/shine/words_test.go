package shine

import (
	"strings"
	"testing"
)

// What ended a command decides of which kind its failure is, not what it said before.
func TestLastWords(t *testing.T) {
	const (
		trace = "Traceback (most recent call last):\n  File \"/x/run.py\", line 3, in <module>\n    main()\n"
		xla   = "W external/xla/xla/service/gpu/autotuning: RESOURCE_EXHAUSTED: Shared memory size limit exceeded: requested 147456, available: 101376\n"
		other = "During handling of the above exception, another exception occurred:\n"
		cause = "The above exception was the direct cause of the following exception:\n"
		oom   = "jaxlib._jax.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes.\n"
	)
	for name, c := range map[string]struct {
		said     string
		signaled bool
		want     int
	}{
		"nothing":                     {"", false, 1},
		"a warning of XLA's":          {xla + trace + "ValueError: negative flux in source 12", false, 1},
		"a missing module, warned of": {"WARNING: could not import pynvml: No module named 'pynvml'\n" + trace + "ValueError: negative flux", false, 1},
		"a warning after the error":   {trace + "ValueError: negative flux\n" + xla, false, 1},
		"a warning of memory after the error": {trace + "ValueError: negative flux\n" +
			"2026-12-01 10:00:00.123456: W tensorflow/x.cc:1] RESOURCE_EXHAUSTED: Out of memory while trying to allocate", false, 1},
		"a warning of Python's":    {"/x/y.py:3: UserWarning: CUDA_ERROR_OUT_OF_MEMORY\n  warnings.warn(m)\n" + trace + "ValueError: no", false, 1},
		"a warning alone":          {xla + "error: negative flux", false, 1},
		"an error, then its own":   {"E external/x.cc: CUDA_ERROR_OUT_OF_MEMORY: trying again with less\nerror: negative flux", false, 1},
		"memory":                   {xla + trace + oom, false, exitMemory},
		"memory, of several lines": {trace + "XlaRuntimeError: INTERNAL: failed\nBufferAssignment OOM Debugging.\nRESOURCE_EXHAUSTED: Out of memory", false, exitMemory},
		"memory of numpy":          {trace + "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 9.31 GiB", false, exitMemory},
		"memory of torch":          {trace + "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", false, exitMemory},
		"memory of the system":     {trace + "OSError: [Errno 12] Cannot allocate memory", false, exitMemory},
		"one kernel's memory":      {trace + "XlaRuntimeError: RESOURCE_EXHAUSTED: Shared memory size limit exceeded: requested 1", false, 1},
		"memory, handled":          {trace + oom + other + trace + "KeyError: 'RESOURCE_EXHAUSTED'", false, 1},
		"a module, then another":   {trace + "ModuleNotFoundError: No module named 'pynvml'\n" + other + trace + "ValueError: negative flux", false, 1},
		"another, then a module":   {trace + "ValueError: x\n" + other + trace + "ModuleNotFoundError: No module named 'shine.euclid'", false, exitImport},
		"the note of JAX":          {trace + oom + cause + "jax.errors.SimplifiedTraceback: For simplicity, JAX has removed its internal frames", false, exitMemory},
		"numbers":                  {trace + "jax.errors.JaxStackTraceBeforeTransformation: FloatingPointError\n" + cause + trace + "FloatingPointError: invalid value (nan)", false, exitDiverged},
		"no space":                 {trace + "OSError: [Errno 28] No space left on device: 'results/shear.parquet'", false, exitOutput},
		"no space for SQLite":      {trace + "sqlite3.OperationalError: database or disk is full", false, exitOutput},
		"no quota":                 {trace + "OSError: [Errno 122] Disk quota exceeded", false, exitOutput},
		"no space in a shell":      {"cp: error writing 'x': No space left on device", false, exitOutput},
		"no space, warned of":      {"WARNING:cache: No space left on device\n" + trace + "ValueError: x", false, 1},
		"the interpreter's end": {trace + "ValueError: negative flux\nException ignored in: <function f at 0x7f>\n" +
			trace + "MemoryError", false, 1},
		"at exit":             {trace + "ValueError: x\nError in atexit._run_exitfuncs:\n" + trace + "ModuleNotFoundError: No module named 'x'", false, 1},
		"a log that failed":   {trace + "ValueError: x\n--- Logging error ---\n" + trace + "MemoryError\nCall stack:\n  File \"/x\", line 1, in f\nMessage: 'No module named x'", false, 1},
		"a module, no trace":  {"/usr/bin/python3: No module named shine", false, exitImport},
		"an abort":            {xla + "F0000 00:00 x.cc:1] Check failed: RESOURCE_EXHAUSTED: Out of memory\nFatal Python error: Aborted\nThread 0x1:\n  File \"x\", line 3 in f", true, exitMemory},
		"an abort of another": {xla + "F0000 00:00 x.cc:1] Check failed: a == b\nFatal Python error: Aborted", true, 1},
		"of its own kind":     {trace + "shine.errors.Diverged: loss is nan at step 3", false, exitDiverged},
		"text with a colon":   {"  indented\nMemoryErrors: 3\nerror: negative flux", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			for line := range strings.Lines(c.said) {
				if line = strings.TrimRight(line, "\n"); line != "" {
					lines = append(lines, line)
				}
			}
			if got := kindOf(lines, c.signaled); got != c.want {
				t.Errorf("%d, want %d of\n%s", got, c.want, c.said)
			}
		})
	}
}
