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
	"github.com/cosmostat/constellation/pkg/objstore/webserve"
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
	o, w := s3serve.Options{}, webserve.Options{}
	web := false
	c := &cobra.Command{
		Use:   "serve DIR",
		Short: "Serve a directory over S3, or plain HTTP(S), on this machine",
		Long: `Serve runs an S3 server on a directory, without TLS, for trying things out on one
machine: sub-directories are buckets, files are objects. Its first line is its URL,
the others say how to reach it. It stops on Ctrl-C.

With --http-index it is a plain web server for reading instead, as archives have
them: directories are listed by pages as Apache makes them, files are read by
ranges. Other machines read from it only over TLS: --tls-cert and --tls-key. The
certificate has to name the host; clients trust one of your own where
SSL_CERT_FILE names it.`,
		Example: `  constellation simulate --preset tiny --out /tmp/s3/euclid/q1
  constellation serve /tmp/s3 --addr 127.0.0.1:9000 --anonymous
  constellation serve /tmp/s3/euclid --http-index --tls-cert cert.pem --tls-key key.pem`,
		Args: cobra.ExactArgs(1),
	}
	f := c.Flags()
	f.StringVar(&o.Addr, "addr", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	f.StringVar(&o.AccessKey, "access-key", "constellation", "access key of the one account")
	f.StringVar(&o.SecretKey, "secret-key", "constellation", "its secret")
	f.BoolVar(&o.Anonymous, "anonymous", false, "let unsigned requests read")
	f.BoolVar(&web, "http-index", false, "serve files and index pages over HTTP in place of S3, for reading")
	f.StringVar(&w.Cert, "tls-cert", "", "with --http-index: file of the certificate (PEM), for HTTPS")
	f.StringVar(&w.Key, "tls-key", "", "with --http-index: file of its key (PEM)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := together(c, web); err != nil {
			return err
		}
		if web {
			w.Dir, w.Addr = args[0], o.Addr
			w.Ready = func(url string) { fmt.Fprint(c.OutOrStdout(), webReach(url, w)) }
			return webserve.Run(c.Context(), w)
		}
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

// together refuses flags of the other server.
func together(c *cobra.Command, web bool) error {
	others := []string{"tls-cert", "tls-key"}
	if web {
		others = []string{"anonymous", "access-key", "secret-key"}
	}
	for _, name := range others {
		switch {
		case !c.Flags().Changed(name):
		case web:
			return fault.Input("FlagsInvalid", "--%s is for S3, and --http-index serves no S3", name).Fix("leave one of them out")
		default:
			return fault.Input("FlagsInvalid", "--%s needs --http-index: S3 is served without TLS", name).Fix("add --http-index")
		}
	}
	return nil
}

// webReach says how clients get at a plain web server.
func webReach(url string, o webserve.Options) string {
	text := url + "\n"
	if o.Cert != "" {
		text += fmt.Sprintf("trust      export SSL_CERT_FILE=%s, where the certificate is one of your own\n", o.Cert)
	}
	return text + fmt.Sprintf("sources    data: {vis_base_uri: %q} and so on in the configuration\nCtrl-C stops it\n", url+"/VIS/")
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
