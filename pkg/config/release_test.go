package config

import (
	"strings"
	"testing"
)

// TestRelease: a release is what is written, though YAML takes it for a number,
// and stands in the configuration's identity.
func TestRelease(t *testing.T) {
	id := map[string]string{}
	for text, want := range map[string]string{
		"newest": "newest", "01.00": "01.00", "'01.00'": "01.00", `"00.10"`: "00.10", "1.10": "1.10",
		"latest": "", "1": "", "01.0x": "", "''": "", "[01.00]": "", "1.0e1": "", "null": "",
	} {
		c, err := Load("c.yaml", []byte("data: {release: "+text+"}\n"))
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "data.release") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err != nil || string(c.Data.Release) != want {
			t.Errorf("%s: %v", text, err)
			continue
		}
		id[want] = c.ID()
	}
	if usual := Default().ID(); id["newest"] != usual || id["01.00"] == usual || id["01.00"] == id["00.10"] {
		t.Errorf("%v, the usual one is %s", id, usual)
	}
}
