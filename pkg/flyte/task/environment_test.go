package task

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// A log's lines hold names and errors as text.
func TestLogIsText(t *testing.T) {
	var b bytes.Buffer
	log := logger(&b, "", Identity{Element: -1})
	log.Warn("skipped a\x1b]0;b\x07", "name", "s3://b/\u202ex\u009b", "error", errors.New("bad \u2066\x1b[2J"), "n", 3)
	got := b.String()
	if strings.ContainsAny(got, "\x1b\x07\u202e\u009b\u2066") || strings.Count(got, "\n") != 1 || !strings.Contains(got, `\\u001b]0;b`) || !strings.Contains(got, `"n":3`) {
		t.Errorf("%q", got)
	}
	d := Deck{}
	d.AddHTML("a\x1b", "<p>\x07\u202e</p>\n")
	if page := string(d.page("x\x9b", &deckFailure{"C", "m\x1b"})); strings.ContainsAny(page, "\x1b\x07\u202e") || !utf8.ValidString(page) || !strings.Contains(page, "<p>") {
		t.Errorf("%q", page)
	}
}
