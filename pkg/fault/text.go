package fault

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Text is foreign text, such as the name of an object or a value of a header, as
// one line that does nothing to a terminal, a log or a page: what controls them,
// or turns the direction of writing, stands there by its number.
func Text(s string) string { return shown(s, "") }

// Lines is Text whose lines and tabs stay.
func Lines(s string) string { return shown(s, "\n\t") }

func shown(s, keep string) string {
	if !hasControl(s, keep) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1: // a byte that some terminals take for a control of eight bits
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case controls(r, keep):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

func hasControl(s, keep string) bool {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return true
			}
		}
		if controls(r, keep) {
			return true
		}
	}
	return false
}

// controls says whether a character is a control (C0, DEL, C1), ends a line, or
// orders characters otherwise than they are written.
func controls(r rune, keep string) bool {
	return (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029') && !strings.ContainsRune(keep, r)
}

// Writer shows what is written to it as [Lines] does. A character may come in
// several writes.
func Writer(w io.Writer) io.Writer { return &writer{w: w} }

type writer struct {
	w    io.Writer
	mu   sync.Mutex
	rest []byte // the beginning of a character
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := append(w.rest, p...)
	end := len(text)
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if at := len(text) - back; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				end = at
			}
			break
		}
	}
	w.rest = append([]byte(nil), text[end:]...)
	if _, err := io.WriteString(w.w, Lines(string(text[:end]))); err != nil {
		return 0, err
	}
	return len(p), nil
}
