package shine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/survey"
)

// configFile is the name of SHINE's configuration. It lies with the results,
// so that they say what they were made with.
const configFile = "inference.yaml"

// child runs the command on the sub-tile, with out as its output directory.
func (j *Job) child(ctx context.Context, out string, m *manifest.Manifest) error {
	if len(j.Command) == 0 || j.Command[0] == "" {
		return fault.Input(CodeCommand, "no command to run").Fix("set shine.command")
	}
	config := filepath.Join(out, configFile)
	if err := os.WriteFile(config, j.config(), 0o666); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "inference-")
	if err != nil {
		return fault.Input(CodeScratch, "make a scratch directory: %w", err).Fix("set TMPDIR to a directory with room for temporary files")
	}
	defer os.RemoveAll(scratch)
	points, err := j.restore(ctx, filepath.Join(scratch, "checkpoint"))
	if err != nil {
		return err
	}
	// Paths are relative to the sub-tile's directory, in which the command runs, if they lie below it.
	rel, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if below, err := filepath.Rel(j.Dir, out); err == nil && filepath.IsLocal(below) {
		rel = below
	}
	argv := append(slices.Clone(j.Command), "--manifest", survey.LocalManifestFile, "--config", filepath.Join(rel, configFile), "--output", rel+string(filepath.Separator))

	limit := ctx
	if j.Timeout > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, j.Timeout)
		defer cancel()
	}
	limit, fellBack := context.WithCancelCause(limit)
	defer fellBack(nil)
	log := newLineWriter(j.Log, m)
	if j.GPU {
		log.seen = func(line string) {
			if onCPU.MatchString(line) {
				fellBack(errOnCPU)
			}
		}
	}
	cmd := exec.CommandContext(limit, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = j.Dir, j.environment(scratch, points)
	cmd.Stdout, cmd.Stderr = log, log
	events := cmp.Or(j.MemoryEvents, memoryEvents())
	before := oomKills(events)
	err = runGroup(cmd, j.grace())
	_ = log.Close() // nothing is lost but lines
	if err == nil {
		return nil
	}
	if saved := j.save(ctx, points); saved != nil && j.Log != nil {
		_, _ = log.Write([]byte("checkpoint not saved: " + saved.Error() + "\n"))
	}
	switch {
	case ctx.Err() != nil:
		return fault.New(fault.Canceled, CodeStopped, "stopped: %w", context.Cause(ctx))
	case errors.Is(context.Cause(limit), errOnCPU):
		return unused(argv[0], "%w%s", errOnCPU, log.tail())
	case limit.Err() != nil:
		return fault.Passing(CodeTimeout, "did not end within %s%s", j.Timeout, log.tail()).Fix("raise shine.timeout if that is its usual length")
	}
	return explain(err, argv[0], log, oomKills(events) > before)
}

func (j *Job) grace() time.Duration {
	if j.Grace > 0 {
		return j.Grace
	}
	return 15 * time.Second
}

// runGroup runs a command in its own process group. When its context ends, the
// group gets SIGTERM, and SIGKILL after the grace; what the command leaves
// behind when it ends is killed too.
func runGroup(cmd *exec.Cmd, grace time.Duration) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace // then the command is killed; also bounds the wait for descendants that keep its output open
	if err := cmd.Start(); err != nil {
		return err
	}
	err := cmd.Wait()
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // fails where nothing is left, which is the rule
	if errors.Is(err, exec.ErrWaitDelay) && cmd.ProcessState.Success() {
		return nil
	}
	return err
}

// Exit codes that commands of this contract end with: those of sysexits.h,
// which the adapter (deploy/shine) keeps, and 2, which Python's argparse takes.
const (
	exitUsage    = 2
	exitArgument = 64
	exitData     = 65
	exitNoInput  = 66
	exitImport   = 69
	exitDiverged = 70
	exitNoGPU    = 71
	exitOutput   = 73
	exitMemory   = 75
	exitConfig   = 78
)

// explain classifies how a command ended. A traceback ends with 1, and an
// abort with a signal, whatever happened: there its last words decide.
func explain(err error, command string, log *lineWriter, oom bool) error {
	tail := log.tail()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fault.Input(CodeCommand, "start the command: %w", err).On(command).Fix("check shine.command and the image")
	}
	code, how := exit.ExitCode(), fmt.Sprintf("exited with %d", exit.ExitCode())
	var signal syscall.Signal
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		signal = status.Signal()
	} else if code > 128 && code < 128+32 { // of a shell or container between
		signal = syscall.Signal(code - 128)
	}
	if signal != 0 {
		how, code = "ended by "+signalName(signal), 1
	}
	if oom && signal == syscall.SIGKILL {
		return fault.Passing(CodeMemory, "%s was killed by the kernel's OOM killer: the container's memory limit was reached%s", command, tail).
			Fix("give the stage more memory, or model fewer sources or exposures at once")
	}
	if code == 1 {
		code = log.code(signal != 0)
	}
	switch code {
	case exitUsage, exitArgument, exitConfig, 126, 127:
		return fault.Input(CodeCommand, "%s %s%s", command, how, tail).Fix("it refuses its arguments or configuration: check shine.command, inference and gal")
	case exitData, exitNoInput:
		return fault.Data(CodeFailed, "%s %s%s", command, how, tail)
	case exitImport:
		return fault.Input(CodeImport, "SHINE, or a part of it, is not installed%s", tail).Fix("check the image: SHINE's Euclid backend is not in the release on PyPI")
	case exitDiverged:
		return fault.Data(CodeDiverged, "the inference gave numbers that are not finite%s", tail).Fix("lower the learning rate or narrow the priors, in inference and gal")
	case exitNoGPU:
		return unused(command, "it can't use the GPU%s", tail)
	case exitOutput:
		return fault.Passing(CodeFailed, "it can't write its results%s", tail).Fix("see that there is space left where the sub-tile lies and in TMPDIR, and that both may be written to")
	case exitMemory:
		return fault.Passing(CodeMemory, "no memory was left for it%s", tail).Fix("take an accelerator with more, or model fewer sources or exposures at once")
	}
	switch signal {
	case syscall.SIGKILL:
		return fault.Passing(CodeKilled, "%s %s%s", command, how, tail).Fix("SIGKILL is mostly lack of memory")
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP:
		return fault.Passing(CodeKilled, "%s %s%s", command, how, tail).Fix("it was told to stop, and not by this process")
	}
	return fault.New(fault.Unclassified, CodeFailed, "%s %s%s", command, how, tail)
}

// signalName is e.g. "SIGSEGV (segmentation fault)".
func signalName(s syscall.Signal) string {
	for _, n := range []struct {
		signal syscall.Signal
		name   string
	}{
		{syscall.SIGHUP, "SIGHUP"}, {syscall.SIGINT, "SIGINT"}, {syscall.SIGQUIT, "SIGQUIT"}, {syscall.SIGILL, "SIGILL"}, {syscall.SIGTRAP, "SIGTRAP"},
		{syscall.SIGABRT, "SIGABRT"}, {syscall.SIGBUS, "SIGBUS"}, {syscall.SIGFPE, "SIGFPE"}, {syscall.SIGKILL, "SIGKILL"}, {syscall.SIGSEGV, "SIGSEGV"},
		{syscall.SIGPIPE, "SIGPIPE"}, {syscall.SIGTERM, "SIGTERM"}, {syscall.SIGXCPU, "SIGXCPU"},
	} {
		if n.signal == s {
			return n.name + " (" + s.String() + ")"
		}
	}
	return s.String() // "signal 34"
}
