package local

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// Logs gives an [Engine] log files: dir/<execution>/<node>/<attempt>.log, with
// the element between where there is one. A file is made at the first byte.
func Logs(dir string) func(NodeRef) io.WriteCloser {
	return func(n NodeRef) io.WriteCloser {
		path := filepath.Join(dir, n.Execution, filepath.FromSlash(n.Node))
		if n.Element >= 0 {
			path = filepath.Join(path, strconv.Itoa(n.Element))
		}
		return &logFile{path: filepath.Join(path, strconv.Itoa(n.Attempt)+".log")}
	}
}

type logFile struct {
	path string
	f    *os.File
}

// Name is the path.
func (l *logFile) Name() string { return l.path }

func (l *logFile) Write(p []byte) (int, error) {
	if l.f == nil {
		if err := os.MkdirAll(filepath.Dir(l.path), 0o777); err != nil {
			return 0, err
		}
		f, err := os.Create(l.path)
		if err != nil {
			return 0, err
		}
		l.f = f
	}
	return l.f.Write(p)
}

func (l *logFile) Close() error {
	if l.f == nil {
		return nil
	}
	return l.f.Close()
}
