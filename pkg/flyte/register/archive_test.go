package register

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/workflows"
)

// The suite's own workflows are what is registered here.
func bundles(t *testing.T) []*spec.Bundle {
	t.Helper()
	all, err := workflows.Build(workflows.DefaultSettings(), spec.Options{Image: "one", Images: map[string]string{"shine": "two"}})
	if err == nil {
		all, err = spec.InOrder(all...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFiles: what stands beside the archive holds what flytectl is told to do with it.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	a := Archive{
		Bundles: bundles(t), Target: Target{"shear", "development", "v1"}, ClusterLabel: "gpu",
		Plan: spec.PlanSettings{ServiceAccount: "runner", MaxParallelism: 9, Labels: map[string]string{"team": "shear"}},
	}
	files, err := a.Files(filepath.Join(dir, "x y.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(f.Name, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	script := files[len(files)-1]
	if said, err := exec.Command("sh", "-n", script.Name).CombinedOutput(); err != nil {
		t.Errorf("no shell script: %v %s", err, said)
	}
	for _, line := range []string{
		"flytectl register files '" + dir + "/x y.tgz' --archive -p shear -d development --version v1\n",
		"flytectl update task-resource-attribute --attrFile '" + dir + "/x y.task-resources.yaml' --force\n",
		"flytectl update workflow-execution-config --attrFile",
		"flytectl update execution-cluster-label --attrFile",
	} {
		if !bytes.Contains(script.Data, []byte(line)) {
			t.Errorf("no %q in\n%s", line, script.Data)
		}
	}
	var limits struct {
		Project, Domain  string
		Defaults, Limits map[string]string
	}
	var config struct {
		Project, Domain string
		Parallelism     int `yaml:"max_parallelism"`
		Labels          struct{ Values map[string]string }
		Security        struct {
			RunAs map[string]string `yaml:"run_as"`
		} `yaml:"security_context"`
	}
	for suffix, into := range map[string]any{"task-resources": &limits, "execution-config": &config} {
		text, err := os.ReadFile(filepath.Join(dir, "x y."+suffix+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalWithOptions(text, into, yaml.Strict()); err != nil {
			t.Errorf("%s: %v", suffix, err)
		}
	}
	if config.Project != "shear" || config.Domain != "development" || config.Parallelism != 9 || config.Labels.Values["team"] != "shear" || config.Security.RunAs["k8s_service_account"] != "runner" {
		t.Errorf("execution config: %+v", config)
	}
	// The limits let every task register, as FlyteAdmin compares.
	for _, b := range a.Bundles {
		for _, task := range b.Tasks {
			for _, r := range task.GetTemplate().GetContainer().GetResources().GetLimits() {
				asked, err := quantity(r.GetValue())
				if err != nil {
					t.Fatal(err)
				}
				if allowed, err := quantity(limits.Limits[strings.ToLower(r.GetName().String())]); err != nil || asked.Cmp(allowed) > 0 {
					t.Errorf("%s asks for %s of %v, and may have %v", task.GetTemplate().GetId().GetName(), r.GetValue(), r.GetName(), limits.Limits)
				}
			}
		}
	}
}

// Without a version the content is one; without a project there is nothing that
// belongs to a project.
func TestNameless(t *testing.T) {
	version := func(a Archive) string {
		files, err := a.Files("a.tgz")
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 2 {
			t.Errorf("%d files", len(files))
		}
		_, rest, _ := bytes.Cut(files[1].Data, []byte("-p PROJECT -d development --version "))
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		return string(line)
	}
	all := Archive{Bundles: bundles(t), Target: Target{Domain: "development"}}
	one, again := version(all), version(all)
	all.Bundles = all.Bundles[:1]
	if other := version(all); !strings.HasPrefix(one, "fast-") || one != again || one == other {
		t.Errorf("versions %q, %q, of other content %q", one, again, other)
	}
}
