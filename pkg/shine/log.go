package shine

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/cosmostat/constellation/pkg/manifest"
)

const (
	maxLine   = 4096 // bytes of a line that are passed on; the rest is dropped
	tailLines = 10   // last lines that an error shows
)

// lineWriter passes a command's output on line by line, each with the
// sub-tile's name before it and none longer than maxLine, and remembers the
// last ones. Progress bars' carriage returns end lines too.
type lineWriter struct {
	mu     sync.Mutex
	to     io.Writer
	prefix string
	line   []byte
	cut    bool // the line was longer than maxLine
	last   []string
}

func newLineWriter(to io.Writer, m *manifest.Manifest) *lineWriter {
	if to == nil {
		to = io.Discard
	}
	return &lineWriter{to: to, prefix: fmt.Sprintf("tile %d %s: ", m.TileID, name(m))}
}

// Write never fails: a command must not die of a log that can't be written.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rest := p; len(rest) > 0; {
		end := bytes.IndexAny(rest, "\r\n")
		part := rest
		if end >= 0 {
			part = rest[:end]
		}
		room := maxLine - len(w.line)
		w.cut = w.cut || len(part) > room
		w.line = append(w.line, part[:min(len(part), room)]...)
		if end < 0 {
			break
		}
		w.flush()
		rest = rest[end+1:]
	}
	return len(p), nil
}

// Close passes on what didn't end with a newline.
func (w *lineWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
	return nil
}

func (w *lineWriter) flush() {
	if len(w.line) == 0 {
		return
	}
	s := strings.ToValidUTF8(string(w.line), "\uFFFD")
	if w.cut {
		s += " ..."
	}
	w.line, w.cut = w.line[:0], false
	io.WriteString(w.to, w.prefix+s+"\n")
	if len(w.last) == tailLines {
		w.last = w.last[1:]
	}
	w.last = append(w.last, s)
}

// code is the exit code that a command would have given for what it said last,
// had it looked: Python exits with 1 after any exception. 1 where nothing is known.
func (w *lineWriter) code() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range slices.Backward(w.last) {
		switch {
		case strings.Contains(line, "RESOURCE_EXHAUSTED"), strings.Contains(line, "CUDA_ERROR_OUT_OF_MEMORY"), strings.HasPrefix(line, "MemoryError"):
			return 75
		case strings.Contains(line, "No module named"), strings.HasPrefix(line, "ImportError"):
			return 69
		}
	}
	return 1
}

// tail is the end of an error message: what the command said last.
func (w *lineWriter) tail() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.last) == 0 {
		return ""
	}
	return "; its last lines:\n  " + strings.Join(w.last, "\n  ") + "\n"
}
