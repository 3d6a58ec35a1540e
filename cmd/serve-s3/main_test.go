package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/cmd/internal/cli"
)

// TestUsage: what is mistyped is said of the verb that people typed.
func TestUsage(t *testing.T) {
	for line, want := range map[string]string{
		"serve":                     "it is constellation serve DIR [flags] (constellation serve --help",
		"serve a b":                 "it is constellation serve DIR",
		"serve a --adr x":           "there is no flag --adr; did you mean --addr?",
		"serve a --anonymous=maybe": "--anonymous \"maybe\": true or false is wanted",
	} {
		var stdout, stderr bytes.Buffer
		err := cli.Execute(t.Context(), command(), strings.Fields(line), &stdout, &stderr)
		if err == nil || cli.Status(err) != 2 || !strings.Contains(err.Error(), want) || stdout.Len()+stderr.Len() > 0 {
			t.Errorf("%s: %v, not %q\n%s%s", line, err, want, &stdout, &stderr)
		}
	}
}
