//go:build unix && !linux

package local

import "syscall"

// processAttributes: a group of its own. Only Linux can ask for more.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
