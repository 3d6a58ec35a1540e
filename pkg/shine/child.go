package shine

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
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
	if err := os.WriteFile(config, j.config(), 0o644); err != nil {
		return err
	}
	// Paths are relative to the sub-tile's directory, in which the command runs.
	rel := filepath.Base(out)
	argv := append(slices.Clone(j.Command), "--manifest", manifest.Local, "--config", filepath.Join(rel, configFile), "--output", rel+string(filepath.Separator))

	limit := ctx
	if j.Timeout > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, j.Timeout)
		defer cancel()
	}
	log := newLineWriter(j.Log, m)
	cmd := exec.CommandContext(limit, argv[0], argv[1:]...)
	cmd.Dir = j.Dir
	cmd.Stdout, cmd.Stderr = log, log
	err := runGroup(cmd, j.grace())
	log.Close()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fault.New(fault.Canceled, CodeStopped, "stopped: %w", context.Cause(ctx))
	case limit.Err() != nil:
		return fault.Passing(CodeTimeout, "did not end within %s%s", j.Timeout, log.tail()).Fix("raise shine.timeout if that is its usual length")
	}
	return explain(err, argv[0], log)
}

func (j *Job) grace() time.Duration {
	if j.Grace > 0 {
		return j.Grace
	}
	return 20 * time.Second
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

// explain classifies how a command ended. Codes from 64 on are those of
// sysexits.h, which the adapter (deploy/shine) keeps; 2 is what Python's
// argparse exits with. A traceback ends with 1, whatever happened: there its
// last words decide.
func explain(err error, command string, log *lineWriter) error {
	tail := log.tail()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fault.Input(CodeCommand, "start the command: %w", err).On(command).Fix("check shine.command and the image")
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fault.Passing(CodeKilled, "%s ended by signal %q%s", command, status.Signal(), tail).Fix("SIGKILL is mostly lack of memory")
	}
	code := exit.ExitCode()
	if code == 1 {
		code = log.code()
	}
	switch code {
	case 2, 64, 78, 126, 127:
		return fault.Input(CodeCommand, "%s exited with %d%s", command, code, tail).Fix("it refuses its arguments or configuration: check shine.command, inference and gal")
	case 65, 66:
		return fault.Data(CodeFailed, "%s exited with %d%s", command, code, tail)
	case 69:
		return fault.Input(CodeImport, "SHINE, or a part of it, is not installed%s", tail).Fix("check the image: SHINE's Euclid backend is not in the release on PyPI")
	case 70:
		return fault.Data(CodeDiverged, "the inference gave numbers that are not finite%s", tail).Fix("lower the learning rate or narrow the priors, in inference and gal")
	case 73:
		return fault.Passing(CodeFailed, "it can't write its results%s", tail).Fix("is there space left where the sub-tile lies?")
	case 75:
		return fault.Passing(CodeMemory, "no memory was left for it%s", tail).Fix("take an accelerator with more, or model fewer sources or exposures at once")
	case 128 + 9, 128 + 15: // of a shell or container between
		return fault.Passing(CodeKilled, "%s exited with %d%s", command, code, tail).Fix("SIGKILL is mostly lack of memory")
	}
	return fault.New(fault.Unclassified, CodeFailed, "%s exited with %d%s", command, code, tail)
}
