package cli_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/cmd/internal/cli"
)

// What a verb prints of other people's names does nothing to a terminal.
func TestOutputIsText(t *testing.T) {
	root := &cobra.Command{Use: "x", RunE: func(c *cobra.Command, _ []string) error {
		fmt.Fprintln(c.OutOrStdout(), "out \x1b]0;title\x07")
		fmt.Fprintln(c.ErrOrStderr(), "err \u202e")
		return nil
	}}
	var out, err bytes.Buffer
	if e := cli.Execute(t.Context(), root, nil, &out, &err); e != nil {
		t.Fatal(e)
	}
	if got := out.String() + err.String(); strings.ContainsAny(got, "\x1b\x07\u202e") || got != "out \\u001b]0;title\\u0007\nerr \\u202e\n" {
		t.Errorf("%q", got)
	}
}

// A ~ that the shell left alone is refused before a verb begins.
func TestUnexpanded(t *testing.T) {
	for arg, refused := range map[string]bool{
		"--out=~/x": true, "--out=~": true, "--out=~me/x": true, "--out=./~/x": false, "--out=/a/~b": false, "--out=~b": false, "--set=a=~/x": false,
	} {
		began := false
		root := &cobra.Command{Use: "x", RunE: func(*cobra.Command, []string) error { began = true; return nil }}
		root.Flags().String("out", "", "")
		root.Flags().StringArray("set", nil, "")
		var out bytes.Buffer
		err := cli.Execute(t.Context(), root, []string{arg}, &out, &out)
		if refused != (err != nil) || began == refused || refused && (cli.Status(err) != 2 || !strings.Contains(err.Error(), "(write --out ~")) {
			t.Errorf("%s: %v", arg, err)
		}
	}
}
