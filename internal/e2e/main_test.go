package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cosmostat/constellation/pkg/objstore/s3test"
	"github.com/cosmostat/constellation/pkg/simulate"
)

// What all tests share, and none may change: the binaries, and a survey's
// files, which each test links into buckets of its own.
var shared struct {
	bin    string
	survey string
	tiny   simulate.Survey
}

func TestMain(m *testing.M) { os.Exit(s3test.Main(suite{m})) }

// suite prepares what the tests share before they run. The S3 server, which is
// this binary again, doesn't come here.
type suite struct{ tests *testing.M }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = prepareShared(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare the end-to-end tests:", err)
		return 1
	}
	return s.tests.Run()
}
