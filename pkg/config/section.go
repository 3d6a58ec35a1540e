package config

import (
	"strings"

	"go.yaml.in/yaml/v4"
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
	whole := d.between(all, i)
	if err := d.readers(key, value, whole); err != nil {
		return "", err
	}
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

// readers refuses what readers of YAML take in different ways, or fail at: aliases
// of what stands outside of the section, keys and anchors that are given twice,
// keys that are no scalars, and tabs between words.
func (d document) readers(key, value *yaml.Node, whole string) error {
	inside, anchors := map[*yaml.Node]bool{key: true}, map[string]int{}
	nodes := inOrder(nil, value)
	for _, n := range nodes {
		inside[n] = true
		if n.Kind == yaml.AliasNode && !inside[n.Alias] {
			return d.errorAt(n, "%s is passed to SHINE alone, and the alias *%s in it stands for what is outside of it, in line %d", key.Value, n.Value, n.Alias.Line).
				Fix("write out in %s what the alias stands for", key.Value)
		}
		if line, twice := anchors[n.Anchor]; twice && n.Anchor != "" {
			return d.errorAt(n, "%s: the anchor &%s is given twice, in line %d too, which not all readers of YAML take", key.Value, n.Anchor, line).Fix("give each its own name")
		}
		anchors[n.Anchor] = n.Line
		if n.Kind != yaml.MappingNode {
			continue
		}
		if twice, line := repeated(n); twice != nil {
			return d.errorAt(twice, "%s: the key %s is given twice, in line %d too", key.Value, twice.Value, line).Fix("keep one of them")
		}
		for i := 0; i < len(n.Content); i += 2 {
			if k := target(n.Content[i]); k.Kind != yaml.ScalarNode {
				return d.errorAt(n.Content[i], "%s: a key is %s, which not all readers of YAML take", key.Value, written(k)).Fix("use a name or a number as the key")
			}
		}
	}
	if tab := firstTab(nodes, key, whole); tab != nil {
		return d.errorAt(tab, "%s: a tab between words, which not all readers of YAML take", key.Value).Fix("use spaces")
	}
	return nil
}

// inOrder appends a tree's nodes in the order of the text.
func inOrder(nodes []*yaml.Node, n *yaml.Node) []*yaml.Node {
	nodes = append(nodes, n)
	for _, child := range n.Content {
		nodes = inOrder(nodes, child)
	}
	return nodes
}

// firstTab is where the first tab stands that is in no comment, quotes or block of a section.
func firstTab(nodes []*yaml.Node, key *yaml.Node, whole string) *yaml.Node {
	if !strings.Contains(whole, "\t") {
		return nil
	}
	next, open := 0, false // whether a scalar that isn't plain goes on
	for i, line := range linesOf(whole) {
		at, from := key.Line+i, 0 // what is open ends where the next node begins
		for ; next < len(nodes) && nodes[next].Line == at; next++ {
			n := nodes[next]
			if before := runes(line, from, n.Column-1); !open && strings.Contains(before, "\t") {
				return &yaml.Node{Line: at, Column: n.Column}
			}
			open, from = n.Kind == yaml.ScalarNode && !isPlain(n), n.Column-1
		}
		rest := runes(line, from, len(line))
		if hash := strings.Index(" "+rest, " #"); hash >= 0 {
			rest = rest[:hash]
		}
		if tab := strings.Index(rest, "\t"); tab >= 0 && !open && strings.TrimLeft(line, " \t\n") != "" {
			return &yaml.Node{Line: at, Column: from + len([]rune(rest[:tab])) + 1}
		}
	}
	return nil
}

// runes is a part of a line, in characters.
func runes(line string, from, to int) string {
	all := []rune(line)
	return string(all[min(from, len(all)):min(max(from, to), len(all))])
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

// together refuses an anchor that both sections have: SHINE gets them as one document.
func (l *loader) together(c *Config) error {
	of := map[string]bool{}
	for _, text := range []Section{c.Inference, c.GAL} {
		roots, err := parse(string(text))
		if err != nil || len(roots) == 0 {
			continue // there is none: cut has parsed it
		}
		for _, n := range inOrder(nil, roots[0]) {
			switch at := l.passed["gal"]; {
			case n.Anchor == "" || n.Kind == yaml.AliasNode:
			case text == c.Inference:
				of[n.Anchor] = true
			case of[n.Anchor]:
				return at.in.errorAt(at.node, "gal: the anchor &%s is one of inference's, too, and SHINE gets the two as one document", n.Anchor).Fix("give each its own name")
			}
		}
	}
	return nil
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
