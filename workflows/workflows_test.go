package workflows_test

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler"
	"github.com/flyteorg/flyte/flytepropeller/pkg/compiler/common"
	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/flyte/local"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/workflows"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func build(t *testing.T) []*spec.Bundle {
	t.Helper()
	bundles, err := workflows.Build(workflows.DefaultSettings(), spec.Options{
		Image: "example/constellation:v1", Images: map[string]string{"shine": "example/shine:v1"},
		Accelerator: "nvidia-l4", MaxParallelism: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	return bundles
}

// TestGolden holds the code to the rendering of every spec that is committed,
// so that a change of a contract is seen in review.
func TestGolden(t *testing.T) {
	got := map[string]string{}
	for _, b := range build(t) {
		maps.Copy(got, spec.Golden(b))
	}
	dir := filepath.Join("testdata", "golden")
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for name, text := range got {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		want[e.Name()] = string(text)
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if diff := cmp.Diff(want[name], got[name]); diff != "" {
			t.Errorf("%s differs from the committed one (make golden rewrites it):\n%s", name, diff)
		}
	}
	for name := range want {
		if got[name] == "" {
			t.Errorf("%s is committed, and no spec renders to it", name)
		}
	}
}

// compile checks a workflow as FlyteAdmin does when it is registered.
func compile(t *testing.T, b *local.Bundle) {
	t.Helper()
	var tasks []*core.CompiledTask
	for _, template := range b.Tasks {
		compiled, err := compiler.CompileTask(template)
		if err != nil {
			t.Fatalf("task %s: %v", template.GetId().GetName(), err)
		}
		tasks = append(tasks, compiled)
	}
	if _, err := compiler.CompileWorkflow(b.Workflow, b.SubWorkflows, tasks, []common.InterfaceProvider{}); err != nil {
		t.Fatalf("workflow %s: %v", b.Workflow.GetId().GetName(), err)
	}
}

func registered(b *spec.Bundle) *local.Bundle {
	l := &local.Bundle{Workflow: b.Workflow.GetTemplate(), SubWorkflows: b.Workflow.GetSubWorkflows(), Plans: b.Plans}
	for _, s := range b.Tasks {
		l.Tasks = append(l.Tasks, s.GetTemplate())
	}
	return l
}

// TestCompile: what the engine's own compiler refuses, this refuses.
func TestCompile(t *testing.T) {
	for _, b := range build(t) {
		t.Run(b.Workflow.GetTemplate().GetId().GetName(), func(t *testing.T) {
			l := local.Register(registered(b), "project", "development", "v1")
			compile(t, l)
			for _, template := range l.Tasks {
				if template.GetCustom() == nil {
					continue
				}
				c, err := task.ReadClosure(template.GetCustom())
				if err != nil {
					t.Fatal(err)
				}
				for _, sub := range c.Job.GetSubworkflows() { // as the branches of a dynamic task run
					compile(t, local.Register(&local.Bundle{Workflow: sub, Tasks: c.Job.GetTasks()}, "project", "development", "v1"))
				}
			}
		})
	}
}

// TestLaunchPlans: every workflow has a plan of its own name, and the launch
// inputs that people know are in it.
func TestLaunchPlans(t *testing.T) {
	for _, b := range build(t) {
		name := b.Workflow.GetTemplate().GetId().GetName()
		if len(b.Plans) != 1 || b.Plans[0].GetId().GetName() != name {
			t.Fatalf("%s: plans %v", name, b.Plans)
		}
		if strings.HasSuffix(name, "_batch") {
			continue // launched by the others, with everything
		}
		if name == "catalog_upkeep" { // which computes nothing
			if p := b.Plans[0].GetSpec().GetDefaultInputs().GetParameters(); len(p) != 1 || !p["config_yaml"].GetRequired() {
				t.Errorf("%s: launch inputs %v", name, p)
			}
			continue
		}
		inputs := b.Plans[0].GetSpec().GetDefaultInputs().GetParameters()
		for _, input := range []string{"config_yaml", "tile_ids", "storage_base_uri", "sub_tile_grid", "run_id"} {
			p := inputs[input]
			if p == nil {
				t.Errorf("%s: no launch input %s", name, input)
				continue
			}
			if input == "config_yaml" != p.GetRequired() {
				t.Errorf("%s: %s required is %v", name, input, p.GetRequired())
			}
		}
	}
}

// TestGPU: the GPU is asked for by the template that needs it, and by no other.
func TestGPU(t *testing.T) {
	found := false
	for _, b := range build(t) {
		for _, s := range b.Tasks {
			c, err := task.ReadClosure(s.GetTemplate().GetCustom())
			if err != nil {
				continue
			}
			for _, template := range c.Job.GetTasks() {
				name := template.GetId().GetName()
				gpu := slices.ContainsFunc(template.GetContainer().GetResources().GetLimits(), func(r *core.Resources_ResourceEntry) bool {
					return r.GetName() == core.Resources_GPU && r.GetValue() == "1"
				})
				want := name == "infer_subtile_map"
				found = found || want
				if gpu != want || (template.GetExtendedResources().GetGpuAccelerator().GetDevice() == "nvidia-l4") != want {
					t.Errorf("%s: GPU %v, accelerator %v", name, gpu, template.GetExtendedResources())
				}
				if strings.HasPrefix(name, "infer_subtile") && template.GetMetadata().GetRetries().GetRetries() != 2 {
					t.Errorf("%s: %d retries", name, template.GetMetadata().GetRetries().GetRetries())
				}
			}
		}
	}
	if !found {
		t.Error("no template asks for a GPU")
	}
}

// TestConfigured: with a configuration nobody has to give one, and the campaign
// and upkeep have their schedules; without one no plan has a schedule.
func TestConfigured(t *testing.T) {
	s := workflows.DefaultSettings()
	for _, text := range []string{"", "field_name: EDFS\n"} {
		s.ConfigYAML = text
		bundles, err := workflows.Build(s, spec.Options{Image: "i", Images: map[string]string{"shine": "s"}})
		if err != nil {
			t.Fatal(err)
		}
		cron, rate := 0, 0
		for _, b := range bundles {
			for _, p := range b.Plans {
				given := p.GetSpec().GetDefaultInputs().GetParameters()["config_yaml"]
				if given != nil && given.GetDefault().GetScalar().GetPrimitive().GetStringValue() != text {
					t.Errorf("%s: config_yaml is %v", p.GetId().GetName(), given)
				}
				schedule := p.GetSpec().GetEntityMetadata().GetSchedule()
				if schedule.GetCronSchedule().GetSchedule() != "" {
					cron++
				}
				if schedule.GetRate().GetValue() > 0 {
					rate++
				}
			}
		}
		if want := len(text) / max(1, len(text)); cron != 2*want || rate != want {
			t.Errorf("configuration %q: %d cron plans and %d with a rate", text, cron, rate)
		}
	}
}

func TestArchiveIsDeterministic(t *testing.T) {
	var a, b bytes.Buffer
	if err := spec.WriteArchive(&a, build(t)...); err != nil {
		t.Fatal(err)
	}
	if err := spec.WriteArchive(&b, build(t)...); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two archives of the same specs differ")
	}
}
