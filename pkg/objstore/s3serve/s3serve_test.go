package s3serve

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/versity/versitygw/backend"

	"github.com/cosmostat/constellation/internal/testing/storetest"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// The servers of these tests run in the test's own process, one after the
// other, and move its working directory: paths are absolute.

func account(t *testing.T, o Options) Options {
	o.AccessKey, o.SecretKey = "AKIACONSTELLATION", "constellation-test-secret"
	t.Setenv("AWS_ACCESS_KEY_ID", o.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", o.SecretKey)
	return o
}

// start runs a server and stops it, waiting for its end.
func start(t *testing.T, o Options, run func(context.Context, Options) error) (endpoint string) {
	t.Helper()
	t.Chdir(t.TempDir()) // and back
	ready := make(chan string, 1)
	o.Ready = func(e string) { ready <- e }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, account(t, o)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case endpoint = <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return endpoint
}

// Without extended attributes the gateway does all the same.
func TestBeside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s3")
	if err := os.MkdirAll(filepath.Join(dir, "bucket"), 0o777); err != nil {
		t.Fatal(err)
	}
	endpoint := start(t, Options{}, func(ctx context.Context, o Options) error {
		var store backend.Backend
		store, err := openBeside(dir)
		if err != nil {
			return err
		}
		return serve(ctx, o, store)
	})
	storetest.Run(t, objstore.Open(t.Context(), objstore.Config{Endpoint: endpoint}), "s3://bucket")
	if beside, err := os.ReadDir(filepath.Join(filepath.Dir(dir), ".s3meta-s3", "bucket")); err != nil || len(beside) == 0 {
		t.Errorf("no metadata beside the directory: %v", err)
	}
}

func TestAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	dir := t.TempDir()
	t.Chdir(t.TempDir())
	if err := Run(t.Context(), account(t, Options{Dir: dir, Addr: addr})); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("at a port that is taken: %v", err)
	}
	l.Close()
	if endpoint := start(t, Options{Dir: dir, Addr: addr}, Run); endpoint != "http://"+addr {
		t.Errorf("at %s it says %s", addr, endpoint)
	}
}

func TestReachable(t *testing.T) {
	for addr, want := range map[string]string{":80": "127.0.0.1:80", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80", "10.0.0.1:80": "10.0.0.1:80", "host:80": "host:80"} {
		if got := reachable(addr); got != want {
			t.Errorf("%s is reachable at %s, want %s", addr, got, want)
		}
	}
}

func TestNoAccount(t *testing.T) {
	if err := Run(t.Context(), Options{Dir: t.TempDir()}); err == nil {
		t.Error("a server without an account starts")
	}
}
