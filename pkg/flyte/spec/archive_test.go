package spec_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/core"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The goldens are the protos of the example workflow, readable. A change of
// them is a change of what is registered.
func TestGolden(t *testing.T) {
	dir := filepath.Join("testdata", "golden")
	files := spec.Golden(build(t))
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		want, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), files[e.Name()]); d != "" {
			t.Errorf("%s (go test -update writes it anew):\n%s", e.Name(), d)
		}
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(files)), names); d != "" {
		t.Errorf("files: %s", d)
	}
}

// Golden text is text of the proto: nothing is lost by the canonical form.
func TestGoldenParses(t *testing.T) {
	b := build(t)
	w := &admin.WorkflowSpec{}
	if err := prototext.Unmarshal([]byte(spec.Golden(b)["workflow_count_text.textproto"]), w); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b.Workflow, w, protocmp.Transform()); d != "" {
		t.Error(d)
	}
}

func TestArchive(t *testing.T) {
	b := build(t)
	var first, second bytes.Buffer
	for _, w := range []*bytes.Buffer{&first, &second} {
		if err := spec.WriteArchive(w, b, build(t)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same bundles give other bytes")
	}
	z, err := gzip.NewReader(&first)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		var m proto.Message
		switch {
		case strings.HasSuffix(h.Name, "_1.pb"):
			m = &admin.TaskSpec{}
		case strings.HasSuffix(h.Name, "_2.pb"):
			m = &admin.WorkflowSpec{}
		case strings.HasSuffix(h.Name, "_3.pb"):
			m = &admin.LaunchPlan{}
		}
		if err := proto.Unmarshal(raw, m); err != nil {
			t.Errorf("%s: %v", h.Name, err)
		}
		names = append(names, h.Name)
	}
	want := []string{
		"0_count_words_1.pb", "0_count_words_cpu_1.pb", "0_count_words_cpu_map_1.pb", "0_count_words_map_1.pb", "0_fan_pages_1.pb",
		"0_lines_1.pb", "0_split_1.pb", "0_sum_1.pb", "1_count_text_2.pb", "2_count_text_3.pb",
	}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}

	other := build(t)
	for _, s := range other.Tasks {
		if s.GetTemplate().GetId().GetName() == "fan_pages" {
			s.Template.Custom = nil
		}
	}
	if err := spec.WriteArchive(io.Discard, b, other); err == nil || !strings.Contains(err.Error(), "0_fan_pages_1.pb differs between workflows") {
		t.Errorf("two tasks of one name: %v", err)
	}
}

// What stands where, in the words of FACTS about the engine.
func TestProtos(t *testing.T) {
	b := build(t)
	nodes := map[string]*core.Node{}
	for _, n := range b.Workflow.GetTemplate().GetNodes() {
		nodes[n.GetId()] = n
	}
	whole := nodes["whole"]
	a := whole.GetArrayNode()
	if a.GetParallelism() != 3 || a.GetMinSuccessRatio() != 0.5 || !slices.Equal(a.GetBoundInputs(), []string{"skip"}) {
		t.Errorf("array node: %v", a)
	}
	if whole.GetMetadata().GetTimeout() != nil || a.GetNode().GetMetadata().GetTimeout().GetSeconds() != 600 {
		t.Error("the time-out belongs to the element, not to the map")
	}
	if a.GetNode().GetTaskNode().GetReferenceId().GetName() != "count_words_cpu_map" || a.GetNode().GetId() != "whole-element" {
		t.Errorf("element: %v", a.GetNode())
	}
	if whole.GetMetadata().GetInterruptible() {
		t.Error("the variant is not interruptible")
	}
	if got := nodes["one-page"]; !slices.Equal(got.GetUpstreamNodeIds(), []string{"sum"}) || got.GetWorkflowNode().GetSubWorkflowRef().GetName() != "one_page" {
		t.Errorf("sub-workflow node: %v", got)
	}
	if b.Workflow.GetTemplate().GetMetadata().GetOnFailure() != core.WorkflowMetadata_FAIL_AFTER_EXECUTABLE_NODES_COMPLETE {
		t.Error("the failure policy is not there")
	}
	for _, s := range b.Tasks {
		c, err := task.ReadClosure(s.GetTemplate().GetCustom())
		if dynamic := s.GetTemplate().GetId().GetName() == "fan_pages"; (err == nil) != dynamic {
			t.Errorf("%s: closure %v", s.GetTemplate().GetId().GetName(), err)
		} else if dynamic {
			var names []string
			for _, s := range c.Job.GetTasks() {
				names = append(names, s.GetId().GetName())
			}
			if d := cmp.Diff([]string{"count_words_cpu_map", "count_words_map", "lines"}, names); d != "" {
				t.Errorf("the closure holds what it needs and no more: %s", d)
			}
		}
	}
	gpu := b.Tasks[0].GetTemplate()
	if gpu.GetExtendedResources().GetGpuAccelerator().GetDevice() != "nvidia-l4" || gpu.GetMetadata().GetPodTemplateName() != "pool" ||
		!gpu.GetMetadata().GetDiscoverable() || gpu.GetMetadata().GetCacheIgnoreInputVars()[0] != "mode" || !gpu.GetMetadata().GetGeneratesDeck().GetValue() {
		t.Errorf("got %v", gpu)
	}
}
