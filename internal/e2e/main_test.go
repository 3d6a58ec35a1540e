package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/simulate"
)

func TestMain(m *testing.M) {
	status := s3test.Main(m) // in the process that is the S3 server, this serves until its test ends
	if scratch != "" {
		os.RemoveAll(scratch)
	}
	os.Exit(status)
}

// scratch is the directory of what all tests share, once it is made.
var scratch string

// shared is what all tests use and none changes.
type shared struct {
	bin    string // directory of the binaries
	survey string // a directory of the survey's files
	tiny   simulate.Survey
}

// prepared makes what is shared, once.
var prepared = sync.OnceValues(func() (*shared, error) {
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		return nil, err
	}
	scratch = dir
	s := &shared{bin: os.Getenv("CONSTELLATION_BIN"), survey: filepath.Join(dir, "survey")}
	if s.bin == "" {
		s.bin = filepath.Join(dir, "bin")
		build := exec.Command("go", "build", "-o", s.bin+"/", "./cmd/...", "./tasks/...")
		build.Dir = filepath.Join("..", "..")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build the binaries: %w\n%s", err, out)
		}
	}
	if s.tiny, err = simulate.Preset("tiny"); err != nil {
		return nil, err
	}
	out, err := exec.Command(filepath.Join(s.bin, "constellation"), "simulate", "--preset", "tiny", "--out", s.survey).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("simulate: %w\n%s", err, out)
	}
	return s, nil
})
