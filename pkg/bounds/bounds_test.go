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
		"brackets":           strings.Repeat("[", much),
		"braces":             "a: " + strings.Repeat("{a: ", much),
		"brackets on lines":  strings.Repeat("[\n", much),
		"in a flow mapping":  "{a: " + strings.Repeat("[", much),
		"old breaks":         strings.Repeat("- 1\u2028", much),
		"next lines":         strings.Repeat("- 1\u0085", much),
		"carriage returns":   strings.Repeat("- 1\r", much),
		"dashes":             strings.Repeat("- ", much) + "1",
		"question marks":     strings.Repeat("? ", much) + "1",
		"commas":             "a: [" + strings.Repeat("1,", much) + "]",
		"commas in lines":    "a: [" + strings.Repeat("1,\n", much) + "]",
		"lines":              strings.Repeat("- 1\n", much),
		"comments":           strings.Repeat("#\n", much),
		"documents":          strings.Repeat("---\n", much),
		"colons":             strings.Repeat("a: ", much),
		"aliases":            "a: [" + strings.Repeat("*a ", much) + "]",
		"tags":               "a: " + strings.Repeat("!x ", much),
		"keys":               lines(10_000, "k%d: 1\n"),
		"keys within":        "a:\n" + lines(10_000, "  k%d:\n    b: 1\n"),
		"keys in flow":       "a: {" + lines(5000, "k%d: 1, ") + "}",
		"keys in lines":      "{" + lines(5000, "'k%d':1,\n") + "}",
		"keys in flow lists": "[{b: [1, 2], " + lines(5000, "k%d, ") + "}]",
		"explicit keys":      lines(5000, "? k%d\n"),
		"explicit values":    lines(5000, "? k%d\n: 1\n"),
		"keys in many":       strings.Repeat("s:\n"+lines(4000, "  k%d: 1\n"), 10),
		"keys in a list":     "a:\n- b: 1\n" + lines(10_000, "  k%d: 1\n"),
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
		"many small mappings":   "a: [" + strings.Repeat("{b: 1, c: 2}, ", 5000) + "1]",
		"commas in text":        "a: " + strings.Repeat("x, ", 5000),
		"a list in a mapping":   "{a: [" + strings.Repeat("1, ", 5000) + "1]}",
		"a long string":         "a: " + strings.Repeat("word ", 1<<20),
	} {
		if err := bounds.YAML([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Aliases that a parser copies are few.
func TestCopiedYAML(t *testing.T) {
	laughs := "a: &a x\n"
	for i := range 20 {
		laughs += fmt.Sprintf("b%d: &b%d [*a, *a]\n", i, i)
	}
	for name, test := range map[string]struct {
		text string
		says string
	}{
		"none":              {"a: 'x *y'\n# *a *b\nb: 2*3\nc: " + strings.Repeat("[1], ", 5000), ""},
		"a few":             {"a: &a {b: 1}\nc: *a\nd: {<<: *a}\n", ""},
		"many":              {laughs, "it has aliases, 40 in"},
		"one in a long one": {"a: &a [" + strings.Repeat("1, ", 5000) + "1]\nb: *a\n", "it has aliases, 1 in"},
		"brackets":          {strings.Repeat("[", 100), "nested"},
	} {
		var e *bounds.Error
		err := bounds.CopiedYAML([]byte(test.text))
		if test.says == "" && err != nil || test.says != "" && (!errors.As(err, &e) || !strings.Contains(e.What, test.says) || e.Line < 1) {
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

// An element of a list is as large as its type, whatever stands there.
func TestUnmarshal(t *testing.T) {
	type large struct {
		Lists []struct{ Values [100]int64 } `json:"lists"`
		Small []int8                        `json:"small"`
		Next  *large                        `json:"next"`
	}
	for name, text := range map[string]string{
		"elements":     `{"lists":[` + strings.Repeat("{},", 1<<17) + "{}]}",
		"nulls":        `{"lists":[` + strings.Repeat("null,", 1<<17) + "{}]}",
		"lists of one": "[" + strings.Repeat(`{"lists":[{}]},`, 1<<17) + "{}]",
		"deeper":       `{"next":{"next":{"lists":[` + strings.Repeat("{},", 1<<17) + "{}]}}}",
		"members":      "{" + strings.Repeat(`"a":1,`, 1<<20) + `"a":1}`,
		"no end":       strings.Repeat("]", 10) + strings.Repeat("[", 2000),
	} {
		var into large
		if e := (*bounds.Error)(nil); !errors.As(bounds.Unmarshal([]byte(text), &into), &e) || e.Line != 1 {
			t.Errorf("%s: it is not refused", name)
		}
	}
	for name, text := range map[string]string{
		"few":          `{"lists":[{},{}],"small":[1,2],"next":{}}`,
		"many in text": `{"lists":[` + strings.Repeat(`{"values":[]}`+strings.Repeat(" ", 500)+",", 1<<14) + "{}]}",
	} {
		var into large
		if err := bounds.Unmarshal([]byte(text), &into); err != nil || len(into.Lists) < 2 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := bounds.Unmarshal([]byte(`{"lists":1}`), &large{}); err == nil {
		t.Error("a wrong type is taken")
	}
}
