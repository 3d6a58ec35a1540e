// resolve-config merges the configuration file with what was given at launch.
package main

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/resolve"
)

func main() { task.Main(pipeline.ResolveConfig, run) }

func run(ctx context.Context, in pipeline.ResolveConfigIn) (pipeline.ResolveConfigOut, error) {
	env := task.From(ctx)
	out, warnings, err := resolve.Launch(ctx, env.Store(), in, env.Identity().Execution)
	for _, w := range warnings {
		env.Log.Warn(w)
	}
	return out, err
}
