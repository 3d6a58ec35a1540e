package shine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

var errNull = errors.New("it is null")

// finite is JSON as Python writes it with null for the numbers that JSON doesn't
// have: NaN, Infinity and -Infinity. Text that has none is returned as it is.
func finite(text []byte) []byte {
	var out []byte
	done, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == 'N' || c == 'I' || c == '-'):
			if n := notFinite(text[i:]); n > 0 && ends(text[i+n:]) && begins(text[:i]) {
				out = append(append(out, text[done:i]...), "null"...)
				done = i + n
				i = done - 1
			}
		}
	}
	if done == 0 {
		return text
	}
	return append(out, text[done:]...)
}

// notFinite is the length of such a number at the beginning of a text, or 0.
func notFinite(text []byte) int {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(text, []byte(word)) {
			return len(word)
		}
	}
	return 0
}

// begins and ends say whether a value may stand after, and before, a text.
func begins(before []byte) bool {
	before = bytes.TrimRight(before, " \t\r\n")
	return len(before) > 0 && slices.Contains([]byte(":[,"), before[len(before)-1])
}

func ends(after []byte) bool {
	return len(after) > 0 && slices.Contains([]byte(",]} \t\r\n"), after[0])
}

// position is where JSON could not be read, as line and column.
func position(text []byte, err error) string {
	at := len(text)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = min(at, max(int(syntax.Offset)-1, 0))
	} else {
		at = 0
	}
	line := bytes.LastIndexByte(text[:at], '\n') + 1
	return fmt.Sprintf("line %d, column %d", bytes.Count(text[:at], []byte("\n"))+1, at-line+1)
}
