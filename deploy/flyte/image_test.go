// Package flyte tests that the container image and the cluster's manifests hold
// what the specs ask for.
package flyte

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/workflows"
)

const root = "../.."

// instruction is one of a Dockerfile, its lines joined.
type instruction struct{ name, args string }

func dockerfile(t *testing.T, path string) []instruction {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAll(text, nil)
	var all []instruction
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", "")) {
		if name, args, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all = append(all, instruction{strings.ToUpper(name), strings.TrimSpace(args)})
		}
	}
	return all
}

// last returns the instructions of the final stage.
func last(all []instruction) []instruction {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].name == "FROM" {
			return all[i:]
		}
	}
	return nil
}

func args(all []instruction, name string) []string {
	var list []string
	for _, i := range all {
		if i.name == name {
			list = append(list, i.args)
		}
	}
	return list
}

// built are the executables that `make build` builds, and the links to them. The
// image holds all but the S3 server of demos.
func built(t *testing.T) []string {
	t.Helper()
	make := exec.Command("make", "-n", "build", "VERSION=v0")
	make.Dir = root
	out, err := make.Output()
	if err != nil {
		t.Fatalf("make -n build: %v", err)
	}
	var names []string
	for _, m := range regexp.MustCompile(` \./cmd/(\S+)|for s in ([^;]*); do ln `).FindAllStringSubmatch(string(out), -1) {
		names = append(names, strings.Fields(m[1]+m[2])...)
	}
	return names
}

func bundles(t *testing.T, o spec.Options) []*spec.Bundle {
	t.Helper()
	o.Image, o.Images = "one", map[string]string{"shine": "shine"}
	all, err := workflows.Build(workflows.DefaultSettings(), o)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestImageHoldsWhatSpecsCall: the paths of containers' commands, in either
// form of registration, are those of executables in the image.
func TestImageHoldsWhatSpecsCall(t *testing.T) {
	names := built(t)
	stages, err := filepath.Glob(filepath.Join(root, "tasks", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stages {
		if !slices.Contains(names, filepath.Base(s)) {
			t.Errorf("make build leaves %s out", s)
		}
	}
	called := map[string]bool{}
	loader := spec.Options{Command: func(string) ([]string, error) { return []string{"/bin/loader"}, nil }}
	for _, b := range append(bundles(t, spec.Options{}), bundles(t, loader)...) {
		for _, s := range b.Tasks {
			called[s.GetTemplate().GetContainer().GetCommand()[0]] = true
		}
	}
	for _, path := range slices.Sorted(maps.Keys(called)) {
		if dir, name := filepath.Split(path); dir != "/bin/" || !slices.Contains(names, name) {
			t.Errorf("the specs call %s, and the image holds %q in /bin", path, names)
		}
	}
	if len(called) < len(stages) {
		t.Errorf("the specs call %d executables of %d stages", len(called), len(stages))
	}
	if entry := args(last(dockerfile(t, "Dockerfile")), "ENTRYPOINT"); len(entry) != 1 || entry[0] != `["/bin/constellation"]` || !slices.Contains(names, "constellation") {
		t.Errorf("entry point %q", entry)
	}
}

// TestImages: nobody in them is root, by a number that Kubernetes can check.
func TestImages(t *testing.T) {
	for _, path := range []string{"Dockerfile", "deploy/shine/Dockerfile"} {
		user := args(last(dockerfile(t, path)), "USER")
		if len(user) != 1 || !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(user[0]) {
			t.Errorf("%s: user %q", path, user)
		}
	}
	final := last(dockerfile(t, "Dockerfile"))
	if from := args(final, "FROM"); from[0] != "scratch" {
		t.Errorf("the final stage is from %q", from)
	}
	if copied := args(final, "COPY"); len(copied) != 1 || copied[0] != "--from=build /rootfs/ /" {
		t.Errorf("it copies %q", copied)
	}
	// The SHINE image takes all of /bin, and so the loader.
	if copied := args(last(dockerfile(t, "deploy/shine/Dockerfile")), "COPY"); !slices.Contains(copied, "--from=suite /bin/ /bin/") {
		t.Errorf("the SHINE image copies %q", copied)
	}
}

// TestRootfs runs the build stage's lines that lay the file system out, here.
func TestRootfs(t *testing.T) {
	if _, err := os.Stat("/etc/ssl/certs/ca-certificates.crt"); err != nil {
		t.Skipf("SKIPPED: the image's file system is not laid out: this machine is no Debian with ca-certificates: %v", err)
	}
	dir := t.TempDir()
	fs := filepath.Join(dir, "rootfs")
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"stages", "serve-s3"} {
		if err := os.WriteFile(filepath.Join(dir, "bin", name), []byte("x"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("stages", filepath.Join(dir, "bin", "stage")); err != nil {
		t.Fatal(err)
	}
	ran := false
	for _, line := range args(dockerfile(t, "Dockerfile"), "RUN") {
		if !strings.Contains(line, "/rootfs") {
			continue
		}
		sh := exec.Command("sh", "-euc", strings.ReplaceAll(line, "/rootfs", fs))
		sh.Dir = dir
		if out, err := sh.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		ran = true
	}
	if !ran {
		t.Fatal("no line lays the file system out")
	}
	var env []string
	for _, e := range args(last(dockerfile(t, "Dockerfile")), "ENV") {
		env = append(env, strings.Fields(e)...)
	}
	for _, key := range []string{"ZONEINFO", "SSL_CERT_FILE", "HOME"} {
		i := slices.IndexFunc(env, func(e string) bool { return strings.HasPrefix(e, key+"=") })
		if i < 0 {
			t.Errorf("%s is not set", key)
			continue
		}
		if _, err := os.Stat(filepath.Join(fs, strings.TrimPrefix(env[i], key+"="))); err != nil {
			t.Errorf("%s: %v", env[i], err)
		}
	}
	if i, err := os.Stat(filepath.Join(fs, "tmp")); err != nil || i.Mode().Perm() != 0o777 || i.Mode()&os.ModeSticky == 0 {
		t.Errorf("/tmp: %v, %v", i, err)
	}
	if i, err := os.Stat(filepath.Join(fs, "bin", "stage")); err != nil || i.Mode().Perm()&0o111 == 0 {
		t.Errorf("/bin/stage: %v", err)
	}
	if to, err := os.Readlink(filepath.Join(fs, "bin", "stage")); to != "stages" {
		t.Errorf("/bin/stage is a link to %q (%v), so that the image holds the same bytes again", to, err)
	}
	if _, err := os.Lstat(filepath.Join(fs, "bin", "serve-s3")); err == nil {
		t.Error("the image holds the S3 server of demos")
	}
	user := args(last(dockerfile(t, "Dockerfile")), "USER")[0]
	if passwd, err := os.ReadFile(filepath.Join(fs, "etc", "passwd")); err != nil || !strings.Contains(string(passwd), ":x:"+user+":") {
		t.Errorf("/etc/passwd %q has no %s: %v", passwd, user, err)
	}
}

// TestPodTemplates: each one that a task asks for is here, and fits how
// propeller merges it: a container called primary, nothing beside it.
func TestPodTemplates(t *testing.T) {
	type container struct{ Name, Image string }
	type manifest struct {
		Kind     string
		Metadata struct{ Name string }
		Template struct {
			Spec struct {
				Containers     []container
				InitContainers []container `yaml:"initContainers"`
				Grace          int         `yaml:"terminationGracePeriodSeconds"`
			}
		}
	}
	files, err := filepath.Glob("podtemplate-*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var names []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var m manifest
		if err := yaml.Unmarshal(text, &m); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		names = append(names, m.Metadata.Name)
		s := m.Template.Spec
		if m.Kind != "PodTemplate" || len(s.Containers) != 1 || s.Containers[0].Name != "primary" || s.Containers[0].Image == "" || len(s.InitContainers) > 0 || s.Grace < 30 {
			t.Errorf("%s: %+v", f, m)
		}
	}
	for _, b := range bundles(t, spec.Options{}) {
		for _, s := range b.Tasks {
			if name := s.GetTemplate().GetMetadata().GetPodTemplateName(); name != "" && !slices.Contains(names, name) {
				t.Errorf("%s asks for PodTemplate %s, which is not among %q", s.GetTemplate().GetId().GetName(), name, names)
			}
		}
	}
}
