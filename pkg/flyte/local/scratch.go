//go:build unix

package local

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Scratch directories lie in the directory for temporary files. Each holds a file
// that names its execution, and that the process which runs it has locked: so
// those of processes that were killed can be told from the others.
const (
	scratchPrefix = "flyte-execution-"
	scratchMark   = ".execution"
)

// newScratch makes a scratch directory, and gives the lock on it.
func newScratch(execution string) (dir string, lock *os.File, err error) {
	if dir, err = os.MkdirTemp("", scratchPrefix); err != nil {
		return "", nil, err
	}
	lock, err = os.OpenFile(filepath.Join(dir, scratchMark), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == nil {
		_, err = lock.WriteString(execution + "\n")
	}
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, lock, nil
}

// Abandoned is the scratch directory of an execution whose process is no more.
type Abandoned struct {
	Directory, Execution string
	Files                int
	Bytes                int64
}

// FindAbandoned finds them in a directory for temporary files: this user's, of
// processes that ended without removing them, begun before a time.
func FindAbandoned(tmp string, before time.Time) (found []Abandoned, err error) {
	dirs, err := filepath.Glob(filepath.Join(tmp, scratchPrefix+"*"))
	for _, dir := range dirs {
		a, ok := abandoned(dir, before)
		if !ok {
			continue
		}
		err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				a.Files, a.Bytes = a.Files+1, a.Bytes+info.Size()
			}
			return err
		})
		if errors.Is(err, os.ErrNotExist) { // somebody removes it at this moment
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, a)
	}
	return found, err
}

func abandoned(dir string, before time.Time) (a Abandoned, yes bool) {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return a, false
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
		return a, false
	}
	mark := filepath.Join(dir, scratchMark)
	begun, err := os.Lstat(mark)
	if err != nil || !begun.Mode().IsRegular() || !begun.ModTime().Before(before) {
		return a, false
	}
	f, err := os.Open(mark)
	if err != nil {
		return a, false
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return a, false // it runs
	}
	name, err := os.ReadFile(mark)
	execution := strings.TrimSpace(string(name))
	return Abandoned{Directory: dir, Execution: execution}, err == nil && executionID.MatchString(execution)
}
