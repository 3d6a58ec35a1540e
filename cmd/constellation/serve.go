package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/fault"
)

// serveCommand becomes the executable that holds the S3 server: flags, help and
// messages are that one's own.
func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:                "serve DIR",
		Short:              "Serve a directory over S3, or plain HTTP(S), on this machine",
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := serverPath()
			if err != nil {
				return err
			}
			return syscall.Exec(path, append([]string{path}, args...), os.Environ())
		},
	}
	c.SetHelpFunc(func(c *cobra.Command, _ []string) { // of `constellation help serve`
		if err := c.RunE(c, []string{"--help"}); err != nil {
			c.PrintErrln("constellation:", err)
		}
	})
	return c
}

// serverPath finds the executable of the S3 server, which stands beside this command.
func serverPath() (string, error) {
	dir, err := programs()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "serve-s3")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fault.Input("ServerMissing", "there is no S3 server beside this command; images leave it out").On(path).
			Fix("run this command from a checkout, where make build puts both into bin/")
	} else if err != nil {
		return "", err
	}
	return path, nil
}
