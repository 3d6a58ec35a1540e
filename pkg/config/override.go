package config

import (
	"fmt"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Override appends key=value pairs to a configuration's text, as a document
// that overlays it. Keys are dotted paths; values are YAML.
func Override(text []byte, pairs []string) ([]byte, error) {
	if len(pairs) == 0 {
		return text, nil
	}
	var b strings.Builder
	b.Write(text)
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fault.Input(codeInvalid, "--set %s is not of the form key=value", pair).Fix("for example --set tiling.sub_tile_margin_arcmin=1.5")
		}
		path := strings.Split(key, ".")
		if len(path) > 1 && (path[0] == "inference" || path[0] == "gal") {
			return nil, fault.Input(codeInvalid, "--set %s: the section %s belongs to SHINE and is passed on as it is written", pair, path[0]).Fix("edit the file")
		}
		b.WriteString("\n---\n")
		for depth, name := range path {
			fmt.Fprintf(&b, "%s%s:", strings.Repeat("  ", depth), name)
			if depth < len(path)-1 {
				b.WriteByte('\n')
			}
		}
		fmt.Fprintf(&b, " %s", value)
	}
	b.WriteByte('\n')
	return []byte(b.String()), nil
}
