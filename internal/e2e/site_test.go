package e2e

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
)

// Buckets of a site.
const (
	surveyBucket   = "euclid"
	productsBucket = "products"
)

// site is an installation: an S3 server with the survey in it, and a working
// directory with a configuration.
type site struct {
	*shared
	server   *s3test.Server
	dir      string // working directory
	products string // directory of the products' bucket
	env      []string
}

// newSite sets one up until the test ends.
func newSite(t *testing.T) *site {
	t.Helper()
	common, err := prepared()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{shared: common, server: s3test.StartPublic(t), dir: t.TempDir()}
	s.products = s.server.Bucket(t, productsBucket)
	s.bucket(t, surveyBucket)
	s.env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + mkdir(t, s.dir, "tmp")}, s3test.Env(s.server.Endpoint)...)
	write(t, s.path("constellation.yaml"), s.config(surveyBucket))
	return s
}

// config is a configuration that reads the survey of a bucket. The catalogue
// lies in the working directory.
func (s *site) config(bucket string) string {
	return s.tiny.ConfigYAML("s3://"+bucket+"/q1") + fmt.Sprintf(`  s3_endpoint_url: %q
  s3_no_sign_request: true
output:
  storage_base_uri: s3://%s
  catalog_warehouse: %q
engine: mock
`, s.server.Endpoint, productsBucket, s.path("warehouse"))
}

// path is a place in the working directory.
func (s *site) path(elem ...string) string { return filepath.Join(append([]string{s.dir}, elem...)...) }

// bucket makes a bucket that holds the survey below q1, and returns the
// directory of q1. The files are links to shared ones: replace, never modify.
func (s *site) bucket(t *testing.T, name string) string {
	t.Helper()
	base := filepath.Join(s.server.Bucket(t, name), "q1")
	for path := range tree(t, s.survey) {
		to := filepath.Join(base, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(s.survey, path), to); err != nil {
			t.Fatal(err)
		}
	}
	return base
}

// result is how a command ended and what it said.
type result struct {
	status         int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("exit status %d\n--- stdout\n%s--- stderr\n%s", r.status, r.stdout, r.stderr)
}

// command is the CLI, ready to run in the working directory.
func (s *site) command(args ...string) *exec.Cmd { return s.program("constellation", args...) }

// program is one of the binaries.
func (s *site) program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

// try runs the CLI to its end.
func (s *site) try(t *testing.T, args ...string) result {
	t.Helper()
	return finish(t, s.command(args...))
}

// do runs the CLI, which must succeed and keep its standard error clean.
func (s *site) do(t *testing.T, args ...string) result {
	t.Helper()
	r := s.try(t, args...)
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("constellation %s: %s", strings.Join(args, " "), r)
	}
	return r
}

func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), smallMargin.ReplaceAllString(stderr.String(), "")}
}

// smallMargin is what is said of the tiny survey each time: its margins are small.
var smallMargin = regexp.MustCompile(`(?m)^warning: .*: tiling\.sub_tile_margin_arcmin is .*half of SHINE's largest stamp.*\n`)

// tree is the SHA-256 of every file below a directory, by relative path.
func tree(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	files := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
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
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

// sameTree fails the test where two trees differ, and names the files.
func sameTree(t *testing.T, what string, want, got map[string][32]byte) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if sum, ok := got[path]; !ok {
			t.Errorf("%s: %s is gone", what, path)
		} else if sum != want[path] {
			t.Errorf("%s: %s has other bytes", what, path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[path]; !ok {
			t.Errorf("%s: %s is new", what, path)
		}
	}
}

// without leaves out the files of some names.
func without(files map[string][32]byte, names ...string) map[string][32]byte {
	out := map[string][32]byte{}
	for path, sum := range files {
		if !slices.Contains(names, filepath.Base(path)) {
			out[path] = sum
		}
	}
	return out
}

// only finds the one file that a pattern matches.
func only(t *testing.T, pattern ...string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(pattern...))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s matches %q, not one file (%v)", filepath.Join(pattern...), found, err)
	}
	return found[0]
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// write puts a new file in the place of one that may be a link.
func write[T string | []byte](t *testing.T, path string, data T) {
	t.Helper()
	removeAll(t, path)
	if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, elem ...string) string {
	t.Helper()
	dir := filepath.Join(elem...)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// python is an interpreter that has the independent readers, or the test is skipped.
func python(t *testing.T) string {
	t.Helper()
	p := os.Getenv("CONSTELLATION_PYTHON")
	if p == "" {
		t.Skip("SKIPPED: nothing but our own code judged the products; set CONSTELLATION_PYTHON, or run the tests by `make test`")
	}
	return p
}

func removeAll(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
