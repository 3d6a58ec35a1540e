package task_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/s3test"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
)

// binaries is the directory of the example stages, which the first test that
// runs one builds as they ship.
var binaries string

var build = sync.OnceValue(func() error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binaries+"/",
		"./testdata/count-words", "./testdata/fan-pages", "./testdata/several")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the example stages: %w\n%s", err, out)
	}
	return nil
})

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	var err error
	if binaries, err = os.MkdirTemp("", "stages-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(binaries)
	return s3test.Main(m)
}

// stage is one attempt of an example executable, run as Flyte runs it.
type stage struct {
	program, prefix string
	inputs          any      // marshalled to inputs.pb, unless raw is given
	hand            bool     // outside of an execution
	raw             []byte   // of inputs.pb
	args, env       []string // added
}

// ended is what an attempt left.
type ended struct {
	code   int
	log    string // and what it printed
	stdout string
	store  objstore.Store
	prefix string
}

func (s stage) run(t *testing.T) ended {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	store := objstore.Open(ctx, objstore.Config{})
	raw := s.raw
	if raw == nil {
		m, err := literal.Marshal(s.inputs)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = proto.Marshal(m); err != nil {
			t.Fatal(err)
		}
	}
	inputs := objstore.Join(s.prefix, "count/data/inputs.pb")
	if _, err := objstore.WriteFile(ctx, store, inputs, raw); err != nil {
		t.Fatal(err)
	}
	e := ended{store: store, prefix: objstore.Join(s.prefix, "count/data/1")}
	var log, stdout bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(binaries, s.program), append([]string{
		"--inputs", inputs,
		"--output-prefix", e.prefix,
		"--raw-output-prefix", objstore.Join(s.prefix, "raw/ab"),
		"--checkpoint-prefix", objstore.Join(s.prefix, "raw/ab/_flytecheckpoints"),
		"--prev-checkpoint-prefix", `""`,
	}, s.args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &log
	cmd.Env = os.Environ()
	if !s.hand {
		cmd.Env = append(cmd.Env, "FLYTE_INTERNAL_EXECUTION_ID=ex1")
	}
	cmd.Env = append(cmd.Env, "FLYTE_INTERNAL_TASK_PROJECT=proj", "FLYTE_INTERNAL_TASK_DOMAIN=dom",
		"FLYTE_INTERNAL_TASK_NAME=count_words", "FLYTE_INTERNAL_TASK_VERSION=v9", "FLYTE_ATTEMPT_NUMBER=1")
	cmd.Env = append(cmd.Env, s.env...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	e.code, e.log, e.stdout = cmd.ProcessState.ExitCode(), log.String()+stdout.String(), stdout.String()
	return e
}

// has tells whether the attempt wrote a file.
func (e ended) has(name string) bool {
	_, err := e.store.Stat(context.Background(), objstore.Join(e.prefix, name))
	return err == nil
}

func (e ended) read(t *testing.T, name string, into proto.Message) {
	t.Helper()
	raw, err := objstore.ReadFile(t.Context(), e.store, objstore.Join(e.prefix, name))
	if err != nil {
		t.Fatalf("%v\n%s", err, e.log)
	}
	if err := proto.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// failure reads error.pb and holds the attempt to the rest of the contract: it
// exits with 0, or the engine does not look, and has no outputs.
func (e ended) failure(t *testing.T) *core.ContainerError {
	t.Helper()
	doc := &core.ErrorDocument{}
	e.read(t, "error.pb", doc)
	if e.code != 0 || e.has("outputs.pb") || e.has("futures.pb") {
		t.Errorf("exit %d, outputs %v, futures %v", e.code, e.has("outputs.pb"), e.has("futures.pb"))
	}
	return doc.GetError()
}

// onBoth runs a test with prefixes on disk and on an S3 server.
func onBoth(t *testing.T, test func(t *testing.T, prefix string)) {
	t.Run("disk", func(t *testing.T) { test(t, t.TempDir()) })
	t.Run("S3", func(t *testing.T) {
		server := s3test.Start(t)
		server.Bucket(t, "flyte")
		server.Setenv(t)
		test(t, "s3://flyte/metadata")
	})
}
