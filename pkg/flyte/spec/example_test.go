package spec_test

import (
	"fmt"

	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
)

func Example() {
	type In struct {
		Page     int64            `flyte:"page"`
		Settings example.Settings `flyte:"settings"`
	}
	type Out struct {
		Words []*int64 `flyte:"words" doc:"per line; none where counting failed"`
	}
	w := spec.New[In, Out]("count_page", "Counts the words of every line of a page.")
	lines := spec.Add(w, example.Lines)
	spec.Connect(w, &lines.In.Page, &w.In.Page)
	spec.Connect(w, &lines.In.Settings, &w.In.Settings)
	count := spec.Map(w, example.CountWords, spec.Concurrency(8), spec.MinSuccess(0))
	spec.Each(w, &count.In.Line, &lines.Out.Lines)
	spec.Connect(w, &count.In.Settings, &w.In.Settings)
	spec.Const(w, &count.In.Mode, "ok")
	spec.GatherSome(w, &w.Out.Words, &count.Out.Words)

	_, err := w.Build(spec.Options{Image: "registry/example:1"})
	fmt.Println(err)
	spec.Const(w, &count.In.Skip, []string{"the"})
	bundle, err := w.Build(spec.Options{Image: "registry/example:1"})
	fmt.Println(len(bundle.Tasks), err)
	// Output:
	// workflow count_page:
	// example_test.go:22: node count-words: nothing feeds skip
	// 3 <nil>
}
