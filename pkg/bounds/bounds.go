// Package bounds refuses text that a parser would make far more of than its
// size says: in memory, which grows with tokens and elements and not with bytes,
// or in time, which grows with the square of depth and of a mapping's keys.
//
// It parses nothing. What it counts is near enough to be far above everything
// that people or this suite write, and far below what hurts: no text of up to
// ten megabytes that it lets pass takes 256 MB or ten seconds.
package bounds

import (
	"bytes"
	"fmt"
)

const (
	// maxDepth is how deep YAML is nested at most.
	maxDepth = 64
	// maxTokens is what a YAML text is made of at most: some 600 bytes each, while it is parsed.
	maxTokens = 400_000
	// maxKeys is what one YAML mapping has at most: each is compared with all others.
	maxKeys = 4096
)

// Error says what there is too much of, and where.
type Error struct {
	Line int // from 1
	What string
}

func (e *Error) Error() string { return e.What }

// YAML looks at a text before it is parsed.
func YAML(text []byte) error {
	s := scan{keys: map[int]int{}}
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		s.line++
		if err := s.look(line); err != nil {
			return &Error{s.line, err.Error()}
		}
	}
	return nil
}

// scan is how far a YAML text was looked at.
type scan struct {
	line, tokens, depth int
	quote               byte        // of a string that goes on
	keys                map[int]int // of the block mappings that are open, by their indent
}

func (s *scan) look(line []byte) error {
	s.tokens++
	at, markers := 0, 0
	for s.quote == 0 && s.depth == 0 && at < len(line) && bytes.IndexByte([]byte(" -?"), line[at]) >= 0 {
		if line[at] != ' ' {
			if at+1 < len(line) && line[at+1] != ' ' && line[at+1] != '\t' {
				break // a number, a word, or ---
			}
			s.ends(at)
			markers++
			s.tokens++
		}
		at++
	}
	if markers > maxDepth {
		return fmt.Errorf("it is nested deeper than %d times", maxDepth)
	}
	if s.depth == 0 && s.quote == 0 && at < len(line) && line[at] != '#' {
		s.ends(at + 1)
		if isKey(line[at:]) {
			if s.keys[at]++; s.keys[at] > maxKeys {
				return fmt.Errorf("a mapping has more than %d keys", maxKeys)
			}
		}
	}
	if s.flow(line[at:]); s.depth > maxDepth {
		return fmt.Errorf("it is nested deeper than %d times", maxDepth)
	}
	if s.tokens > maxTokens {
		return fmt.Errorf("it has more than %d parts", maxTokens)
	}
	return nil
}

// ends closes the mappings from an indent on.
func (s *scan) ends(indent int) {
	for at := range s.keys {
		if at >= indent {
			delete(s.keys, at)
		}
	}
}

func isKey(line []byte) bool {
	return bytes.HasSuffix(bytes.TrimRight(line, " \r"), []byte(":")) || bytes.Contains(line, []byte(": "))
}

// flow follows strings, and the brackets outside of them, to the line's end.
func (s *scan) flow(line []byte) {
	before := byte(' ') // what may have a string or a comment after it
	for i, c := range line {
		switch {
		case s.quote != 0:
			if c == s.quote && !(c == '"' && escaped(line[:i])) {
				s.quote = 0
			}
			continue
		case (c == '"' || c == '\'') && bytes.IndexByte([]byte(" [{,:-?!"), before) >= 0:
			s.quote = c
		case c == '#' && before == ' ':
			return
		case c == '[' || c == '{':
			if s.tokens++; s.depth > 0 || bytes.IndexByte([]byte(" :"), before) >= 0 {
				s.depth++
			}
		case c == ']' || c == '}':
			s.tokens++
			s.depth = max(s.depth-1, 0)
		case c == ',' || c == ':' || c == '&' || c == '*' || c == '!':
			s.tokens++
		}
		if before = c; c == '\t' {
			before = ' '
		}
		if s.depth > maxDepth || s.tokens > maxTokens {
			return
		}
	}
}

// escaped says whether an odd number of backslashes ends a text.
func escaped(text []byte) bool {
	return (len(text)-len(bytes.TrimRight(text, `\`)))%2 == 1
}
