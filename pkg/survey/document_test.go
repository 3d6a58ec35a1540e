package survey

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/objstore"
)

// A document that somebody looks at in a terminal does nothing to it, and reads
// back as the same text.
func TestDocumentsShowControls(t *testing.T) {
	store := objstore.NewMemory()
	for _, reason := range []string{"plain", "é ü 日本", "a\u202eb", "a\u009b31mb", "a\x1b[31mb\x7f", "two\nlines\tand <html> & \u2028"} {
		if err := Save(t.Context(), store, "mem://b/o.json", Outcome{Reason: reason}); err != nil {
			t.Fatal(err)
		}
		text, err := objstore.ReadFile(t.Context(), store, "mem://b/o.json")
		if err != nil || strings.ContainsAny(string(text), "\u202e\u009b\x1b\x7f\u2028") {
			t.Errorf("%q: %q, %v", reason, text, err)
		}
		if got, err := Load[Outcome](t.Context(), store, "mem://b/o.json"); err != nil || got.Reason != reason {
			t.Errorf("%q reads back as %+v, %v", reason, got, err)
		}
	}
}
