package bombs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/results"
)

func TestYAML(t *testing.T) {
	const n = mostBytes - 1000
	lines := func(most int, format string) string {
		var b strings.Builder
		for i := 0; i < most && b.Len() < n-100; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	fill := func(s string) string { return strings.Repeat(s, n/len(s)) }
	laughs := func(list bool) string {
		s := "l0: &l0 [x, x, x, x, x, x, x, x, x]\n"
		for i := 1; i < 12; i++ {
			if list {
				s += fmt.Sprintf("l%d: &l%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 9), ", "))
			} else {
				s += fmt.Sprintf("l%d: &l%d {a: *l%d, b: *l%d, c: *l%d, d: *l%d}\n", i, i, i-1, i-1, i-1, i-1)
			}
		}
		return s
	}
	texts := map[string]func() string{
		"brackets":           func() string { return fill("[") },
		"braces":             func() string { return fill("{a: ") },
		"dashes":             func() string { return fill("- ") },
		"items":              func() string { return "tile_ids:\n" + fill("- 1\n") },
		"items within":       func() string { return "tile_ids:\n" + strings.Repeat("- 102018211\n", 190_000) },
		"numbers in flow":    func() string { return "tile_ids: [" + strings.Repeat("102018211, ", 190_000) + "1]" },
		"keys":               func() string { return lines(n, "key%d: 1\n") },
		"keys within":        func() string { return lines(4000, "key%d: 1\n") },
		"keys in flow":       func() string { return "{" + lines(130_000, "key%d: 1, ") + "z: 1}" },
		"keys in flow lines": func() string { return "{\n" + lines(90_000, "key%d: 1,\n") + "z: 1}" },
		"keys in quotes":     func() string { return "{" + lines(130_000, `"key%d":1,`) + `"z": 1}` },
		"explicit keys":      func() string { return lines(90_000, "? key%d\n: 1\n") },
		"keys within keys":   func() string { return "inference:\n" + lines(90_000, "  key%d: 1\n") },
		"keys, other indent": func() string {
			return "inference:\n" + lines(4000, "  a%d: 1\n") + "data:\n" + lines(4000, "  a%d: 1\n") + "tiling:\n" + lines(4000, "  a%d: 1\n")
		},
		"keys in sections":   func() string { return lines(40, "s%d:\n"+lines(4000, "  k%d: 1\n")) },
		"keys after tabs":    func() string { return "{\n" + lines(90_000, "\t\"key%d\"\t:\t1\t,\n") + "z: 1}" },
		"laughs":             func() string { return laughs(true) },
		"laughs in mappings": func() string { return laughs(false) },
		"laughs in a section": func() string {
			return "inference:\n  " + strings.ReplaceAll(laughs(true), "\n", "\n  ") + "\n"
		},
		"merges": func() string {
			s := "a0: &a0 {k: 1}\n"
			for i := 1; i < 3000; i++ {
				s += fmt.Sprintf("a%d: &a%d {<<: [*a%d, *a%d], k%d: 1}\n", i, i, i-1, i-1, i)
			}
			return s
		},
		"anchors": func() string { return "a: [" + lines(100_000, "&a%d x, ") + "x]" },
		"aliases": func() string { return "a: &a x\nb: [" + strings.Repeat("*a, ", 100_000) + "x]" },
		"alias of a list": func() string {
			return "a: &a [" + strings.Repeat("x, ", 1000) + "x]\nb: [" + strings.Repeat("*a, ", 60_000) + "x]"
		},
		"documents":       func() string { return fill("---\na: 1\n") },
		"comments":        func() string { return fill("# \n") },
		"comments within": func() string { return strings.Repeat("#\n", 390_000) + "a: 1" },
		"words":           func() string { return "a: " + fill("word ") },
		"a word":          func() string { return "a: " + fill("x") },
		"lines of words":  func() string { return "a:\n" + strings.Repeat("  word\n", 390_000) },
		"quoted":          func() string { return `a: "` + fill(`\u0041`) + `"` },
		"quoted lines":    func() string { return "a: '" + strings.Repeat("x\n ", 390_000) + "'" },
		"block":           func() string { return "a: |\n" + strings.Repeat("  x\n", 390_000) },
		"blank lines":     func() string { return "a: 1" + strings.Repeat("\n", 390_000) + "b: 1" },
		"spaces":          func() string { return "a: 1" + fill(" ") },
		"tabs":            func() string { return "a: 1" + fill("\t") },
		"question marks":  func() string { return fill("? ") },
		"exclamations":    func() string { return "a: " + fill("!") },
		"directives":      func() string { return strings.Repeat("%YAML 1.2\n", 390_000) + "---\na: 1" },
		"a name":          func() string { return fill("n") + ": 1" },
		"carriage":        func() string { return fill("- 1\r") },
		"next lines":      func() string { return fill("- 1\u2028") },
	}
	dir := t.TempDir()
	readers := map[string]func([]byte) error{
		"config":   func(b []byte) error { _, err := config.Load("f.yaml", b); return err },
		"manifest": func(b []byte) error { _, err := manifest.Read(bytes.NewReader(b)); return err },
		"outline":  func(b []byte) error { _, err := manifest.ReadOutline(b); return err },
		"flytectl": func(b []byte) error {
			file := filepath.Join(dir, "config.yaml")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				return err
			}
			_, err := connect.Load(file)
			return err
		},
		"inference": func(b []byte) error { results.Methods("shine", string(b)); return nil },
	}
	var all []bomb
	// One reader has all of them; the others, which look at a text as it does, have
	// those that take most of what their parsers do with it.
	worst := []string{"items within", "keys within", "keys in sections", "laughs", "merges", "quoted lines"}
	for who, eat := range readers {
		for name, text := range texts {
			if who != "config" && !slices.Contains(worst, name) {
				continue
			}
			all = append(all, bomb{who + ", " + name, func() []byte { return []byte(text()) }, eat})
		}
	}
	for name, text := range map[string]string{
		"core":     "\ncore_source_ids: [" + strings.Repeat("1,", n/2-50) + "1]\n",
		"polygon":  "\ncore_source_ids: []\ncore_polygon: [" + strings.Repeat("[],", n/3-50) + "[]]\n",
		"polygons": "\ncore_source_ids: []\ncore_polygon: [" + strings.Repeat("[", n-100) + "\n",
	} {
		all = append(all, bomb{"outline, " + name, func() []byte { return []byte(text) }, readers["outline"]})
	}
	explode(t, all)
}
