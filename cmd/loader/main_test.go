//go:build unix

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"

	"github.com/cosmostat/constellation/internal/testing/await"
	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// The test binary is the loader and the stage too, as ROLE says. The loader
// hands its environment on, so the stage is told by its name.
const role = "LOADER_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(role) == "" {
		os.Exit(s3test.Main(m))
	}
	if os.Args[0] == "/bin/count-words" || os.Args[0] == "/bin/count-lines" {
		stage()
	}
	main()
}

// stage says what it was started with, and waits for SIGTERM where told so.
func stage() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	said, err := json.Marshal(map[string]any{"args": os.Args, "pid": os.Getpid(), "mark": os.Getenv("MARK")})
	if err != nil {
		os.Exit(3)
	}
	fmt.Println(string(said))
	if slices.Contains(os.Args, "--wait") {
		fmt.Println((<-signals).String())
		os.Exit(9)
	}
	os.Exit(0)
}

// site is an S3 server with the stage's executable in it.
type site struct {
	server   *s3test.Server
	store    objstore.Store
	uri, sum string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{server: s3test.Start(t)}
	s.server.Setenv(t)
	s.server.Bucket(t, "bucket")
	s.store = objstore.Open(t.Context(), objstore.Config{})
	raw, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	s.uri, s.sum = s.put(t, "code/count-words", raw)
	return s
}

func (s *site) put(t *testing.T, key string, raw []byte) (uri, sum string) {
	t.Helper()
	uri = "s3://bucket/" + key
	if _, err := objstore.WriteFile(t.Context(), s.store, uri, raw); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(raw)
	return uri, hex.EncodeToString(hash[:])
}

// loader is a command that runs the loader.
func loader(cache string, args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), role+"=loader", "FLYTE_INTERNAL_EXECUTION_ID=e", "LOADER_CACHE="+cache, "MARK=left as it is")
	return c
}

// failure reads the error document that a loader left.
func (s *site) failure(t *testing.T, prefix string) *core.ContainerError {
	t.Helper()
	raw, err := objstore.ReadFile(t.Context(), s.store, prefix+"/error.pb")
	if err != nil {
		t.Fatal(err)
	}
	doc := &core.ErrorDocument{}
	if err := proto.Unmarshal(raw, doc); err != nil {
		t.Fatal(err)
	}
	return doc.GetError()
}

// TestBecome: the stage is the loader's process, with its arguments and
// environment, and what it fetched once it doesn't fetch again.
func TestBecome(t *testing.T) {
	s, cache := newSite(t), filepath.Join(t.TempDir(), "cache")
	proxy := s.server.Proxy(t, 0)
	proxy.Setenv(t)
	for i, want := range []string{"fetches", "finds", "mends"} {
		if want == "mends" {
			if err := os.WriteFile(filepath.Join(cache, s.sum, cached), []byte("half"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		before := proxy.Requests()
		c := loader(cache, s.uri, "sha256:"+s.sum, "count-words", "--inputs", "a b", "--output-prefix", "s3://bucket/out")
		c.Stderr = os.Stderr
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		var said struct {
			Args []string
			Pid  int
			Mark string
		}
		if err := json.Unmarshal(out, &said); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if !slices.Equal(said.Args, []string{"/bin/count-words", "--inputs", "a b", "--output-prefix", "s3://bucket/out"}) ||
			said.Pid != c.Process.Pid || said.Mark != "left as it is" {
			t.Errorf("run %d: %+v as process %d", i, said, c.Process.Pid)
		}
		if asked := proxy.Requests() > before; asked != (want != "finds") {
			t.Errorf("run %d %s it: asked the store: %v", i, want, asked)
		}
	}
	left, err := filepath.Glob(filepath.Join(cache, "*", "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("the cache holds %q, %v", left, err)
	}
}

// TestSeveral: an executable that holds several stages is fetched once, and is
// told by its name which of them it is.
func TestSeveral(t *testing.T) {
	s, cache := newSite(t), t.TempDir()
	proxy := s.server.Proxy(t, 0)
	proxy.Setenv(t)
	for _, name := range []string{"count-words", "count-lines"} {
		before := proxy.Requests()
		out, err := loader(cache, s.uri, "sha256:"+s.sum, name).CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"args":["/bin/`+name+`"]`) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if asked := proxy.Requests() > before; asked != (name == "count-words") {
			t.Errorf("%s asked the store: %v", name, asked)
		}
	}
}

// A cache that can't be used is no reason to fail.
func TestNoCache(t *testing.T) {
	s, dir := newSite(t), t.TempDir()
	t.Setenv("TMPDIR", dir)
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := loader(blocked, s.uri, "sha256:"+s.sum, "count-words").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "LOADER_CACHE is not used") || !strings.Contains(string(out), "/bin/count-words") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "loader", s.sum, cached)); err != nil {
		t.Error(err)
	}
}

// Containers that share a cache start at once, and all run.
func TestTogether(t *testing.T) {
	s, cache := newSite(t), t.TempDir()
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			if out, err := loader(cache, s.uri, "sha256:"+s.sum, "count-words").CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	group.Wait()
}

// A signal to the loader's process is one to the stage.
func TestSignal(t *testing.T) {
	s := newSite(t)
	c := loader(t.TempDir(), s.uri, "sha256:"+s.sum, "count-words", "--wait")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1<<16)
	if _, err := out.Read(buffer); err != nil { // it is the stage by now
		t.Fatal(err)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n, _ := out.Read(buffer)
	if err := c.Wait(); c.ProcessState.ExitCode() != 9 || string(buffer[:n]) != "terminated\n" {
		t.Errorf("%v, said %q", err, buffer[:n])
	}
}

// TestFailures: what goes wrong is an error document and exit 0, for the engine
// reads one only then; what passes by itself is worth another attempt.
func TestFailures(t *testing.T) {
	s := newSite(t)
	text, textSum := s.put(t, "code/text", []byte("no program\n"))
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	other := strings.Repeat("0", 64)
	for name, tt := range map[string]struct {
		cache      string
		uri, sum   string
		code, says string
		again      bool
	}{
		"another object": {"", s.uri, other, "ExecutableCorrupt", "its SHA-256 is " + s.sum, false},
		"no object":      {"", "s3://bucket/code/gone", other, "NotFound", "code/gone", false},
		"no program":     {"", text, textSum, "ExecutableUnusable", "not a program of this machine", false},
		"no directory":   {blocked, s.uri, s.sum, "LoaderCache", "LOADER_CACHE", true},
		"no digest":      {"", s.uri, "x", "ArgumentsInvalid", `"sha256:x" is not sha256: and 64`, false},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.cache == "" {
				tt.cache = t.TempDir()
			}
			if tt.cache == blocked { // and no other either
				t.Setenv("TMPDIR", blocked)
			}
			prefix := "s3://bucket/" + strings.ReplaceAll(name, " ", "-")
			out, err := loader(tt.cache, tt.uri, "sha256:"+tt.sum, "count-words", "--output-prefix="+prefix).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			e := s.failure(t, prefix)
			if e.GetCode() != tt.code || !strings.Contains(e.GetMessage(), tt.says) ||
				(e.GetKind() == core.ContainerError_RECOVERABLE) != tt.again || e.GetOrigin() != core.ExecutionError_USER {
				t.Errorf("got %v", e)
			}
		})
	}
	t.Run("store in trouble", func(t *testing.T) {
		t.Setenv("AWS_MAX_ATTEMPTS", "2")
		proxy := s.server.Proxy(t, 0)
		fault := s3test.Fault(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			down := strings.HasSuffix(r.URL.Path, "/code/count-words")
			if down {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return down
		})
		proxy.Inject(fault)
		proxy.Setenv(t)
		c := loader(t.TempDir(), s.uri, "sha256:"+s.sum, "count-words", "--output-prefix", "s3://bucket/trouble")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if e := s.failure(t, "s3://bucket/trouble"); e.GetKind() != core.ContainerError_RECOVERABLE {
			t.Errorf("got %v", e)
		}
	})
	t.Run("nowhere to say so", func(t *testing.T) {
		c := loader(t.TempDir())
		if out, err := c.CombinedOutput(); c.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "loader: 0 arguments (loader URI sha256:HEX NAME") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// Stopped while it fetches, it ends as a stopped stage does: nothing written, exit 137.
func TestStopped(t *testing.T) {
	s := newSite(t)
	proxy := s.server.Proxy(t, 0)
	asked := make(chan struct{}, 100)
	proxy.Inject(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		asked <- struct{}{}
		<-r.Context().Done()
		return true
	})
	proxy.Setenv(t)
	c := loader(t.TempDir(), s.uri, "sha256:"+s.sum, "count-words", "--output-prefix", "s3://bucket/stopped")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	if _, ok := await.Value(t, "it ends", ended); !ok {
		c.Process.Kill()
		t.FailNow()
	}
	if code := c.ProcessState.ExitCode(); code != 137 {
		t.Errorf("exit %d", code)
	}
	if _, err := s.store.Stat(context.Background(), "s3://bucket/stopped/error.pb"); !objstore.IsNotFound(err) {
		t.Errorf("an error document: %v", err)
	}
}
