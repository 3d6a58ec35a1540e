// Package s3test gives tests and benchmarks a real S3 server on loopback.
//
// The server (package s3serve) needs a process of its own, so the test binary
// runs itself again as one. A package that wants it has
//
//	func TestMain(m *testing.M) { os.Exit(s3test.Main(m)) }
//
// and its tests call [Start].
package s3test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/pkg/objstore/s3serve"
)

const (
	// childEnv holds the directory to serve, in the environment of the process that is the server.
	childEnv     = "CONSTELLATION_S3TEST_DIR"
	anonymousEnv = "CONSTELLATION_S3TEST_ANONYMOUS"

	accessKey = "AKIACONSTELLATION"
	secretKey = "constellation-test-secret"
	region    = "us-east-1"
)

// Main runs the tests, or is the server where Start runs this binary again.
func Main(m *testing.M) int {
	dir := os.Getenv(childEnv)
	if dir == "" {
		return m.Run()
	}
	if err := serve(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// serve is the child: it says its endpoint on standard output and ends with
// standard input, that is with its parent, however that ends.
func serve(dir string) error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return s3serve.Run(ctx, s3serve.Options{
		Dir: dir, AccessKey: accessKey, SecretKey: secretKey, Region: region, Anonymous: os.Getenv(anonymousEnv) != "",
		Ready: func(endpoint string) { fmt.Println(readyMark + endpoint) },
	})
}

const readyMark = "s3test ready "

// Server is a running S3 server. What is put under Dir/bucket is an object in it.
type Server struct {
	Endpoint             string
	Dir                  string
	AccessKey, SecretKey string
}

// Start runs a server over an empty directory until the test ends.
func Start(t testing.TB) *Server { return StartIn(t, filepath.Join(t.TempDir(), "s3")) }

// StartIn runs a server over a directory of the test's choice.
func StartIn(t testing.TB, dir string) *Server { return start(t, dir, false) }

// StartPublic runs a server whose buckets everybody may read unsigned.
func StartPublic(t testing.TB) *Server { return start(t, filepath.Join(t.TempDir(), "s3"), true) }

func start(t testing.TB, dir string, anonymous bool) *Server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	if anonymous {
		cmd.Env = append(cmd.Env, anonymousEnv+"=1")
	}
	var said strings.Builder
	cmd.Stderr = &said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, cmd, stdin) })

	endpoint := make(chan string, 1)
	go func() {
		defer close(endpoint)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if e, ok := strings.CutPrefix(lines.Text(), readyMark); ok {
				endpoint <- e
			}
		}
	}()
	e, ok := <-endpoint
	if !ok {
		stop(t, cmd, stdin)
		t.Fatalf("the S3 server did not start (does TestMain call s3test.Main?): %s", said.String())
	}
	return &Server{Endpoint: e, Dir: dir, AccessKey: accessKey, SecretKey: secretKey}
}

// stop ends the server by ending its input, and by force where that does not do.
func stop(t testing.TB, cmd *exec.Cmd, stdin io.Closer) {
	if cmd.ProcessState != nil {
		return
	}
	stdin.Close()
	kill := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil {
		t.Logf("the S3 server ended with: %v", err)
	}
}

// Setenv points the test's environment, and that of the processes that it
// starts, at this server.
func (s *Server) Setenv(t testing.TB) { setenv(t, s.Endpoint) }

func setenv(t testing.TB, endpoint string) {
	t.Helper()
	for _, kv := range Env(endpoint) {
		key, value, _ := strings.Cut(kv, "=")
		t.Setenv(key, value)
	}
}

// Env is what Setenv sets, as KEY=value, for a child's environment. Nothing of
// the machine's own AWS configuration gets in.
func Env(endpoint string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + endpoint,
		"AWS_ENDPOINT_URL_S3=" + endpoint,
		"AWS_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + accessKey,
		"AWS_SECRET_ACCESS_KEY=" + secretKey,
		"AWS_SESSION_TOKEN=",
		"AWS_PROFILE=",
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// Bucket makes a bucket and returns the directory that holds its objects.
func (s *Server) Bucket(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}
