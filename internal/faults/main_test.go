package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/simulate"
)

// uploadEnv has the process write an object until it is killed.
const uploadEnv = "CONSTELLATION_FAULTS_UPLOAD"

func TestMain(m *testing.M) {
	if uri := os.Getenv(uploadEnv); uri != "" {
		os.Exit(uploadForever(uri))
	}
	status := s3test.Main(m)
	if scratch != "" {
		os.RemoveAll(scratch)
	}
	os.Exit(status)
}

func uploadForever(uri string) int {
	u, err := objstore.Open(context.Background(), objstore.Config{}).Create(context.Background(), uri)
	for err == nil {
		_, err = u.Write(make([]byte, 1<<20))
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

var scratch string // of what all tests share

// binaries builds them once.
var binaries = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv("CONSTELLATION_BIN"); bin != "" {
		return bin, nil
	}
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		return "", err
	}
	scratch = dir
	build := exec.Command("go", "build", "-o", dir+"/", "./cmd/constellation", "./tasks/...")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binaries: %w\n%s", err, out)
	}
	return dir, nil
})

// site is a survey behind a proxy, and a configuration that reads it
// unsigned and writes its products signed.
type site struct {
	bin, dir string
	survey   simulate.Survey
	server   *s3test.Server
	proxy    *s3test.Proxy
	env      []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	survey, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	return newSiteOf(t, survey)
}

func newSiteOf(t *testing.T, survey simulate.Survey) *site {
	t.Helper()
	bin, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{bin: bin, dir: t.TempDir(), server: s3test.StartPublic(t), survey: survey}
	s.proxy = s.server.Proxy(t, 0)
	s.server.Bucket(t, "products")
	s.server.Bucket(t, "engine")
	s.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.dir,
	}, s3test.Env(s.proxy.Endpoint)...)
	if _, err := simulate.Run(t.Context(), objstore.Open(t.Context(), objstore.Config{}), filepath.Join(s.server.Bucket(t, "euclid"), "q1"), survey, nil); err != nil {
		t.Fatal(err)
	}
	config := s.survey.ConfigYAML("s3://euclid/q1") + fmt.Sprintf(`  s3_endpoint_url: %q
  s3_no_sign_request: true
output:
  storage_base_uri: s3://products
  catalog_warehouse: %q
engine: mock
`, s.proxy.Endpoint, filepath.Join(s.dir, "warehouse"))
	if err := os.WriteFile(filepath.Join(s.dir, "c.yaml"), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	return s
}

// command is the CLI, ready to run in the site's directory.
func (s *site) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, "constellation"), args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

// run is the command of a run of the pipeline, with the engine's own state in the store as well.
func (s *site) run(id string, more ...string) []string {
	return append([]string{"run", "--config", "c.yaml", "--run-id", id, "--metadata", "s3://engine", "--cache", "off"}, more...)
}

// try runs the CLI to its end.
func (s *site) try(t *testing.T, args ...string) (said string, ok bool) {
	t.Helper()
	var out bytes.Buffer
	cmd := s.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), err == nil
}

// do runs the CLI, which must succeed.
func (s *site) do(t *testing.T, args ...string) string {
	t.Helper()
	said, ok := s.try(t, args...)
	if !ok {
		t.Fatalf("constellation %s:\n%s", strings.Join(args, " "), said)
	}
	return said
}

// refused runs the CLI, which must fail and say all of the words.
func (s *site) refused(t *testing.T, words []string, args ...string) {
	t.Helper()
	said, ok := s.try(t, args...)
	if ok {
		t.Fatalf("constellation %s did not fail:\n%s", strings.Join(args, " "), said)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("the failure does not say %q:\n%s", w, said)
		}
	}
}

func (s *site) products(run string) string { return filepath.Join(s.server.Dir, "products", run) }

type sums map[string][32]byte

// tree is the SHA-256 of every product below a directory: all but the two
// files that say which run, execution and attempt it was.
func tree(t *testing.T, dir string) sums {
	t.Helper()
	files := sums{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "provenance.json" || d.Name() == "run.json" || d.Name() == "00000.json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files[rel] = sha256.Sum256(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// same holds a run's products to those of a run that nothing disturbed.
func same(t *testing.T, want, got sums) {
	t.Helper()
	if len(want) == 0 {
		t.Error("the undisturbed run has no products")
	}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if sum, ok := got[path]; !ok {
			t.Errorf("%s is missing", path)
		} else if sum != want[path] {
			t.Errorf("%s has other bytes", path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[path]; !ok {
			t.Errorf("%s should not be there", path)
		}
	}
}

// classes notes the storage class of each PUT from now on.
func (s *site) classes() func() map[string]string {
	var mu sync.Mutex
	seen := map[string]string{}
	s.proxy.Inject(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodPut {
			mu.Lock()
			defer mu.Unlock()
			seen[r.URL.Path] = r.Header.Get("X-Amz-Storage-Class")
		}
		return false
	})
	return func() map[string]string {
		s.proxy.Inject(nil)
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(seen)
	}
}
