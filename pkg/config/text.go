package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/fault"
)

// document is one of those that make up a configuration.
type document struct {
	number     int
	name, code string // of its errors
	lines      []string
	overlay    bool // nobody wrote its lines
}

// breaks makes every line break that YAML 1.2 has one LF (5.4 of its
// specification), and takes the byte order mark off.
var breaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

func plainBreaks(text string) string {
	return breaks.Replace(strings.TrimPrefix(text, "\ufeff"))
}

// parse is the roots of a text's documents, those that hold something. The
// text has plain breaks.
func (d *document) parse(text string) ([]*yaml.Node, error) {
	if err := d.readable(text); err != nil {
		return nil, err
	}
	if e := (*bounds.Error)(nil); errors.As(bounds.YAML([]byte(text)), &e) {
		return nil, fault.Input(d.code, "%w", e).On(d.name).At("line %d", e.Line).Fix("write less of it, or check that it is a configuration")
	}
	d.lines = linesOf(text)
	roots, err := parse(text)
	if err != nil {
		return nil, d.located(err)
	}
	return roots, nil
}

// parse reads with a parser of libyaml's grammar, which is PyYAML's, too.
func parse(text string) (roots []*yaml.Node, err error) {
	decoder := yaml.NewDecoder(strings.NewReader(olderDirective(text)))
	for {
		var doc yaml.Node
		if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
			return roots, nil
		} else if err != nil {
			return nil, err
		}
		if len(doc.Content) == 1 && !isNull(doc.Content[0]) {
			roots = append(roots, doc.Content[0])
		}
	}
}

// linesOf cuts a text where the parser counts lines: YAML 1.1 has three breaks more.
func linesOf(text string) (lines []string) {
	start := 0
	for i, r := range text {
		if r == '\n' || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			end := i + utf8.RuneLen(r)
			lines, start = append(lines, text[start:end]), end
		}
	}
	return append(lines, text[start:])
}

var directive = regexp.MustCompile(`^%YAML[ \t]+1\.[0-9]+[ \t]*(#.*)?$`)

// olderDirective has %YAML 1.1 where a text says another 1.x, which the parser
// refuses although it reads all that this package takes in the same way.
func olderDirective(text string) string {
	if !strings.Contains(text, "%YAML") {
		return text
	}
	lines, before := strings.Split(text, "\n"), true // before a document's content, where directives stand
	for i, line := range lines {
		switch {
		case isMarker(line, "..."):
			before = true
		case before && directive.MatchString(line):
			lines[i] = "%YAML 1.1"
		case strings.TrimSpace(line) != "" && line[0] != '#' && line[0] != '%':
			before = false
		}
	}
	return strings.Join(lines, "\n")
}

// isMarker says whether a line is where a document begins (---) or ends (...).
func isMarker(line, marker string) bool {
	rest, ok := strings.CutPrefix(line, marker)
	return ok && (rest == "" || strings.IndexByte(" \t\n", rest[0]) >= 0)
}

// readable refuses what is no text, at its place: the parser doesn't say where.
func (d *document) readable(text string) error {
	bad := func(i int, format string, a ...any) *fault.Error {
		before := text[:i]
		column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
		err := fault.Input(d.code, format, a...).On(d.name)
		if !d.overlay {
			err = err.At("line %d, column %d", strings.Count(before, "\n")+1, column)
		}
		return err
	}
	if bytes.HasPrefix([]byte(text), []byte("\xff\xfe")) || bytes.HasPrefix([]byte(text), []byte("\xfe\xff")) {
		return bad(0, "it is UTF-16").Fix("save it as UTF-8")
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return bad(i, "the byte %#02x is no part of a UTF-8 text", text[i]).Fix("save it as UTF-8")
		case r < ' ' && r != '\t' && r != '\n' || r >= 0x7f && r < 0xa0 && r != '\u0085' || r == '\ufffe' || r == '\uffff':
			return bad(i, "YAML has no room for the control character %U", r).Fix(`remove it, or write it as an escape in double quotes, such as "\x%02x"`, r)
		}
		i += size
	}
	return nil
}

// located says where a text is no YAML.
func (d *document) located(err error) error {
	var y *yaml.LoadError
	if !errors.As(err, &y) {
		return fault.Input(d.code, "%w", err).On(d.name)
	}
	message := y.Message
	if y.ContextMsg != "" && !d.overlay {
		message = fmt.Sprintf("%s that begins in line %d: %s", y.ContextMsg, y.ContextMark.Line, y.Message)
	}
	if strings.HasPrefix(y.Message, "found incompatible YAML") {
		message = "it asks for another YAML than 1.x"
	}
	bad := fault.Input(d.code, "%s", message).On(d.name)
	if strings.Contains(message, "unknown escape character") {
		bad = bad.Fix(`write a backslash twice, \\, and a slash alone; or use single quotes, in which both are themselves`)
	}
	if d.overlay || y.Mark.Line == 0 {
		return bad
	}
	return bad.At("line %d, column %d", y.Mark.Line, y.Mark.Column)
}

func (d document) errorAt(n *yaml.Node, format string, a ...any) *fault.Error {
	err := fault.Input(d.code, format, a...).On(d.name)
	if d.overlay {
		return err
	}
	return err.At("line %d, column %d", n.Line, n.Column)
}

// entry is a key of a mapping with its value.
type entry struct{ key, value *yaml.Node }

// maxKey is what a key has at most, in bytes: one that is unknown is compared with all others.
const maxKey = 1000

// entries returns a mapping's entries. Each key is a text, and given once.
func entries(n *yaml.Node) ([]entry, error) {
	n = target(n)
	all, at := make([]entry, 0, len(n.Content)/2), map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch line, twice := at[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			return nil, invalid(key, "a key is a name, not %s", written(key))
		case len(key.Value) > maxKey:
			return nil, invalid(key, "a key has %d bytes (no name has more than %d)", len(key.Value), maxKey)
		case key.ShortTag() == "!!merge":
			return nil, invalid(key, "keys are not merged (<<) in this suite's own sections: write them out")
		case twice:
			return nil, invalid(key, "the key %s is given twice, in line %d too (keep one of them)", key.Value, line)
		}
		at[key.Value] = key.Line
		all = append(all, entry{key, n.Content[i+1]})
	}
	return all, nil
}

// target is the node that an alias stands for, or the node itself.
func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isMapping(n *yaml.Node) bool { return target(n).Kind == yaml.MappingNode && tagged(n, "!!map") }

// written is a value as a message has it.
func written(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.AliasNode:
		return written(target(n))
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Style&yaml.TaggedStyle != 0:
		return n.ShortTag() + " " + n.Value
	case !isPlain(n):
		return fmt.Sprintf("the text %q", n.Value)
	case n.Value == "":
		return "nothing"
	}
	return n.Value
}
