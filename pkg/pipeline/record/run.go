// Package record holds the bodies of record_tiles and record_run: how each tile
// and sub-tile of a run ended, and where its products lie.
package record

import (
	"context"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Run writes the record of a whole run, of its parts. A run that ends here fails
// where more sub-tiles could not be prepared than the thresholds allow, or none
// could be; the record is there all the same.
func Run(ctx context.Context, in pipeline.RecordRunIn) (out pipeline.RecordRunOut, err error) {
	uri, err := survey.SaveRun(ctx, task.From(ctx).Store(), in.Destination.RunURI, in.Destination.Run(), in.Destination.ConfigID, pipeline.Places(in.Parts), survey.Listed{Release: pipeline.Given(in.Release), Missing: in.Missing, LeftOut: in.LeftOut, Notes: in.Notes})
	out.Run = literal.Blob{URI: uri, Format: "json"}
	if err != nil {
		return out, err
	}
	task.From(ctx).Deck.AddHTML("Run", report.Recorded(in.Destination.Run(), uri, pipeline.Places(in.Parts), in.Missing, in.LeftOut, in.Notes))
	if !in.Judges {
		return out, nil
	}
	standing, err := survey.Stand(ctx, task.From(ctx).Store(), pipeline.Places(in.Parts))
	if err != nil {
		return out, err
	}
	task.From(ctx).Log.Info("prepared", "tiles", standing.Tiles, "failed", standing.Failed, "sub_tiles", standing.SubTiles, "failed_sub_tiles", standing.FailedSubTiles)
	return out, standing.Judge(in.Thresholds.MaxFailedFraction)
}
