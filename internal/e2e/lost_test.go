package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/admintest"
	"github.com/cosmostat/constellation/pkg/flyte/remote"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/workflows"
)

// TestReportLost: every verb that prints does what it is to do, and says in one
// line, with status 1, that a full disk or a reader that went away swallowed what
// it printed. A signal or a stack trace is never its end.
func TestReportLost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("SKIPPED: there is no /dev/full")
	}
	s.do(t, "run", "--config", "constellation.yaml", "--run-id", "r")
	s.cluster(t)
	launch := func() string {
		launched := regexp.MustCompile(`execution (\S+)`).FindStringSubmatch(s.try(t, "run", "--remote", "--detach", "--config", "constellation.yaml").stdout)
		if launched == nil {
			t.Fatal("nothing was launched")
		}
		return launched[1]
	}
	execution, ended := launch(), launch()
	s.do(t, "abort", ended)
	const c = "constellation.yaml"
	tile := "--tiles=102018211"
	digest := "@sha256:" + strings.Repeat("0", 64)
	for _, args := range [][]string{
		{"run", "-c", c, "--run-id", "N"}, {"campaign", "-c", c, "--run-id", "N", "--set", "output.catalog_table=N"}, {"prepare", "-c", c, "--run-id", "N"},
		{"tiles", "-c", c}, {"plot", "-c", c, tile, "-o", "N.svg"}, {"plot", "--run", "s3://" + productsBucket + "/r", tile, "-o", "N.png"},
		{"extract", "-c", c, "--run-id", "N"}, {"infer", "-c", c, "s3://" + productsBucket + "/r/102018211/0_0"}, {"assemble", "-c", c, "--run-id", "r"}, {"validate", "-c", c, "--run-id", "r"},
		{"clean", "-c", c}, {"clean", "-c", c, "--snapshots"}, {"clean", "-c", c, "--run-id", "r", "--pixels"},
		{"campaign", "status", "-c", c}, {"campaign", "retry", "-c", c, "102018211"},
		{"package", "-o", "N.tgz", "-p", "shear", "-d", "development", "--version", "v", "--image", "example/a" + digest, "--shine-image", "example/b" + digest},
		{"run", "--remote", "-c", c, "--detach"}, {"status"}, {"status", execution}, {"logs", execution}, {"abort", "E"}, {"recover", ended, "--detach"},
		{"config", "check", "-c", c}, {"config", "schema"}, {"version"}, {"help"}, {"run", "--help"}, {"help", "config", "check"}, {"completion", "bash"}, {"help", "campaign"},
		{"demo", "--preset", "tiny", "--dir", "N"}, {"simulate", "--preset", "tiny", "--out", "N"}, {"serve", "--help"}, {"help", "serve"},
	} {
		for _, how := range []string{"full", "gone"} {
			t.Run(how+"/"+strings.Join(args, " "), func(t *testing.T) {
				t.Parallel()
				made := args[0] + "_" + how
				given := make([]string, len(args))
				for i, a := range args {
					if given[i] = strings.ReplaceAll(a, "N", made); a == "E" {
						given[i] = launch()
					}
				}
				status, said := s.lost(t, how, "constellation", given...)
				if status != 1 || strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "constellation: ") && !strings.HasPrefix(said, "serve-s3: ") ||
					!strings.Contains(said, map[string]string{"full": "no space left on device", "gone": "broken pipe"}[how]) {
					t.Errorf("status %d, and it says: %s", status, said)
				}
				for _, a := range given {
					if f := s.path(a); a != args[len(args)-1] && (strings.HasSuffix(a, ".svg") || strings.HasSuffix(a, ".png") || strings.HasSuffix(a, ".tgz")) {
						if is, err := os.Stat(f); err != nil || is.Size() == 0 {
							t.Errorf("it did not do what it was to do: %v", err)
						}
					}
				}
			})
		}
	}
	stages, err := filepath.Glob(filepath.Join(s.bin, "*-*"))
	must(t, err)
	for _, path := range stages {
		for _, flag := range []string{"--help", "--describe"} {
			name := filepath.Base(path)
			if name == "parquet-stages" || name == "serve-s3" {
				continue
			}
			if status, said := s.lost(t, "full", name, flag); status != 1 || !strings.Contains(said, "no space left on device") || strings.Contains(said, "goroutine") {
				t.Errorf("%s %s: status %d, and it says: %s", name, flag, status, said)
			}
			if status, said := s.lost(t, "gone", name, flag); status != 1 || strings.Contains(said, "goroutine") {
				t.Errorf("%s %s, its reader gone: status %d, and it says: %s", name, flag, status, said)
			}
		}
	}
}

// lost runs a program whose standard output goes nowhere: to a full disk, or to a
// reader that went away. It returns its status, -1 for a signal, and what it said.
func (s *site) lost(t *testing.T, how, program string, args ...string) (int, string) {
	t.Helper()
	cmd := s.program(program, args...)
	var said strings.Builder
	cmd.Stderr = &said
	switch how {
	case "full":
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		must(t, err)
		defer full.Close()
		cmd.Stdout = full
	case "gone":
		reader, writer, err := os.Pipe()
		must(t, err)
		must(t, reader.Close())
		defer writer.Close()
		cmd.Stdout = writer
	}
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), smallMargin.ReplaceAllString(said.String(), "")
}

// cluster gives a site a FlyteAdmin that has the suite's workflows.
func (s *site) cluster(t *testing.T) {
	t.Helper()
	a := admintest.Start(t)
	a.Metadata = t.TempDir()
	conn, err := connect.Open(a.Config())
	must(t, err)
	defer conn.Close()
	bundles, err := workflows.Build(workflows.DefaultSettings(), spec.Options{Image: "example:1", Images: map[string]string{"shine": "shine:1"}})
	must(t, err)
	for _, b := range bundles {
		must(t, (&remote.Client{Conn: conn, Project: "shear", Domain: "development"}).Register(t.Context(), b, "v1"))
	}
	write(t, s.path("flytectl.yaml"), fmt.Sprintf("admin:\n  endpoint: dns:///%s\n  insecure: true\n  authType: Pkce\ntask:\n  project: shear\n  domain: development\n", a.Address))
	s.env = append(s.env, connect.EnvConfig+"="+s.path("flytectl.yaml"))
}

// TestHeadOfReport: `| head -1` ends a verb as it ends any program whose reader goes away.
func TestHeadOfReport(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, args := range []string{"config schema", "completion bash", "run --help", "tiles -c constellation.yaml", "run -c constellation.yaml --run-id r"} {
		cmd := exec.Command("/bin/sh", "-c", fmt.Sprintf("{ %s %s; echo $? >&3; } 3>status | head -n 1", filepath.Join(s.bin, "constellation"), args))
		cmd.Dir, cmd.Env = s.dir, s.env
		r := finish(t, cmd)
		status := strings.TrimSpace(string(read(t, s.path("status"))))
		whole := r.stderr == "" && status == "0" // head took it in before it went
		if !whole && (status != "1" || !strings.Contains(r.stderr, "broken pipe") || strings.Count(r.stderr, "\n") != 1) || strings.Count(r.stdout, "\n") != 1 {
			t.Errorf("%s: status %s, %s", args, status, r)
		}
	}
	if _, err := os.Stat(filepath.Join(s.products, "r", "run.json")); err != nil {
		t.Errorf("the run was not done to its end: %v", err)
	}
}
