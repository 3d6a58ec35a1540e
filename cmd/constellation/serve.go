package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/objstore/s3serve"
)

func serveCommand() *cobra.Command {
	o := s3serve.Options{}
	c := &cobra.Command{
		Use:   "serve DIR",
		Short: "Serve a directory over S3 on this machine",
		Long: `Serve runs an S3 server on a directory, without TLS, for trying things out on one
machine: sub-directories are buckets, files are objects. It stops on Ctrl-C.`,
		Example: `  constellation simulate --preset tiny --out /tmp/s3/euclid/q1
  constellation serve /tmp/s3 --addr 127.0.0.1:9000 --anonymous`,
		Args: cobra.ExactArgs(1),
	}
	f := c.Flags()
	f.StringVar(&o.Addr, "addr", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	f.StringVar(&o.AccessKey, "access-key", "constellation", "access key of the one account")
	f.StringVar(&o.SecretKey, "secret-key", "constellation", "its secret")
	f.BoolVar(&o.Anonymous, "anonymous", false, "let unsigned requests read")
	c.RunE = func(c *cobra.Command, args []string) error {
		o.Dir = args[0]
		o.Ready = func(endpoint string) { fmt.Fprintln(c.OutOrStdout(), endpoint) }
		return s3serve.Run(c.Context(), o)
	}
	return c
}
