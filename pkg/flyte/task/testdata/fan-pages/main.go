// Fan-pages is the dynamic example stage that tests run.
package main

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/flyte/task/testdata/example"
)

func main() { task.MainDynamic(example.FanPages, run) }

func run(ctx context.Context, in example.FanIn) (task.FanOut[example.PageIn], error) {
	task.From(ctx).Deck.AddHTML("Pages", "<p>fanning</p>")
	out := task.FanOut[example.PageIn]{Branch: in.Branch}
	for _, p := range in.Pages {
		out.Items = append(out.Items, example.PageIn{Page: p, Settings: in.Settings, Skip: []string{}})
	}
	return out, nil
}
