package local

import "syscall"

// processAttributes: a group of its own, and a request to stop should the
// engine be killed.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
