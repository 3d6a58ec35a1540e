package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/cmd/internal/cli"
	"github.com/cosmostat/constellation/pkg/fault"
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

// full takes so many bytes.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	if f.room -= n; n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// Each ending of a verb has its exit status, and a report that was lost is an ending too.
func TestEndings(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		err    error
		room   int
		status int
		says   string
	}{
		"success":                    {t.Context(), nil, 1000, 0, ""},
		"a full disk":                {t.Context(), nil, 5, 1, "not all of its report could be written: no space left on device"},
		"a full disk and a failure":  {t.Context(), errors.New("it failed"), 5, 1, "it failed"},
		"use":                        {t.Context(), fault.Input(cli.CodeUsage, "no"), 1000, 2, "no"},
		"bad input":                  {t.Context(), fault.Input("X", "no"), 1000, 1, "no"},
		"a signal":                   {gone, context.Canceled, 1000, 130, "canceled"},
		"a signal, by another name":  {gone, fault.Passing("X", "open the catalogue: %w", context.Canceled), 1000, 130, "stopped: open the catalogue"},
		"a signal, without its name": {gone, errors.New("signal: killed"), 1000, 130, "stopped: signal: killed"},
		"a signal that came late":    {gone, nil, 1000, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := &cobra.Command{Use: "x", RunE: func(cmd *cobra.Command, _ []string) error {
				fmt.Fprintln(cmd.OutOrStdout(), "a report of a line")
				return c.err
			}}
			err := cli.Execute(c.ctx, root, nil, &full{c.room}, io.Discard)
			status := 0
			if err != nil {
				status = cli.Status(err)
			}
			if status != c.status || c.says != "" && !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("status %d: %v", status, err)
			}
		})
	}
}
