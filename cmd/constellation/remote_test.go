package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"

	"github.com/cosmostat/constellation/cmd/internal/cli"
	"github.com/cosmostat/constellation/internal/testing/admintest"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/flyte/remote"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/workflows"
)

// cloud is a FlyteAdmin that has the suite's workflows, named by flytectl's
// configuration file, and a configuration to launch them with.
type cloud struct {
	*admintest.Server
	config string
}

func startCloud(t *testing.T, script func() *admintest.Script) *cloud {
	t.Helper()
	s := &cloud{Server: admintest.Start(t)}
	s.Metadata = t.TempDir()
	s.OnLaunch(func(*admin.Execution) *admintest.Script { return script() })
	conn, err := connect.Open(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	bundles, err := workflows.Build(workflows.DefaultSettings(), spec.Options{Image: "example:1", Images: map[string]string{"shine": "shine:1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bundles {
		if err := (&remote.Client{Conn: conn, Project: "shear", Domain: "development"}).Register(t.Context(), b, "v1"); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "flytectl.yaml")
	text := fmt.Sprintf("admin:\n  endpoint: dns:///%s\n  insecure: true\n  authType: Pkce\ntask:\n  project: shear\n  domain: development\n", s.Address)
	s.config = filepath.Join(dir, "edfs.yaml")
	config := "field_name: EDFS\ntile_ids: [102018211]\ndata: {vis_base_uri: s3://q1/VIS/, mer_base_uri: s3://q1/MER/, catalog_base_uri: s3://q1/CAT/}\n" +
		"output: {storage_base_uri: s3://products/, catalog_warehouse: /data/warehouse}\nengine: mock\n"
	for path, text := range map[string]string{file: text, s.config: config} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(connect.EnvConfig, file)
	t.Setenv("FLYTE_PROJECT", "")
	t.Setenv("FLYTE_DOMAIN", "")
	return s
}

// shear is a recorded run of shear_pipeline on one machine, in which a file could not be read.
func shearPipeline(t *testing.T) func() *admintest.Script {
	events := admintest.ReadScript(t, filepath.Join("testdata", "shear_events.jsonl")).Events
	return func() *admintest.Script {
		out, err := literal.Marshal(workflows.ShearOut{Run: literal.Blob{URI: "/no/such/run.json", Format: "json"}, Report: literal.Blob{URI: "/no/such/report.json", Format: "json"}, Snapshot: 42})
		if err != nil {
			t.Fatal(err)
		}
		return &admintest.Script{Events: slices.Clone(events), Step: 30, Outputs: out}
	}
}

// typed runs the command as people type it.
func typed(ctx context.Context, args ...string) (string, error) {
	var out strings.Builder
	c := command()
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(args)
	err := c.ExecuteContext(ctx)
	return out.String(), err
}

var (
	elapsed  = regexp.MustCompile(`^ *[0-9.]+s  `)
	duration = regexp.MustCompile(`done +[0-9.]+s`)
)

// shownLines are the lines of the view, without times.
func shownLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if elapsed.MatchString(line) {
			lines = append(lines, duration.ReplaceAllString(elapsed.ReplaceAllString(strings.TrimSpace(line), ""), "done"))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestRunRemote: a run on a cluster looks as the same run on this machine did.
func TestRunRemote(t *testing.T) {
	s := startCloud(t, shearPipeline(t))
	var here strings.Builder
	v, err := newView(&here, "rec", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range shearPipeline(t)().Events {
		v.observe(e)
	}
	events := filepath.Join(t.TempDir(), "events.jsonl")
	out, err := typed(t.Context(), "run", "--config", s.config, "--remote", "--name", "my-run", "--tiles", "1,2", "--label", "owner=me", "--events", events)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := shownLines(here.String())
	if len(want) < 15 || !slices.ContainsFunc(want, func(l string) bool {
		return strings.Contains(l, "read-footprints[0]") && strings.Contains(l, "FITSTruncated")
	}) {
		t.Fatalf("the recording shows %q", want)
	}
	if diff := cmp.Diff(want, shownLines(out)); diff != "" {
		t.Errorf("on one machine (-), on the cluster (+):\n%s", diff)
	}
	for _, text := range []string{
		"execution shear/development/my-run\n", "/console/projects/shear/domains/development/executions/my-run\n",
		"warning: output.catalog_warehouse is /data/warehouse", "the execution succeeded; its products can't be read from here", "/no/such/run.json",
	} {
		if !strings.Contains(out, text) {
			t.Errorf("the output does not say %q:\n%s", text, out)
		}
	}
	if recorded := admintest.ReadScript(t, events).Events; !slices.ContainsFunc(recorded, func(e local.Event) bool { return e.Kind == local.Failed && e.Element == 0 }) {
		t.Error("--events lacks the failure")
	}
	launched, in := s.Launched(&core.WorkflowExecutionIdentifier{Project: "shear", Domain: "development", Name: "my-run"})
	var given workflows.LaunchIn
	if err := literal.Unmarshal(in, &given); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(given.TileIDs, []int64{1, 2}) || !strings.Contains(given.ConfigYAML, "field_name: EDFS") || given.RunID != "" || launched.GetLabels().GetValues()["owner"] != "me" {
		t.Errorf("launched with %+v, %v", given, launched.GetLabels())
	}
}

// TestDetach: Ctrl-C ends the showing, not the execution, and says how to go on.
func TestDetach(t *testing.T) {
	script := func() *admintest.Script { s := shearPipeline(t)(); s.Hold = true; return s }
	s := startCloud(t, script)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		for s.Calls("ListNodeExecutions") == 0 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	out, err := typed(ctx, "run", "--config", s.config, "--remote", "--name", "long-run")
	if fault.KindOf(err) != fault.Canceled || cli.Status(err) != 130 {
		t.Errorf("%v: status %d", err, cli.Status(err))
	}
	for _, text := range []string{"shear/development/long-run goes on", "constellation status shear/development/long-run --follow", "constellation abort shear/development/long-run"} {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in:\n%s", text, out)
		}
	}
	if s.Calls("TerminateExecution") != 0 {
		t.Error("the execution was aborted")
	}
	out, err = typed(t.Context(), "abort", "long-run", "--reason", "enough")
	if err != nil || !strings.Contains(out, "is being aborted") {
		t.Errorf("%v %s", err, out)
	}
	out, err = typed(t.Context(), "status", "long-run")
	if err != nil || !strings.Contains(out, "aborted: enough") || !strings.Contains(out, "shear_pipeline v1") {
		t.Errorf("%v %s", err, out)
	}
	out, err = typed(t.Context(), "recover", "long-run", "--name", "second", "--detach")
	if err != nil || !strings.Contains(out, "execution shear/development/second") {
		t.Errorf("%v %s", err, out)
	}
	out, err = typed(t.Context(), "run", "--config", s.config, "--remote", "--name", "third", "--run-id", "r7", "--detach")
	if err != nil || !strings.Contains(out, "Relaunch in the console takes run_id r7 along") {
		t.Errorf("%v %s", err, out)
	}
	out, err = typed(t.Context(), "status")
	if err != nil || !regexp.MustCompile(`(?s)second .*\nlong-run +aborted`).MatchString(out) {
		t.Errorf("%v %s", err, out)
	}
}

// TestLogs: what failed is told with its message and the place of its log.
func TestLogs(t *testing.T) {
	script := func() *admintest.Script {
		s := shearPipeline(t)()
		s.Step = 0
		last := &s.Events[len(s.Events)-1]
		last.Kind, last.Message = local.Failed, "BelowThreshold: completeness is 0.5, at least 1 is asked for"
		return s
	}
	s := startCloud(t, script)
	out, err := typed(t.Context(), "run", "--config", s.config, "--remote", "--name", "bad-run")
	if fault.KindOf(err) != fault.BadInput || !strings.Contains(fmt.Sprint(err), "BelowThreshold") || !strings.Contains(out, "constellation logs shear/development/bad-run") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = typed(t.Context(), "logs", "bad-run")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"validate-catalog (validate_catalog) failed", "BelowThreshold: completeness", "https://logs.example.org/validate-catalog", "[0]", "error.pb"} {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in:\n%s", text, out)
		}
	}
	if strings.Contains(out, "merge-footprints") {
		t.Errorf("what is well is told:\n%s", out)
	}
	out, err = typed(t.Context(), "logs", "bad-run", "merge-footprints")
	if err != nil || !strings.Contains(out, "https://logs.example.org/merge-footprints") || strings.Contains(out, "validate-catalog (") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRemoteUsage(t *testing.T) {
	s := startCloud(t, shearPipeline(t))
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"local flag":        {[]string{"run", "--config", s.config, "--remote", "-j", "3"}, "--parallel is for runs on this machine"},
		"remote flag":       {[]string{"run", "--config", s.config, "--detach"}, "--detach has no meaning without --remote"},
		"no such plan":      {[]string{"run", "--config", s.config, "--remote", "--plan", "shear_pipelin"}, "there is shear_pipeline"},
		"bad configuration": {[]string{"run", "--config", s.config, "--remote", "--set", "engine=magic"}, "engine must be"},
		"no such execution": {[]string{"status", "nobody"}, `has no execution "nobody"`},
		"no such file":      {[]string{"status", "--flyte-config", "/no/such.yaml"}, "/no/such.yaml"},
	} {
		if out, err := typed(t.Context(), test.args...); err == nil || !strings.Contains(err.Error(), test.want) || fault.KindOf(err) != fault.BadInput {
			t.Errorf("%s: %v does not say %q\n%s", name, err, test.want, out)
		}
	}
	if s.Calls("CreateExecution") != 0 {
		t.Error("something was launched")
	}
}
