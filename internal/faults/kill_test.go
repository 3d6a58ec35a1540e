package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cosmostat/constellation/internal/testing/await"
)

// killsPerRun is how often one run is killed before it may end.
const killsPerRun = 4

// TestKill kills -9 at random points, the engine or one of its tasks, resumes
// at once, and holds what ends up in the bucket, or in the directory of every
// second run, to that of a run that was left alone. All the while a watcher
// reads the products: what it ever saw under a final name are the final bytes.
func TestKill(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: tasks are looked for in /proc")
	}
	kills := 20
	if text := os.Getenv("CONSTELLATION_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("CONSTELLATION_KILLS: %v", err)
		}
	}
	s := newSite(t)
	start := time.Now()
	s.do(t, s.run("alone")...)
	took := time.Since(start)
	want := tree(t, s.products("alone"))
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d kills, seed %d, a run takes %s", kills, seed, took)
	random := rand.New(rand.NewPCG(seed, 0))

	files := filepath.Join(s.dir, "products")
	for n := 0; kills > 0; n++ {
		id, dir := fmt.Sprintf("killed-%d", n), ""
		args := s.run(id)
		if dir = s.products(id); n%2 == 1 {
			dir = filepath.Join(files, id)
			args = append(args, "--storage", files)
		}
		stop := watch(dir)
		count := map[string]int{}
		for left := took; kills > 0 && count[late] == 0 && count[engine]+count[task] < killsPerRun; {
			after := time.Duration(random.Float64() * float64(left))
			killed := s.kill(t, random, after, args...)
			if count[killed]++; killed != late {
				kills--
			}
			left = max(left-after/2, took/4) // some of it need not be done again
		}
		s.do(t, args...)
		seen := stop()
		if n%2 == 1 { // in a bucket nothing is left by a task that died, in a directory its attempt is
			s.clean(t, "--yes", "--storage", files, "--run-id", id)
		}
		final := tree(t, dir)
		same(t, want, final)
		for path, sums := range seen {
			for sum := range sums {
				if sum != final[path] {
					t.Errorf("%s: other bytes were visible for a while", path)
				}
			}
		}
		if len(seen) == 0 {
			t.Error("the watcher saw nothing")
		}
		t.Logf("%s: %v", id, count)
	}
	s.do(t, "validate", "--config", "c.yaml", "--run-id", "killed-0")

	s.upload(t, random)
	if len(s.uploads(t)) == 0 {
		t.Error("a killed upload left nothing behind: this test proves nothing")
	}
	t.Logf("uploads that were killed: %v", s.uploads(t))
	dry := s.clean(t)
	if !strings.Contains(dry, "dry run") || len(s.uploads(t)) == 0 {
		t.Errorf("the dry run:\n%s", dry)
	}
	t.Logf("%s", s.clean(t, "--yes"))
	if left := s.uploads(t); len(left) > 0 {
		t.Errorf("uploads are left: %v", left)
	}
	s.clean(t, "--yes", "--storage", files)
	if left := attempts(files); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
	same(t, want, tree(t, s.products("killed-0"))) // what is complete stays
	same(t, want, tree(t, s.products("alone")))
}

func (s *site) clean(t *testing.T, more ...string) string {
	t.Helper()
	return s.do(t, append([]string{"clean", "--config", "c.yaml", "--older-than", "0s", "--metadata", "s3://engine"}, more...)...)
}

// What a kill hit.
const (
	engine = "engine"
	task   = "task, then engine"
	late   = "too late" // the run had ended
)

// kill runs the pipeline for a while and kills the engine, or one of the tasks
// that are under way, after which the engine is killed a little later.
func (s *site) kill(t *testing.T, random *rand.Rand, after time.Duration, args ...string) (killed string) {
	t.Helper()
	cmd := s.command(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	killed = engine
	if random.IntN(2) == 0 {
		pids := tasks(cmd.Process.Pid)
		for range 20 {
			if len(pids) > 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
			pids = tasks(cmd.Process.Pid)
		}
		if len(pids) > 0 {
			syscall.Kill(pids[random.IntN(len(pids))], syscall.SIGKILL)
			killed = task
			time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
		}
	}
	cmd.Process.Kill()
	if cmd.Wait() == nil {
		return late
	}
	if cmd.ProcessState.Exited() { // by itself, with an error
		t.Errorf("the engine did not get over the end of a task:\n%s", out.String())
	}
	return killed
}

// tasks are the processes that an engine started and that are alive.
func tasks(engine int) (pids []int) {
	found, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range found {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		var state string
		var pid, parent int
		// pid (name) state parent ...; a name may hold anything
		if _, err := fmt.Sscanf(string(stat[bytes.LastIndexByte(stat, ')')+1:]), "%s %d", &state, &parent); err != nil || parent != engine || state == "Z" {
			continue
		}
		if pid, err = strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// watch reads the products below a directory, again and again, until it is
// stopped. It returns the sums that each path ever had.
func watch(dir string) (stop func() map[string]map[[32]byte]bool) {
	type state struct {
		size  int64
		mtime time.Time
	}
	seen, known := map[string]map[[32]byte]bool{}, map[string]state{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") {
					return fs.SkipDir // nothing in it has its final name yet
				}
				if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") || d.Name() == "provenance.json" || d.Name() == "run.json" || d.Name() == "00000.json" {
					return nil
				}
				fi, err := d.Info()
				if err != nil || known[path] == (state{fi.Size(), fi.ModTime()}) {
					return nil
				}
				data, err := os.ReadFile(path)
				if err != nil {
					return nil
				}
				known[path] = state{fi.Size(), fi.ModTime()}
				rel, _ := filepath.Rel(dir, path)
				if seen[rel] == nil {
					seen[rel] = map[[32]byte]bool{}
				}
				seen[rel][sha256.Sum256(data)] = true
				return nil
			})
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return func() map[string]map[[32]byte]bool {
		cancel()
		<-done
		return seen
	}
}

// upload kills processes that are writing large objects: the demo's are too
// small to be sent in parts.
func (s *site) upload(t *testing.T, random *rand.Rand) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for i, base := range []string{"s3://products/alone", filepath.Join(s.dir, "products", "killed-1"), "s3://products/killed-0"} {
		cmd := exec.Command(self)
		cmd.Env = append(s.env, uploadEnv+"="+fmt.Sprintf("%s/large-%d", base, i))
		begun := func() int { return len(s.uploads(t)) + len(attempts(base)) }
		before := begun()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		await.Until(t, "a large object is being written", func() bool { return begun() > before })
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
		cmd.Process.Kill()
		if exit := new(exec.ExitError); !errors.As(cmd.Wait(), &exit) {
			t.Error("the upload ended by itself")
		}
	}
	if _, err := os.Stat(filepath.Join(s.products("alone"), "large-0")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half an object is visible: %v", err)
	}
}

// attempts are the files below a directory that have no final name yet.
func attempts(dir string) []string {
	var found []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.Contains(d.Name(), ".constellation-upload-") {
			found = append(found, path)
		}
		return nil
	})
	return found
}

// uploads lists unfinished multipart uploads by the SDK itself.
func (s *site) uploads(t *testing.T) (keys []string) {
	t.Helper()
	for _, kv := range s.env {
		if key, value, _ := strings.Cut(kv, "="); strings.HasPrefix(key, "AWS_") {
			t.Setenv(key, value)
		}
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	for _, bucket := range []string{"products", "engine"} {
		out, err := c.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range out.Uploads {
			keys = append(keys, bucket+"/"+aws.ToString(u.Key))
		}
	}
	return keys
}
