package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"google.golang.org/protobuf/proto"
)

const (
	imageOne = "registry.example/one@sha256:0000000000000000000000000000000000000000000000000000000000000001"
	imageTwo = "registry.example/two@sha256:0000000000000000000000000000000000000000000000000000000000000002"
)

// pack runs the verb and returns what it printed.
func pack(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	c := packageCommand()
	var out, warn bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&warn)
	c.SetArgs(args)
	c.SilenceUsage, c.SilenceErrors = true, true
	err = c.ExecuteContext(t.Context())
	return out.String(), warn.String(), err
}

// unpack reads the messages of an archive by the names of their files.
func unpack(t *testing.T, path string) map[string]proto.Message {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]proto.Message{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		var m proto.Message = &admin.TaskSpec{}
		if strings.HasSuffix(h.Name, "_2.pb") {
			m = &admin.WorkflowSpec{}
		} else if strings.HasSuffix(h.Name, "_3.pb") {
			m = &admin.LaunchPlan{}
		}
		if err := proto.Unmarshal(raw, m); err != nil {
			t.Fatal(err)
		}
		all[h.Name] = m
	}
}

// What stands beside the archive holds what flytectl is told to do with it.
func TestPackage(t *testing.T) {
	dir := t.TempDir()
	out, warn, err := pack(t, "--image", imageOne, "--shine-image", imageTwo, "-o", filepath.Join(dir, "x y.tgz"), "-p", "shear", "--version", "v1",
		"--service-account", "runner", "--label", "team=shear", "--notify-email", "a@b.c", "--notify-on", "failed", "--cluster-label", "gpu",
		"--source", "https://example.org/tree/1/", "--max-parallelism", "9", "--interruptible=false")
	if err != nil || warn != "" {
		t.Fatalf("%v, %s", err, warn)
	}
	script, err := os.ReadFile(filepath.Join(dir, "x y.register.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out, string(script)) {
		t.Errorf("it prints\n%s\nand not\n%s", out, script)
	}
	for _, line := range []string{"-p shear -d development --version v1\n", "flytectl update task-resource-attribute", "flytectl update workflow-execution-config", "flytectl update execution-cluster-label"} {
		if !bytes.Contains(script, []byte(line)) {
			t.Errorf("no %q in\n%s", line, script)
		}
	}
	roles := map[string]bool{}
	for name, m := range unpack(t, filepath.Join(dir, "x y.tgz")) {
		switch m := m.(type) {
		case *admin.TaskSpec:
			roles[m.GetTemplate().GetContainer().GetImage()] = true
			if m.GetDescription().GetSourceCode().GetLink() != "https://example.org/tree/1/pkg/pipeline" {
				t.Errorf("%s: %v", name, m.GetDescription())
			}
		case *admin.LaunchPlan:
			s := m.GetSpec()
			if n := s.GetEntityMetadata().GetNotifications(); len(n) != 1 || n[0].GetPhases()[0] != core.WorkflowExecution_FAILED ||
				s.GetMaxParallelism() != 9 || s.GetInterruptible() == nil || s.GetInterruptible().GetValue() || s.GetSecurityContext().GetRunAs().GetK8SServiceAccount() != "runner" {
				t.Errorf("%s: %v", name, s)
			}
		}
	}
	if len(roles) != 2 || !roles[imageOne] || !roles[imageTwo] {
		t.Errorf("images %v", roles)
	}
}

// program writes the smallest file that is a static program for Linux.
func program(t *testing.T, path, content string) string {
	t.Helper()
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	header[16], header[18], header[20] = 2, 62, 1 // an executable, for x86-64, version 1
	header[52], header[54], header[58] = 64, 56, 64
	data := append(header, content...)
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// TestFast: executables go once, by their checksums; other code is another
// version, and the same code the same one.
func TestFast(t *testing.T) {
	dir := t.TempDir()
	bin, code := filepath.Join(dir, "bin"), filepath.Join(dir, "code")
	stages, err := filepath.Glob("../../tasks/*")
	if err != nil || len(stages) == 0 || os.Mkdir(bin, 0o755) != nil {
		t.Fatalf("%v, %d stages", err, len(stages))
	}
	sums := map[string]string{}
	for _, s := range stages {
		sums[filepath.Base(s)] = program(t, filepath.Join(bin, filepath.Base(s)), filepath.Base(s))
	}
	fast := func() (version, said string) {
		t.Helper()
		out, warn, err := pack(t, "--image", imageOne, "--shine-image", imageTwo, "-o", filepath.Join(dir, "a.tgz"), "-p", "shear", "--fast", code, "--bin", bin)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(out, "--version ")
		version, _, _ = strings.Cut(rest, "\n")
		return version, warn
	}
	first, said := fast()
	uploaded := fmt.Sprintf("%d executables uploaded", len(sums))
	if !strings.HasPrefix(first, "fast-") || !strings.Contains(said, uploaded) {
		t.Errorf("version %q; %s", first, said)
	}
	for name, m := range unpack(t, filepath.Join(dir, "a.tgz")) {
		s, ok := m.(*admin.TaskSpec)
		if !ok {
			continue
		}
		c := s.GetTemplate().GetContainer().GetCommand()
		if len(c) != 4 || c[0] != "/bin/loader" || c[2] != "sha256:"+sums[c[3]] || c[1] != filepath.Join(code, sums[c[3]]) {
			t.Fatalf("%s: command %q", name, c)
		}
		if data, err := os.ReadFile(c[1]); err != nil || fmt.Sprintf("%x", sha256.Sum256(data)) != sums[c[3]] {
			t.Errorf("%s: %s holds something else: %v", name, c[1], err)
		}
	}
	if again, said := fast(); again != first || !strings.Contains(said, "0 executables uploaded") {
		t.Errorf("the same code is version %q, then %q; %s", first, again, said)
	}
	program(t, filepath.Join(bin, "resolve-config"), "mended")
	if other, said := fast(); other == first || !strings.Contains(said, ": 1 executables uploaded") {
		t.Errorf("other code is version %q too; %s", other, said)
	}
	for content, want := range map[string]string{"#!/bin/sh\n": "not a program for Linux", "": "not a program for Linux"} {
		if err := os.WriteFile(filepath.Join(bin, "resolve-config"), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, _, err := pack(t, "--image", imageOne, "--shine-image", imageTwo, "-o", filepath.Join(dir, "b.tgz"), "--fast", code, "--bin", bin); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestPackageRefusals(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--image", "Registry/UP", "--shine-image", imageTwo}, "--image: "},
		{[]string{"--image", "one:v1", "--shine-image", imageTwo, "--require-digest"}, "the tag of one:v1 can be moved"},
		{[]string{"--image", imageOne, "--shine-image", imageTwo, "-p", "Shear"}, "project: "},
		{[]string{"--image", imageOne, "--shine-image", imageTwo, "--version", "a b"}, "version: "},
		{[]string{"--image", imageOne, "--shine-image", imageTwo, "--notify-on", "running"}, "--notify-on"},
		{[]string{"--image", imageOne, "--shine-image", imageTwo, "--schedule", "shear_pipeline=6h"}, "nobody to give config_yaml"},
		{[]string{"--image", imageOne, "--shine-image", imageTwo, "--schedule", "nothing=6h"}, `no launch plan "nothing"`},
		{[]string{"--image", imageOne, "--shine-image", imageTwo, "--schedule", "shear_pipeline=often"}, "five fields"},
		{[]string{"--image", imageOne, "--shine-image", imageTwo, "--raw-output-prefix", "here"}, "raw output prefix"},
	} {
		out := filepath.Join(t.TempDir(), "a.tgz")
		if _, _, err := pack(t, append(tt.args, "-o", out)...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.args, err)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%q left an archive", tt.args)
		}
	}
	if _, warn, err := pack(t, "--image", "one:v1", "--shine-image", imageTwo, "-o", filepath.Join(t.TempDir(), "a.tgz")); err != nil || !strings.Contains(warn, "warning: --image: the tag of one:v1") {
		t.Errorf("a tag: %v, %q", err, warn)
	}
}
