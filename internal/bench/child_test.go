package bench

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/bench/errand"
)

// sender builds the executable that does errands, as releases are built.
func sender(b *testing.B) func(testing.TB, errand.Errand) *errand.Account {
	b.Helper()
	path := filepath.Join(b.TempDir(), "errand")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./errand/run")
	if complaint, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, complaint)
	}
	return func(b testing.TB, e errand.Errand) *errand.Account {
		b.Helper()
		said, err := json.Marshal(e)
		if err != nil {
			b.Fatal(err)
		}
		var a errand.Account
		var complaint strings.Builder
		cmd := exec.CommandContext(b.Context(), path)
		cmd.Stdin, cmd.Stderr = strings.NewReader(string(said)), &complaint
		answer, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(answer, &a)
		}
		if err != nil {
			b.Fatalf("%v: %s", err, complaint.String())
		}
		return &a
	}
}
