// Package s3serve serves a directory by the S3 protocol over HTTP: the
// versitygw gateway, with its posix back end, inside one's own executable.
//
// Top-level directories are buckets and files are objects, also those that
// were put there by other means; what is written over S3 appears as files. It
// is for demonstrations, tests and benchmarks on one machine, without TLS.
//
// The gateway changes the process's working directory and keeps package-level
// state: run one per process, and give absolute paths to everything else.
package s3serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

// Options says what is served, where, and to whom.
type Options struct {
	Dir  string // made if it isn't there; its sub-directories are the buckets
	Addr string // host:port; default 127.0.0.1:0, a free port on loopback

	// The one account, which may do everything. Both are needed.
	AccessKey, SecretKey string
	// Anonymous lets everybody list and read all buckets by unsigned requests,
	// as public buckets of data do. Writing needs a signature all the same.
	Anonymous bool

	Region string // default us-east-1
	// Ready is called once, when the server answers, with its URL.
	Ready func(endpoint string)
}

const (
	// connections at a time: more than any test or demonstration opens, since
	// the gateway turns the others away.
	connections = 1 << 16
	// portTries bounds the search for a port that is still free when it is bound.
	portTries = 10
)

// Run serves until ctx ends, which is no error.
func Run(ctx context.Context, o Options) error {
	if o.AccessKey == "" || o.SecretKey == "" {
		return errors.New("serve S3: an access key and a secret are needed")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fmt.Errorf("serve S3: %w", err)
	}
	store, err := open(dir)
	if err != nil {
		return fmt.Errorf("serve S3 from %s: %w", dir, err)
	}
	return serve(ctx, o, store)
}

func serve(ctx context.Context, o Options, store backend.Backend) error {
	if o.Anonymous {
		store = public{store}
	}
	for try := 1; ; try++ {
		addr, chosen, err := address(o.Addr)
		if err != nil {
			return fmt.Errorf("serve S3: %w", err)
		}
		err = embedgw.RunVersityGW(ctx, store, &embedgw.Config{
			RootUserAccess: o.AccessKey, RootUserSecret: o.SecretKey, Region: cmp.Or(o.Region, "us-east-1"),
			Ports: []string{addr}, MaxConnections: connections, MaxRequests: connections, MultipartMaxParts: 10000,
			KeepAlive: true, Quiet: true, DisableACLs: true,
			IAMService: auth.NewIAMServiceSingle(auth.Account{Access: o.AccessKey, Secret: o.SecretKey, Role: auth.RoleAdmin}),
			S3Options: []s3api.Option{s3api.WithOnListen(func() {
				if o.Ready != nil {
					o.Ready("http://" + reachable(addr))
				}
			})},
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case chosen && try < portTries && errors.Is(err, syscall.EADDRINUSE):
			continue // somebody was faster; the gateway binds by number only
		}
		return fmt.Errorf("serve S3 at %s: %w", addr, err)
	}
}

// address names a port: where none is given, one that is free now. chosen says that.
func address(addr string) (_ string, chosen bool, err error) {
	addr = cmp.Or(addr, "127.0.0.1:0")
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port != "0" {
		return addr, false, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", false, err
	}
	defer l.Close()
	_, port, err = net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(host, port), true, err
}

// reachable is an address that a client can use: one that means every
// interface is named by loopback's.
func reachable(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(strings.Trim(host, "[]")); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
