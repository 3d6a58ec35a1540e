package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/catalogtest"
)

// TestDatabaseByEnvironment: what libpq's variables say of the catalogue reaches
// the tasks, as it reached the check at the start.
func TestDatabaseByEnvironment(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(catalogtest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	s.env = append(s.env, "PGPORT="+u.Port(), "PGSSLMODE=disable", "PGUSER=postgres", "PGDATABASE=postgres")
	r := s.try(t, "run", "--config", "constellation.yaml", "--run-id", "db", "--metadata", "m", "--set", "output.catalog_uri=postgres://127.0.0.1")
	if r.status != 0 || !strings.Contains(r.stdout, "verdict") {
		t.Error(r)
	}
}

// TestEndings: each ending has its exit status, and a report that is lost is said.
func TestEndings(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const c, secret = "constellation.yaml", "hunter2"
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("SKIPPED: there is no /dev/full")
	}
	defer full.Close()
	for name, e := range map[string]struct {
		args   []string
		full   bool
		status int
		says   string
	}{
		"valid":                      {[]string{"config", "check", "-c", c}, false, 0, ""},
		"a full disk":                {[]string{"config", "check", "-c", c}, true, 1, "no space left on device"},
		"a full disk for a schema":   {[]string{"config", "schema"}, true, 1, "no space left on device"},
		"a full disk for a version":  {[]string{"version"}, true, 1, "not all of its report could be written"},
		"a full disk for tiles":      {[]string{"tiles", "-c", c}, true, 1, "no space left on device"},
		"a full disk for a dry run":  {[]string{"clean", "-c", c}, true, 1, "not all of its report could be written"},
		"a run of a reserved name":   {[]string{"run", "-c", c, "--run-id", "logs"}, false, 2, "choose another name"},
		"preparation of that name":   {[]string{"prepare", "-c", c, "--run-id", "Logs"}, false, 2, "choose another name"},
		"pixels of no run":           {[]string{"clean", "-c", c, "--pixels"}, false, 2, "--pixels needs --run-id"},
		"a password":                 {[]string{"run", "-c", c, "--set", "output.catalog_uri=postgres://me:" + secret + "@db/x"}, false, 1, "PGPASSWORD"},
		"a password, checked":        {[]string{"config", "check", "-c", c, "--set", "data.s3_endpoint_url=http://me:" + secret + "@h"}, false, 1, "AWS_SECRET_ACCESS_KEY"},
		"no such file":               {[]string{"run", "-c", "none.yaml"}, false, 1, "none.yaml"},
		"an unknown engine":          {[]string{"run", "-c", c, "--set", "engine=shin"}, false, 1, "engine must be"},
		"a verb that is none":        {[]string{"rnu"}, false, 2, "there is no verb"},
		"validation of no run":       {[]string{"validate", "-c", c, "--run-id", "none"}, false, 1, "none"},
		"assembly of no run":         {[]string{"assemble", "-c", c, "--run-id", "none"}, false, 1, "none"},
		"inference of no directory":  {[]string{"infer", "-c", c, "none"}, false, 1, "none"},
		"a release of nobody":        {[]string{"campaign", "release", "-c", c, "nobody"}, false, 1, "nobody"},
		"a tile that is no number":   {[]string{"campaign", "retry", "-c", c, "x"}, false, 2, "no tile id"},
		"logs of a run without them": {[]string{"logs", "none", "--flyte-config", "none.yaml"}, false, 1, "none.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := s.command(e.args...)
			var r result
			if e.full {
				var said strings.Builder
				cmd.Stdout, cmd.Stderr = full, &said
				_ = cmd.Run() // the status tells
				r = result{cmd.ProcessState.ExitCode(), "", said.String()}
			} else {
				r = finish(t, cmd)
			}
			if r.status != e.status || !strings.Contains(r.stderr, e.says) || strings.Contains(r.stderr+r.stdout, secret) {
				t.Errorf("want %d and %q: %s", e.status, e.says, r)
			}
		})
	}
	if left, _ := filepath.Glob(s.path("tmp", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
