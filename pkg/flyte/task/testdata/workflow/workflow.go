// Package workflow wires the example stages, with every shape there is: a map
// that tolerates failures, a dynamic fan-out over two sub-workflows, optionals,
// a workflow as a node, order without data.
package workflow

import (
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/spec"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
)

// In is what people launch with.
type In struct {
	Text   literal.Blob `flyte:"text,format=txt" doc:"the text to count"`
	Branch string       `flyte:"branch" doc:"gpu or cpu"`
	Skip   []string     `flyte:"skip"`
	Limit  *int64       `flyte:"limit"`
}

// Out is the result.
type Out struct {
	Total   int64             `flyte:"total"`
	Reports [][]*literal.Blob `flyte:"reports,format=json"`
	Best    *literal.Blob     `flyte:"best,format=json"`
}

// Text counts the words of a text.
func Text() *spec.Workflow[In, Out] {
	w := spec.New[In, Out]("count_text", "Counts the words of a text.", spec.FinishOthers())
	spec.Default(w, &w.In.Branch, "cpu")
	spec.Default(w, &w.In.Skip, []string{})

	split := spec.Add(w, example.Split)
	spec.Connect(w, &split.In.Text, &w.In.Text)
	spec.Connect(w, &split.In.Limit, &w.In.Limit)

	whole := spec.Map(w, example.CountWords, spec.ID("whole"), spec.Variant("_cpu"), spec.MinSuccess(0.5), spec.Concurrency(3))
	spec.Const(w, &whole.In.Mode, "ok")
	spec.Each(w, &whole.In.Line, &split.Out.Pages)
	spec.Connect(w, &whole.In.Skip, &w.In.Skip)
	spec.Connect(w, &whole.In.Settings, &split.Out.Settings)

	fan := spec.Fan(w, example.FanPages,
		spec.Branch("gpu", page("page_gpu")),
		spec.Branch("cpu", page("page_cpu", spec.Variant("_cpu"))))
	spec.Connect(w, &fan.In.Pages, &split.Out.Pages)
	spec.Connect(w, &fan.In.Branch, &w.In.Branch)
	spec.Connect(w, &fan.In.Settings, &split.Out.Settings)

	sum := spec.Add(w, example.Sum)
	spec.Connect(w, &sum.In.Reports, &fan.Out.Reports)
	spec.Widen(w, &sum.In.Lines, &fan.Out.Lines)
	spec.GatherSome(w, &sum.In.Some, &whole.Out.Words)
	spec.Const(w, &sum.In.Factor, 1.5)

	again := spec.Use(w, one())
	spec.Connect(w, &again.In.Settings, &split.Out.Settings)
	spec.Const(w, &again.In.Page, 3)
	spec.After(w, again, sum)

	spec.Connect(w, &w.Out.Total, &sum.Out.Total)
	spec.Connect(w, &w.Out.Best, &sum.Out.Best)
	spec.Connect(w, &w.Out.Reports, &fan.Out.Reports)
	return w
}

// page is what every page goes through: its lines are counted by a map.
func page(name string, options ...spec.Option) *spec.Workflow[example.PageIn, example.PageOut] {
	w := spec.New[example.PageIn, example.PageOut](name, "Counts the words of a page.")
	lines := spec.Add(w, example.Lines)
	spec.Connect(w, &lines.In.Page, &w.In.Page)
	spec.Connect(w, &lines.In.Settings, &w.In.Settings)
	count := spec.Map(w, example.CountWords, append(options, spec.MinSuccess(0))...)
	spec.Const(w, &count.In.Mode, "ok")
	spec.Connect(w, &count.In.Skip, &w.In.Skip)
	spec.Connect(w, &count.In.Settings, &w.In.Settings)
	spec.Each(w, &count.In.Line, &lines.Out.Lines)
	spec.GatherSome(w, &w.Out.Reports, &count.Out.Report)
	spec.Connect(w, &w.Out.Lines, &lines.Out.Lines)
	return w
}

// one is a workflow that is used as a node.
func one() *spec.Workflow[example.LinesIn, example.LinesOut] {
	w := spec.New[example.LinesIn, example.LinesOut]("one_page", "Lists the lines of one page.")
	lines := spec.Add(w, example.Lines)
	spec.Connect(w, &lines.In.Page, &w.In.Page)
	spec.Connect(w, &lines.In.Settings, &w.In.Settings)
	spec.Connect(w, &w.Out.Lines, &lines.Out.Lines)
	return w
}
