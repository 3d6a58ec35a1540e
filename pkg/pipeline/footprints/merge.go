package footprints

import (
	"context"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/prepare"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Merge joins the batches. More files that could not be read than max_missing
// allows are an error; those that it allows are named.
func Merge(ctx context.Context, in pipeline.MergeFootprintsIn) (out pipeline.MergeFootprintsOut, err error) {
	env := task.From(ctx)
	plan, err := survey.OpenPlan(ctx, env.Store(), in.Plan.URI)
	if err != nil {
		return out, err
	}
	out.Index = literal.Blob{URI: env.Output("index/quadrants.json"), Format: "json"}
	read, err := batches(in)
	if err != nil {
		return out, err
	}
	merged, err := prepare.Merge(ctx, env.Store(), plan, read, config.Limit(in.MaxMissing), out.Index.URI,
		prepare.Earlier{Dir: in.Destination.Indexes(), Reader: pipeline.ReadFootprints.Declaration().CacheVersion})
	if err != nil {
		return out, err
	}
	env.Log.Info("merged", "index", merged.Summary, "kept", merged.Kept, "of", len(plan.Batches), "missing", merged.Reasons, "empty", merged.Empty)
	if why := merged.NotRemoved; why != "" {
		env.Log.Warn("old indexes are not removed", "reason", why)
	}
	env.Deck.AddHTML("Quadrant index", report.Merged(int(merged.Quadrants), merged.Reasons, merged.Empty))
	out.Quadrants, out.Missing, out.Reasons = merged.Quadrants, merged.Missing, merged.Reasons
	return out, nil
}

// batches are what the elements of the map gave; one that failed gave nothing.
func batches(in pipeline.MergeFootprintsIn) (all []prepare.Footprints, err error) {
	if len(in.Unreadable) != len(in.Footprints) {
		return nil, fault.Input("InputsInvalid", "%d batches have footprints, %d say what could not be read", len(in.Footprints), len(in.Unreadable)).
			At("unreadable").Fix("give one for each batch")
	}
	all = make([]prepare.Footprints, len(in.Footprints))
	for i, uri := range pipeline.URIs(in.Footprints) {
		all[i].URI = uri
		if why := in.Unreadable[i]; why != nil {
			if all[i].Unreadable, err = pipeline.Files(*why); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
