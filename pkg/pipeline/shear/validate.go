package shear

import (
	"context"
	"errors"
	"fmt"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/clean"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/report/catalogue"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Validate reads the catalogue back and holds it to what was planned and to the
// thresholds. A catalogue or a run that is found wanting is an error, and the
// report is written all the same. One that passes has its pixels dropped where
// the retention says so.
func Validate(ctx context.Context, in pipeline.ValidateCatalogIn) (out pipeline.ValidateCatalogOut, err error) {
	env := task.From(ctx)
	planned, err := survey.LoadRun(ctx, env.Store(), in.Run.URI)
	if err != nil {
		return out, err
	}
	verdict, judged := assemble.Hold(ctx, in.Catalog, in.Thresholds, planned)
	if verdict == nil {
		return out, judged
	}
	env.Deck.AddHTML("Validation", catalogue.Validation(verdict))
	report := literal.Blob{URI: env.Output("validation.json"), Format: "json"}
	if err := survey.Save(ctx, env.Store(), report.URI, verdict); err != nil {
		return out, errors.Join(judged, err)
	}
	out.Report, out.Snapshot = report, verdict.Snapshot
	if judged != nil {
		return out, judged
	}
	if in.Retention != settings.DropPixels {
		return out, nil
	}
	return out, dropPixels(ctx, env, planned, verdict, in.Destination)
}

// dropPixels removes what was extracted for tiles that are measured: 40 GB each.
func dropPixels(ctx context.Context, env *task.Environment, planned *survey.Run, verdict *catalog.Report, d pipeline.Destination) error {
	if verdict.Present < verdict.Planned {
		env.Log.Warn("pixels are kept: sub-tiles are missing from the catalogue", "planned", verdict.Planned, "present", verdict.Present)
		return nil
	}
	plan := clean.NewPlan(d.RunURI)
	if err := plan.FindPixels(ctx, env.Store(), planned); err != nil {
		return err
	}
	found := plan.Count(clean.Pixels)
	env.Log.Info("pixels are dropped", "files", found.Objects, "bytes", found.Bytes, "kept_sub_tiles_of_earlier_runs", plan.Others())
	if err := plan.Remember(ctx, survey.Redo{Store: env.Store(), Base: d.RedoTiles()}); err != nil {
		return err
	}
	if _, err := plan.Remove(ctx, env.Store()); err != nil {
		return err
	}
	env.Deck.AddHTML("Retention", fmt.Sprintf("<p>output.retention is drop_pixels: %d files, %s, of measured tiles were removed.</p>", found.Objects, report.Bytes(found.Bytes)))
	return nil
}
