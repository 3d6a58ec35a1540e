package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// binEnv names the directory where `make build` has put the executables.
const binEnv = "CONSTELLATION_BIN"

// notShipped are what `make build` makes and no image holds.
var notShipped = []string{"serve-s3"}

// BenchmarkExecutables starts each stage so many times to have it say how it is
// used, which takes all of its start-up and nothing else: as `make build` makes
// it, a link to an executable of several stages, and as `go build ./tasks/X`
// makes it. The sizes are those of what the image holds, each file once.
func BenchmarkExecutables(b *testing.B) {
	const starts = 20
	own := ownExecutables(b)
	dir := os.Getenv(binEnv)
	if dir == "" {
		dir = own
	}
	out := results.section(fmt.Sprintf("Stages: %d starts of each, by turns as installed and as its own executable", starts),
		"stage", "installed as", "start-up, median", "fastest", "own size", "own start-up, median", "fastest")
	for _, stage := range stages(b) {
		b.Run(stage, func(b *testing.B) {
			info, err := os.Stat(filepath.Join(own, stage))
			if err != nil {
				b.Fatal(err)
			}
			file, err := filepath.EvalSymlinks(filepath.Join(dir, stage))
			if err != nil {
				b.Fatal(err)
			}
			var installed, alone []time.Duration
			for b.Loop() {
				for range starts {
					installed = append(installed, help(b, filepath.Join(dir, stage)))
					alone = append(alone, help(b, filepath.Join(own, stage)))
				}
			}
			slices.Sort(installed)
			slices.Sort(alone)
			median := installed[len(installed)/2]
			out.row(stage, filepath.Base(file), millis(median), millis(installed[0]), size(info.Size()), millis(alone[len(alone)/2]), millis(alone[0]))
			b.ReportMetric(median.Seconds()*1e3, "ms/start")
			b.ReportMetric(float64(info.Size()), "size-B")
		})
	}
	b.Run("sum", func(b *testing.B) {
		sum := results.section("What the image holds", "file", "size")
		var total int64
		for range b.N {
			total = 0
			sum.rows = nil
			files, err := os.ReadDir(dir)
			if err != nil {
				b.Fatal(err)
			}
			for _, f := range files {
				info, err := f.Info()
				if err != nil {
					b.Fatal(err)
				}
				if !info.Mode().IsRegular() || slices.Contains(notShipped, f.Name()) {
					continue // a link is no bytes
				}
				total += info.Size()
				sum.row(f.Name(), size(info.Size()))
			}
			sum.row("together", size(total))
		}
		b.ReportMetric(float64(total), "size-B")
	})
}

// help is the time that a process takes from its start to its end.
func help(b *testing.B, path string) time.Duration {
	b.Helper()
	start := time.Now()
	said, err := exec.CommandContext(b.Context(), path, "--help").Output()
	took := time.Since(start)
	if err != nil || !strings.Contains(string(said), "Usage:") {
		b.Fatalf("%s --help: %v: %.200q", path, err, said)
	}
	return took
}

// ownExecutables is a directory of each stage's own, built as releases are.
func ownExecutables(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", dir, "./tasks/...")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, said)
	}
	return dir
}

func stages(b *testing.B) []string {
	b.Helper()
	mains, err := filepath.Glob(filepath.Join("..", "..", "tasks", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		b.Fatal("no tasks: ", err)
	}
	for i, m := range mains {
		mains[i] = filepath.Base(filepath.Dir(m))
	}
	return mains
}
