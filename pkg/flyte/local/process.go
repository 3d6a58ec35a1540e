package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// command is a process to be started.
type command struct {
	argv []string // argv[0] is the executable
	env  []string // of two values for a name, the later counts
	dir  string   // scratch
	log  io.WriteCloser
}

func (c *command) logName() string {
	if n, ok := c.log.(interface{ Name() string }); ok {
		return n.Name()
	}
	return ""
}

// exit is how a process ended.
type exit struct {
	code   int    // 128 + n where signal n ended it, as a shell and a pod have it
	signal string // "" or what ended it, for a message
	tail   []byte // the last of its output
}

// lastWords is the end of what a process said, for a message.
func (e exit) lastWords() string {
	t := bytes.TrimSpace(e.tail)
	if len(t) == 0 {
		return ""
	}
	return "; its last words: " + string(bytes.ToValidUTF8(t, []byte("?")))
}

// process runs a command in a process group of its own until it exits. When ctx
// ends the group is asked to stop, and killed after the grace period. Nothing
// of the group is left when it returns.
func (r *run) process(ctx context.Context, c *command) (exit, error) {
	out, err := newOutput(c.log)
	if err != nil {
		return exit{}, err
	}
	cmd := exec.Command(c.argv[0], c.argv[1:]...)
	cmd.Env = c.env
	cmd.Stdout, cmd.Stderr = out.w, out.w
	cmd.SysProcAttr = processAttributes()
	err = r.threads.start(cmd)
	out.w.Close()
	if err != nil {
		out.close(0)
		return exit{}, err
	}
	group := -cmd.Process.Pid
	ended := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		syscall.Kill(group, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(r.GracePeriod):
			syscall.Kill(group, syscall.SIGKILL)
		}
	}()
	err = cmd.Wait()
	close(ended)
	<-watched
	// What the task left running dies with it, as in a pod. The group's number
	// can't have been given to others while a member lives, and where none does
	// there is nobody to hit.
	syscall.Kill(group, syscall.SIGKILL)
	e := exit{tail: out.close(time.Second)}

	var bad *exec.ExitError
	if err != nil && !errors.As(err, &bad) {
		return e, err
	}
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if e.code = cmd.ProcessState.ExitCode(); status.Signaled() {
		e.code, e.signal = 128+int(status.Signal()), fmt.Sprintf(" (%s)", status.Signal())
	}
	return e, nil
}

// tailSize is how much of a process's output is kept for messages, in bytes.
const tailSize = 1 << 10

// output takes what a process writes to the log, and keeps the end of it.
type output struct {
	r, w *os.File
	done chan struct{}
	mu   sync.Mutex
	tail []byte
}

func newOutput(log io.WriteCloser) (*output, error) {
	o := &output{done: make(chan struct{})}
	var err error
	if o.r, o.w, err = os.Pipe(); err != nil {
		if log != nil {
			_ = log.Close() // a log that can't be written stops nothing
		}
		return nil, err
	}
	go func() {
		defer close(o.done)
		buf := make([]byte, 32<<10)
		for {
			n, err := o.r.Read(buf)
			if n > 0 {
				if log != nil {
					// A full disk must not stop the task: it can still succeed.
					_, _ = log.Write(buf[:n])
				}
				o.keep(buf[:n])
			}
			if err != nil {
				break
			}
		}
		if log != nil {
			_ = log.Close() // a log that can't be written stops nothing
		}
	}()
	return o, nil
}

func (o *output) keep(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = append(o.tail, p[max(0, len(p)-tailSize):]...)
	if n := len(o.tail) - tailSize; n > 0 {
		o.tail = append(o.tail[:0], o.tail[n:]...)
	}
}

// close waits for the rest of the output, though not for ever: a process that
// has left its group may hold the other end.
func (o *output) close(patience time.Duration) []byte {
	select {
	case <-o.done:
	case <-time.After(patience):
	}
	o.r.Close()
	<-o.done
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tail
}

// starter starts processes from one thread that lives as long as they do: the
// kernel ties a child that wants to be told of its parent's death to the thread
// which made it, and the runtime ends threads as it likes.
type starter struct{ jobs chan func() }

func newStarter() *starter {
	s := &starter{jobs: make(chan func())}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for f := range s.jobs {
			f()
		}
	}()
	return s
}

func (s *starter) start(cmd *exec.Cmd) error {
	done := make(chan error)
	s.jobs <- func() { done <- cmd.Start() }
	return <-done
}

func (s *starter) close() { close(s.jobs) }
