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

// BenchmarkExecutables starts each stage's executable so many times to have it
// say how it is used, which takes all of its start-up and nothing else.
func BenchmarkExecutables(b *testing.B) {
	const starts = 20
	dir := executables(b)
	out := results.section(fmt.Sprintf("Task executables: %d starts of each", starts), "stage", "size", "start-up, median", "fastest")
	for _, stage := range stages(b) {
		b.Run(stage, func(b *testing.B) {
			path := filepath.Join(dir, stage)
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			var took []time.Duration
			for b.Loop() {
				for range starts {
					took = append(took, help(b, path))
				}
			}
			slices.Sort(took)
			median := took[len(took)/2]
			out.row(stage, size(info.Size()), millis(median), millis(took[0]))
			b.ReportMetric(median.Seconds()*1e3, "ms/start")
			b.ReportMetric(float64(info.Size()), "size-B")
		})
	}
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

// executables is the directory that they are in. They are built as releases
// are where nobody has done so.
func executables(b *testing.B) string {
	b.Helper()
	if dir := os.Getenv(binEnv); dir != "" {
		return dir
	}
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
