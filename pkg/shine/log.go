package shine

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/cosmostat/constellation/pkg/manifest"
)

const (
	maxLine   = 4096    // bytes of a line that are passed on; the rest is dropped
	maxLog    = 8 << 20 // bytes of lines that are passed on, but for the last ones
	lastLines = 40      // remembered: what an error is classified by
	tailLines = 10      // of those, what an error shows
)

// lineWriter passes a command's output on line by line, each with the
// sub-tile's name before it, none longer than maxLine and all together no more
// than maxLog, and remembers the last ones. Whatever the command prints, this
// holds a few hundred kB. Progress bars' carriage returns end lines too.
type lineWriter struct {
	mu      sync.Mutex
	to      io.Writer
	prefix  string
	line    []byte
	cut     bool // the line was longer than maxLine
	last    [lastLines][]byte
	lines   int   // all of them
	passed  int64 // bytes
	dropped int   // lines that were not passed on

	seen func(line string) // gets each line; may be nil
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
		end := bytes.IndexByte(rest, '\n')
		if r := bytes.IndexByte(rest[:max(end, 0)], '\r'); r >= 0 {
			end = r
		} else if end < 0 {
			end = bytes.IndexByte(rest, '\r')
		}
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

// Close passes on what didn't end with a newline, and the last of what was dropped.
func (w *lineWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
	if w.dropped > 0 {
		fmt.Fprintf(w.to, "%s(%d lines after the first %d MB are not shown; the last of them:)\n", w.prefix, w.dropped, maxLog>>20)
		for _, l := range w.remembered(tailLines) {
			fmt.Fprintf(w.to, "%s%s\n", w.prefix, l)
		}
	}
	return nil
}

func (w *lineWriter) flush() {
	if len(w.line) == 0 {
		return
	}
	if w.cut {
		w.line = append(w.line, " ..."...)
	}
	keep := &w.last[w.lines%lastLines]
	*keep = append((*keep)[:0], w.line...)
	w.lines++
	if w.seen != nil {
		w.seen(string(w.line))
	}
	if w.passed < maxLog {
		n, _ := io.WriteString(w.to, w.prefix+strings.ToValidUTF8(string(w.line), "\uFFFD")+"\n")
		w.passed += int64(n)
	} else {
		w.dropped++
	}
	w.line, w.cut = w.line[:0], false
}

// remembered is the last n lines, the oldest first.
func (w *lineWriter) remembered(n int) []string {
	n = min(n, w.lines, lastLines)
	out := make([]string, n)
	for i := range out {
		out[i] = strings.ToValidUTF8(string(w.last[(w.lines-n+i)%lastLines]), "\uFFFD")
	}
	return out
}

// code is what the last lines say of how the command ended (see kindOf).
func (w *lineWriter) code(signaled bool) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return kindOf(w.remembered(lastLines), signaled)
}

// tail is the end of an error message: what the command said last.
func (w *lineWriter) tail() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.remembered(tailLines)
	if len(last) == 0 {
		return ""
	}
	return "; its last lines:\n  " + strings.Join(last, "\n  ") + "\n"
}
