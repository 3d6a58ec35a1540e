package task_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
	"github.com/cosmostat/constellation/pkg/objstore"
)

type none struct{}

type bad struct {
	ID uint64 `flyte:"id"`
}

type maybe struct {
	N *int64 `flyte:"n"`
}

// panicOf returns what a declaration panics with.
func panicOf(declare func()) (message string) {
	defer func() { message = fmt.Sprint(recover()) }()
	declare()
	return ""
}

func TestBadDeclarations(t *testing.T) {
	d := func(change func(*task.Declaration)) func() {
		d := task.Declaration{Name: "stage", Doc: "Does it."}
		change(&d)
		return func() { task.Define[example.LinesIn, example.LinesOut](d) }
	}
	tests := []struct {
		name    string
		declare func()
		want    string
	}{
		{"input type", func() { task.Define[bad, none](task.Declaration{Name: "stage", Doc: "x"}) }, "task stage: inputs: task_test.bad.ID: uint64 has no Flyte literal"},
		{"output type", func() { task.Define[none, int](task.Declaration{Name: "stage", Doc: "x"}) }, "outputs: int does not declare variables"},
		{"name", d(func(d *task.Declaration) { d.Name = "my-stage" }), `Name "my-stage" is not snake_case`},
		{"map name", d(func(d *task.Declaration) { d.Name = "a_map" }), "marks mapped templates"},
		{"doc", d(func(d *task.Declaration) { d.Doc = "" }), "Doc is empty"},
		{"retries", d(func(d *task.Declaration) { d.Retries = -1 }), "Retries is -1"},
		{"timeout", d(func(d *task.Declaration) { d.Timeout = -1 }), "Timeout is -1ns"},
		{"memory", d(func(d *task.Declaration) { d.Resources.Memory = "4 GB" }), `Memory "4 GB" is not a quantity such as 2, 500m or 4Gi`},
		{"gpu", d(func(d *task.Declaration) { d.Accelerator = "nvidia-l4" }), `accelerator "nvidia-l4" without a GPU`},
		{"cache", d(func(d *task.Declaration) { d.CacheIgnore = []string{"page"} }), "CacheIgnore without CacheVersion"},
		{"serialize", d(func(d *task.Declaration) { d.CacheSerialize = true }), "CacheSerialize without CacheVersion"},
		{"cache input", d(func(d *task.Declaration) { d.CacheVersion, d.CacheIgnore = "1", []string{"pgae"} }), `CacheIgnore names "pgae", which is not an input`},
		{"over", d(func(d *task.Declaration) { d.Over = []string{"lines"} }), `Over names "lines", which is not an input`},
		{"over twice", d(func(d *task.Declaration) { d.Over = []string{"page", "page"} }), `Over names "page" twice`},
		{"over optional", func() {
			task.Define[maybe, none](task.Declaration{Name: "stage", Doc: "x", Over: []string{"n"}})
		}, "which is optional"},
		{"variant", d(func(d *task.Declaration) { d.Variants = []task.Variant{{Suffix: "cpu"}} }), `variant suffix "cpu": want an underscore`},
		{"variants", d(func(d *task.Declaration) { d.Variants = []task.Variant{{Suffix: "_x"}, {Suffix: "_x"}} }), "stands twice"},
		{"dynamic output", func() {
			task.DefineDynamic[none, none, maybe](task.Declaration{Name: "fan", Doc: "x"})
		}, "dynamic task fan: output n is *int64: a dynamic task gives a list"},
		{"dynamic item", func() {
			task.DefineDynamic[none, bad, example.LinesOut](task.Declaration{Name: "fan", Doc: "x"})
		}, "uint64 has no Flyte literal"},
		{"dynamic cache", func() {
			task.DefineDynamic[none, none, example.FanOut](task.Declaration{Name: "fan", Doc: "x", CacheVersion: "1"})
		}, "can't read lists of optionals back from its cache"},
		{"dynamic over", func() {
			task.DefineDynamic[example.LinesIn, none, example.LinesOut](task.Declaration{Name: "fan", Doc: "x", Over: []string{"page"}})
		}, "can't be mapped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := panicOf(tt.declare); !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	// All faults at once.
	got := panicOf(d(func(d *task.Declaration) { d.Name, d.Doc, d.Retries = "X", "", -2 }))
	for _, want := range []string{"snake_case", "Doc is empty", "Retries is -2"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

func TestTemplates(t *testing.T) {
	c := example.CountWords
	m, err := c.Template(task.TemplateOptions{Image: "i", Variant: "_cpu", Mapped: true})
	if err != nil {
		t.Fatal(err)
	}
	v := m.GetInterface()
	for name, list := range map[string]bool{"line": true, "mode": false, "settings": false} {
		if got := v.GetInputs().GetVariables()[name].GetType().GetCollectionType() != nil; got != list {
			t.Errorf("mapped input %s: list %v", name, got)
		}
	}
	d := c.Declaration()
	d.CacheSerialize = true
	once, err := task.Define[example.CountIn, example.CountOut](d).Template(task.TemplateOptions{})
	if err != nil || !once.GetMetadata().GetCacheSerializable() || m.GetMetadata().GetCacheSerializable() {
		t.Errorf("cache_serializable: %v, %v, %v", once.GetMetadata(), m.GetMetadata(), err)
	}
	if v.GetOutputs().GetVariables()["note"].GetType().GetCollectionType().GetUnionType() == nil {
		t.Errorf("mapped output note is %v", v.GetOutputs().GetVariables()["note"])
	}
	if m.GetId().GetName() != "count_words_cpu_map" || m.GetExtendedResources() != nil || m.GetContainer().GetCommand()[0] != "/bin/count-words" {
		t.Errorf("got %v", m)
	}
	if c.Interface().GetInputs().GetVariables()["line"].GetType().GetCollectionType() != nil {
		t.Error("the mapped template changed the stage's own interface")
	}
	for _, o := range []task.TemplateOptions{{Variant: "_gpu"}} {
		if _, err := c.Template(o); err == nil || !strings.Contains(err.Error(), `no variant "_gpu" (it has ["_cpu"])`) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := example.Split.Template(task.TemplateOptions{Mapped: true}); err == nil || !strings.Contains(err.Error(), "names no inputs in Over") {
		t.Errorf("got %v", err)
	}
}

func TestEnvironment(t *testing.T) {
	if got := panicOf(func() { task.From(context.Background()) }); !strings.Contains(got, "make one with task.With") {
		t.Errorf("got %q", got)
	}
	env := task.NewEnvironment(objstore.NewMemory(), "mem://b/raw/", task.Identity{Execution: "x"})
	if got := task.From(task.With(t.Context(), env)); got.Output("a/b.json") != "mem://b/raw/a/b.json" || got.Identity().Execution != "x" {
		t.Errorf("got %+v", got)
	}
}
