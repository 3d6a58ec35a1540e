// Several is an executable of three stages that tests run.
package main

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
)

func main() {
	task.Serve(task.Stage(example.Lines, lines), task.Stage(example.Split, split), task.DynamicStage(example.FanPages, fan))
}

func lines(_ context.Context, in example.LinesIn) (example.LinesOut, error) {
	return example.LinesOut{Lines: []int64{in.Page, in.Page + 1}}, nil
}

func split(context.Context, example.SplitIn) (out example.SplitOut, err error) { return out, nil }

func fan(context.Context, example.FanIn) (out task.FanOut[example.PageIn], err error) {
	return out, nil
}
