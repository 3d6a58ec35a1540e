package schedule

import (
	"context"
	"fmt"

	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/gpu"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Tile lists the sub-tiles that there is something to infer on, and that fit the
// device. What is known of neither is scheduled.
func Tile(ctx context.Context, in pipeline.ScheduleTileIn) (out pipeline.ScheduleTileOut, err error) {
	env := task.From(ctx)
	prepared, err := survey.Load[survey.Prepared](ctx, env.Store(), in.Prepared.URI)
	if err != nil {
		return out, err
	}
	budget, known := gpu.Budget(in.GPU.Accelerator, in.GPU.Bytes())
	if in.GPU.Accelerator != "" && !known {
		env.Log.Warn("nothing is known of this device's memory: nothing is too large", "accelerator", in.GPU.Accelerator)
	}
	for i := range prepared.SubTiles {
		if why := prepared.TooLarge(i, budget); why != "" {
			env.Log.Warn("not scheduled", "tile", prepared.TileID, "sub_tile", i, "reason", why)
		}
	}
	out.SubTiles = prepared.ToInfer(budget)
	env.Deck.AddHTML(fmt.Sprintf("Tile %d", prepared.TileID), report.Scheduled(prepared, out.SubTiles, budget))
	return out, nil
}
