package bounds_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/bounds"
)

func lines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestYAML(t *testing.T) {
	const much = 1 << 20
	for name, text := range map[string]string{
		"brackets":          strings.Repeat("[", much),
		"braces":            "a: " + strings.Repeat("{a: ", much),
		"brackets on lines": strings.Repeat("[\n", much),
		"in a flow mapping": "{a: " + strings.Repeat("[", much),
		"dashes":            strings.Repeat("- ", much) + "1",
		"question marks":    strings.Repeat("? ", much) + "1",
		"commas":            "a: [" + strings.Repeat("1,", much) + "]",
		"commas in lines":   "a: [" + strings.Repeat("1,\n", much) + "]",
		"lines":             strings.Repeat("- 1\n", much),
		"comments":          strings.Repeat("#\n", much),
		"documents":         strings.Repeat("---\n", much),
		"colons":            strings.Repeat("a: ", much),
		"aliases":           "a: [" + strings.Repeat("*a ", much) + "]",
		"tags":              "a: " + strings.Repeat("!x ", much),
		"keys":              lines(10_000, "k%d: 1\n"),
		"keys within":       "a:\n" + lines(10_000, "  k%d:\n    b: 1\n"),
		"keys in a list":    "a:\n- b: 1\n" + lines(10_000, "  k%d: 1\n"),
	} {
		var e *bounds.Error
		if err := bounds.YAML([]byte(text)); !errors.As(err, &e) || e.Line < 1 || e.What == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"nothing":               "",
		"ids":                   "source_ids: [" + strings.Repeat("-512345678901234567, ", 150_000) + "1]\n",
		"ids in lines":          "source_ids:\n" + strings.Repeat("- -512345678901234567\n", 150_000),
		"quadrants":             "q:\n" + strings.Repeat("- sci_path: a\n  rms_path: b\n  flg_path: c\n", 20_000),
		"quadrants in flow":     "q:\n" + strings.Repeat("- {sci_path: a, rms_path: 'b', flg_path: \"c [[\"}\n", 20_000),
		"brackets in strings":   "a: '" + strings.Repeat("[", 1000) + "'\nb: \"" + strings.Repeat("[\\\"", 1000) + "\"\n# " + strings.Repeat("[", 1000) + "\nc: x" + strings.Repeat("[", 1000),
		"apostrophes":           strings.Repeat("- it's [1]\n", 1000),
		"deep":                  strings.Repeat("[", 60) + strings.Repeat("]", 60),
		"many dashes, few deep": strings.Repeat("- - - 1\n", 1000),
		"a long string":         "a: " + strings.Repeat("word ", 1<<20),
	} {
		if err := bounds.YAML([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJSON(t *testing.T) {
	for name, text := range map[string]string{
		"depth":   strings.Repeat("[", 1<<20),
		"objects": `{"tiles":[` + strings.Repeat("{},", 1<<20) + "{}]}",
		"numbers": "[" + strings.Repeat("0,", 1<<20) + "0]",
		"nulls":   "[" + strings.Repeat("null,\n", 1<<20) + "0]",
	} {
		var e *bounds.Error
		if err := bounds.JSON([]byte(text)); !errors.As(err, &e) || e.What == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"nothing":    "",
		"in strings": `{"a": "` + strings.Repeat(`[,\"{`, 1<<20) + `"}`,
		"tiles":      "[" + strings.Repeat("\n    {\n      \"tile_id\": 102018211\n    },", 1<<18) + "{}]",
		"small":      "[" + strings.Repeat("0,", 100_000) + "0]",
	} {
		if err := bounds.JSON([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
