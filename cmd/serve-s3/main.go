// serve-s3 is the verb `constellation serve`, in an executable of its own: the
// S3 server that it holds weighs more than the command, and no image needs it.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/cmd/internal/cli"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore/s3serve"
)

func main() { cli.Main(command(), append([]string{"serve"}, os.Args[1:]...)) }

// command is constellation as far as it is this verb, so that help and
// complaints call it by the name that people typed.
func command() *cobra.Command {
	root := &cobra.Command{Use: "constellation"}
	root.AddCommand(serveCommand())
	return root
}

func serveCommand() *cobra.Command {
	o := s3serve.Options{}
	c := &cobra.Command{
		Use:   "serve DIR",
		Short: "Serve a directory over S3 on this machine",
		Long: `Serve runs an S3 server on a directory, without TLS, for trying things out on one
machine: sub-directories are buckets, files are objects. Its first line is its URL,
the others say how to reach it. It stops on Ctrl-C.`,
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
		buckets, err := directories(o.Dir)
		if err != nil {
			return err
		}
		o.Ready = func(endpoint string) { fmt.Fprint(c.OutOrStdout(), reach(endpoint, o, buckets)) }
		return s3serve.Run(c.Context(), o)
	}
	return c
}

// directories are the sub-directories of one that has to be there.
func directories(dir string) (names []string, _ error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.Input("DirectoryUnusable", "%w", err).Fix("give a directory whose sub-directories are to be the buckets; mkdir makes one")
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// reach says how clients get at a server.
func reach(endpoint string, o s3serve.Options, buckets []string) string {
	listed := strings.Join(buckets, ", ")
	if listed == "" {
		listed = "none yet: each sub-directory is one"
	}
	text := fmt.Sprintf(`%s
buckets    %s
products   export AWS_ENDPOINT_URL=%[1]s AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=%[3]s AWS_SECRET_ACCESS_KEY=%[4]s
`, endpoint, listed, o.AccessKey, o.SecretKey)
	if o.Anonymous {
		text += fmt.Sprintf("sources    data: {s3_endpoint_url: %q, s3_no_sign_request: true} in the configuration\n", endpoint)
	} else {
		text += fmt.Sprintf("sources    data: {s3_endpoint_url: %q, s3_no_sign_request: false} in the configuration, and the same credentials\n", endpoint)
	}
	return text + "Ctrl-C stops it\n"
}
