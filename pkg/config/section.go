package config

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/cosmostat/constellation/pkg/fault"
)

// passed are the sections that are somebody else's: their text is passed on.
func (c *Config) passed(key string) *Section {
	switch key {
	case "inference":
		return &c.Inference
	case "gal":
		return &c.GAL
	}
	return nil
}

// cut returns the i-th entry of a document as it stands in the file. Read alone
// it says what it says in the whole file, or it is refused.
func (d document) cut(root *yaml.Node, all []entry, i int) (Section, error) {
	key, value := all[i].key, all[i].value
	if root.Style&yaml.FlowStyle != 0 { // its lines hold other keys and commas, too
		return "", d.errorAt(key, "%s is passed to SHINE line by line as it is written, and here it stands in a flow mapping, { ... }", key.Value).
			Fix("write the file's top level in block style: %s and the other keys on lines of their own, without the braces around all", key.Value)
	}
	if err := d.closed(key, value); err != nil {
		return "", err
	}
	whole := d.between(all, i)
	whole = outdent(whole, root.Column-1)
	for _, text := range []string{strings.TrimRight(whole, "\n \t") + "\n", whole} {
		if strings.HasSuffix(text, "\n") && alone(text, key, value) {
			return Section(text), nil
		}
	}
	err := d.errorAt(key, "%s can't be passed to SHINE as it is written: read alone it is something else than in the whole file", key.Value)
	if !strings.HasSuffix(whole, "\n") {
		return "", err.Fix("end the file with a line break")
	}
	return "", err.Fix("begin a line with %s:, write what it holds below, indented, and use neither tags of a %%TAG nor keys that begin with a question mark", key.Value)
}

// between is the lines of an entry, up to the next one's or the document's end.
func (d document) between(all []entry, i int) string {
	first, last := all[i].key.Line-1, len(d.lines)
	if i+1 < len(all) {
		last = min(last, all[i+1].key.Line-1)
	}
	for n := first + 1; n < last; n++ {
		if isMarker(d.lines[n], "---") || isMarker(d.lines[n], "...") {
			last = n
		}
	}
	return strings.Join(d.lines[first:last], "")
}

// outdent takes an indent off all lines, as far as they have it: sections of
// several documents become one.
func outdent(text string, by int) string {
	if by == 0 {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		lines[i] = line[min(by, len(line)-len(strings.TrimLeft(line, " "))):]
	}
	return strings.Join(lines, "")
}

// closed refuses aliases of what stands outside of a section, and keys that are given twice in it.
func (d document) closed(key, value *yaml.Node) error {
	inside := map[*yaml.Node]bool{}
	var look func(n *yaml.Node) *fault.Error
	look = func(n *yaml.Node) *fault.Error {
		if inside[n] = true; n.Kind == yaml.AliasNode && !inside[n.Alias] {
			return d.errorAt(n, "%s is passed to SHINE alone, and the alias *%s in it stands for what is outside of it, in line %d", key.Value, n.Value, n.Alias.Line).
				Fix("write out in %s what the alias stands for", key.Value)
		}
		if n.Kind == yaml.MappingNode {
			if twice, line := repeated(n); twice != nil {
				return d.errorAt(twice, "%s: the key %s is given twice, in line %d too", key.Value, twice.Value, line).Fix("keep one of them")
			}
		}
		for _, child := range n.Content {
			if err := look(child); err != nil {
				return err
			}
		}
		return nil
	}
	inside[key] = true
	if err := look(value); err != nil {
		return err
	}
	return nil
}

// repeated is a scalar key of a mapping that is there before, and in which line.
func repeated(n *yaml.Node) (*yaml.Node, int) {
	at := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			continue
		}
		name := key.ShortTag() + " " + key.Value
		if line, twice := at[name]; twice {
			return key, line
		}
		at[name] = key.Line
	}
	return nil, 0
}

// alone says whether a text by itself is a mapping of one entry, this one.
func alone(text string, key, value *yaml.Node) bool {
	roots, err := parse(text)
	if err != nil || len(roots) != 1 || roots[0].Kind != yaml.MappingNode || len(roots[0].Content) != 2 {
		return false
	}
	pairs := map[*yaml.Node]*yaml.Node{}
	return alike(pairs, key, roots[0].Content[0]) && alike(pairs, value, roots[0].Content[1])
}

// alike says whether two trees are the same to a reader, aliases of each
// standing for nodes that correspond.
func alike(pairs map[*yaml.Node]*yaml.Node, a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Value != b.Value || a.ShortTag() != b.ShortTag() || len(a.Content) != len(b.Content) || isPlain(a) != isPlain(b) {
		return false
	}
	pairs[a] = b
	if a.Kind == yaml.AliasNode {
		return pairs[a.Alias] == b.Alias
	}
	for i := range a.Content {
		if !alike(pairs, a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}
