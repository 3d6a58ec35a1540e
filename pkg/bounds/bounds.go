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
	"math"
	"unicode/utf8"
)

const (
	// maxDepth is how deep YAML is nested at most.
	maxDepth = 64
	// maxTokens is what a YAML text is made of at most: some 600 bytes each, while it is parsed.
	maxTokens = 400_000
	// maxKeys is what one YAML mapping has at most: each is compared with all others.
	maxKeys = 4096
	// maxAliases is what a text has of them where a parser copies what they stand
	// for, and maxWith what it is made of then: sixteen within each other are
	// hundreds of copies, a few more are millions.
	maxAliases, maxWith = 16, 4000
)

// Error says what there is too much of, and where.
type Error struct {
	Line int // from 1
	What string
}

func (e *Error) Error() string { return e.What }

// YAML looks at a text before it is parsed, by a parser that minds by itself how
// much its aliases make.
func YAML(text []byte) error { return (&scan{keys: map[int]int{}}).all(text) }

// CopiedYAML looks at a text whose parser puts a copy in the place of each alias.
func CopiedYAML(text []byte) error {
	s := scan{keys: map[int]int{}}
	if err := s.all(text); err != nil {
		return err
	}
	if s.aliases > maxAliases || s.aliases > 0 && s.tokens > maxWith {
		return &Error{s.aliased, fmt.Sprintf("it has aliases, %d in %d parts: at most %d in %d are read", s.aliases, s.tokens, maxAliases, maxWith)}
	}
	return nil
}

func (s *scan) all(text []byte) error {
	for len(text) > 0 {
		line := text
		if end, width := lineBreak(text); end >= 0 {
			line, text = text[:end], text[end+width:]
		} else {
			text = nil
		}
		s.line++
		if err := s.look(line); err != nil {
			return &Error{s.line, err.Error()}
		}
	}
	return nil
}

// lineBreak is where a line ends, and how wide its break is; negative where none
// ends it. YAML 1.1 has three breaks that 1.2 has not, and some parsers take all.
func lineBreak(text []byte) (end, width int) {
	if end = bytes.IndexAny(text, "\n\r\u0085\u2028\u2029"); end < 0 {
		return -1, 0
	}
	if bytes.HasPrefix(text[end:], []byte("\r\n")) {
		return end, 2
	}
	_, width = utf8.DecodeRune(text[end:])
	return end, width
}

// scan is how far a YAML text was looked at.
type scan struct {
	line, tokens, depth int
	quote               byte              // of a string that goes on
	keys                map[int]int       // of the block mappings that are open, by their indent
	inFlow              [maxDepth + 2]int // keys of the flow mappings that are open, by their depth; lists have less than none
	aliases, aliased    int               // and the first one's line
	compared            int               // keys with others, in all mappings
}

// tooMany says whether a mapping has too many keys with one more, or all have together.
func (s *scan) tooMany(keys int) bool {
	s.compared += max(keys, 0)
	return keys > maxKeys || s.compared > maxKeys*maxKeys
}

func (s *scan) look(line []byte) error {
	s.tokens++
	at, markers := 0, 0
	for s.quote == 0 && s.depth == 0 && at < len(line) && bytes.IndexByte([]byte(" -?"), line[at]) >= 0 {
		if line[at] != ' ' {
			if at+1 < len(line) && line[at+1] != ' ' && line[at+1] != '\t' {
				break // a number, a word, or ---
			}
			if markers++; markers > maxDepth {
				return errDepth
			}
			s.tokens++
			if line[at] == '?' { // a key of the mapping that is open
				s.ends(at + 1)
				if s.keys[at]++; s.tooMany(s.keys[at]) {
					return errKeys
				}
			} else {
				s.ends(at)
			}
		}
		at++
	}
	if s.depth == 0 && s.quote == 0 && at < len(line) && line[at] != '#' {
		s.ends(at + 1)
		if isKey(line[at:]) {
			if s.keys[at]++; s.tooMany(s.keys[at]) {
				return errKeys
			}
		}
	}
	s.flow(line[at:])
	if s.depth <= maxDepth && s.inFlow[s.depth] > maxKeys {
		return errKeys
	}
	if s.depth > maxDepth {
		return errDepth
	}
	if s.tokens > maxTokens {
		return fmt.Errorf("it has more than %d parts", maxTokens)
	}
	return nil
}

var (
	errKeys  = fmt.Errorf("a mapping has more than %d keys, or many have nearly so many", maxKeys)
	errDepth = fmt.Errorf("it is nested deeper than %d times", maxDepth)
)

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
				if s.depth++; s.depth <= maxDepth {
					s.inFlow[s.depth] = 0
					if c == '[' {
						s.inFlow[s.depth] = math.MinInt
					}
				}
			}
		case c == ']' || c == '}':
			s.tokens++
			s.depth = max(s.depth-1, 0)
		case c == ',' || c == ':' || c == '&' || c == '*' || c == '!':
			s.tokens++
			if c == ',' && s.depth > 0 {
				if s.inFlow[s.depth]++; s.tooMany(s.inFlow[s.depth]) {
					s.inFlow[s.depth] = maxKeys + 1
				}
			}
			if c == '*' && bytes.IndexByte([]byte(" [{,:-?!"), before) >= 0 {
				if s.aliases++; s.aliases == 1 {
					s.aliased = s.line
				}
			}
		}
		if before = c; c == '\t' {
			before = ' '
		}
		if s.depth > maxDepth || s.tokens > maxTokens || s.inFlow[s.depth] > maxKeys {
			return
		}
	}
}

// escaped says whether an odd number of backslashes ends a text.
func escaped(text []byte) bool {
	return (len(text)-len(bytes.TrimRight(text, `\`)))%2 == 1
}
