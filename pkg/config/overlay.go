package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Overlay is a document that is laid over a configuration: what a --set or an
// input of a launch says.
type Overlay struct {
	Name string // stands in messages, in place of a line that nobody wrote: --set engine=mock
	Code string // of its errors; empty: ConfigInvalid
	Text string // a YAML document
}

// Set is the overlay of a --set key=value. Keys are dotted paths; values are YAML.
func Set(pair string) (Overlay, error) {
	name := "--set " + pair
	key, value, ok := strings.Cut(pair, "=")
	if !ok || key == "" {
		return Overlay{}, fault.Input(codeInvalid, "%s is not of the form key=value", name).Fix("for example --set tiling.sub_tile_margin_arcmin=1.5")
	}
	if section, _, nested := strings.Cut(key, "."); nested && (section == "inference" || section == "gal") {
		return Overlay{}, fault.Input(codeInvalid, "%s: the section %s belongs to SHINE and is passed on as it is written", name, section).Fix("edit the file")
	}
	o := Overlay{Name: name, Text: setting(key, value)}
	return o, o.whole(key, value)
}

// whole refuses a value that YAML takes for less, or for more, than one value.
func (o Overlay) whole(key, value string) error {
	roots, err := parse(plainBreaks(o.Text))
	if err != nil {
		return nil // Load says what is wrong
	}
	const quote = `put the value in double quotes, inside the shell's single ones: --set '%s="..."'`
	if len(roots) == 1 && hasComment(roots[0]) {
		return fault.Input(codeInvalid, "%s: YAML takes what follows the # for a comment", o.Name).Fix(quote, key)
	}
	one := len(roots) == 1
	for n, depth := roots, 0; one && depth <= strings.Count(key, "."); depth++ {
		one = n[0].Kind == yaml.MappingNode && len(n[0].Content) == 2
		if one {
			n = n[0].Content[1:]
		}
	}
	if !one {
		return fault.Input(codeInvalid, "%s: %q is not one value", o.Name, value).Fix(quote, key)
	}
	return nil
}

func hasComment(n *yaml.Node) bool {
	return n.HeadComment+n.LineComment+n.FootComment != "" || slices.ContainsFunc(n.Content, hasComment)
}

// Sets are the overlays of several --set, in their order.
func Sets(pairs []string) ([]Overlay, error) {
	var all []Overlay
	for _, pair := range pairs {
		o, err := Set(pair)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// Document is YAML that sets a key, by its dotted path, to a value.
func Document(key string, value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b) // JSON is YAML
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic("config: " + key + " can't be written: " + err.Error()) // callers give strings, numbers and lists of them
	}
	return setting(key, strings.TrimSuffix(b.String(), "\n"))
}

func setting(key, value string) string {
	var b strings.Builder
	path := strings.Split(key, ".")
	for depth, name := range path {
		fmt.Fprintf(&b, "%s%s:", strings.Repeat("  ", depth), name)
		if depth < len(path)-1 {
			b.WriteByte('\n')
		}
	}
	return b.String() + " " + value + "\n"
}

// Merge is one text that says what [Load] reads from a text and its overlays.
func Merge(text []byte, over ...Overlay) []byte {
	merged := plainBreaks(string(text))
	for _, o := range over {
		if merged != "" && !strings.HasSuffix(merged, "\n") {
			merged += "\n"
		}
		merged += "---\n" + o.Text // no empty line before it, which a text may end with
	}
	return []byte(merged)
}
