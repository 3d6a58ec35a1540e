package fault_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"s3://b/é 🌌 \\n":               "s3://b/é 🌌 \\n",
		"a\x1b]0;title\x07b":           `a\u001b]0;title\u0007b`,
		"a\nb\tc\r":                    `a\u000ab\u0009c\u000d`,
		"a\x7fb\u009bc":                `a\u007fb\u009bc`,
		"a\x9bb":                       `a\x9bb`,
		"a\u202eb\u2066c\u200fd\u061c": `a\u202eb\u2066c\u200fd\u061c`,
		"a\u2028b\u2029":               `a\u2028b\u2029`,
		"\ufffd":                       "\ufffd",
	} {
		if got := fault.Text(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := fault.Lines("a\n\tb\x1b[2J\r"); got != "a\n\tb"+`\u001b[2J\u000d` {
		t.Errorf("%q", got)
	}
}

func TestWriter(t *testing.T) {
	const in = "é🌌\x1b[1m\u202e\nß\x9b"
	want := fault.Lines(in)
	for size := 1; size < len(in); size++ {
		var b bytes.Buffer
		w := fault.Writer(&b)
		for i := 0; i < len(in); i += size {
			part := in[i:min(i+size, len(in))]
			if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		if b.String() != want {
			t.Errorf("%d bytes at a time: %q, want %q", size, &b, want)
		}
	}
}

// An error shows names as text, whoever put them into it.
func TestErrorText(t *testing.T) {
	const name = "s3://b/\x1b]0;owned\x07\nconstellation: all is well"
	err := fault.Data("X", "read %s: %w", name, errors.New("bad\x1b[2J")).On(name).At("HDU %s", name).Fix("remove %s", name)
	if s := err.Error(); strings.ContainsAny(s, "\x1b\x07") || strings.Contains(s, "\n") || !strings.Contains(s, `\u001b]0;owned`) {
		t.Errorf("%q", s)
	}
	if s := fault.Input("X", "several:\n- one\n- two").Error(); s != "several:\n- one\n- two" {
		t.Errorf("%q", s)
	}
}
