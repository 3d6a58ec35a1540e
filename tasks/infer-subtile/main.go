// infer-subtile runs the inference engine on one sub-tile directory.
package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report/inference"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/survey"
)

func main() { task.Main(pipeline.InferSubtile, run) }

func run(ctx context.Context, in pipeline.InferSubtileIn) (out pipeline.InferSubtileOut, err error) {
	env := task.From(ctx)
	prepared, err := survey.Load[survey.Prepared](ctx, env.Store(), in.Prepared.URI)
	if err != nil {
		return out, err
	}
	settings, err := survey.Load[pipeline.Inference](ctx, env.Store(), in.Inference.URI)
	if err != nil {
		return out, err
	}
	sub, err := prepared.SubTile(int(in.SubTile))
	if err != nil {
		return out, err
	}
	earlier, err := env.Checkpoint().Earlier(ctx)
	if err != nil {
		return out, err
	}
	// What another run measured in the same directory stays as it is.
	own := survey.SubTileURI(in.Destination.RunURI, prepared.TileID, sub.Row, sub.Col)
	found, err := shine.SubTile(ctx, env.Store(), sub.Directory, shine.Job{
		Results: own,
		Engine:  settings.Engine, Command: settings.Command, Timeout: in.Limits.Timeout(),
		Inference: settings.Inference, GAL: settings.GAL, ConfigID: settings.ConfigID, Log: os.Stderr,
		NodeCache: shine.NodeCache(), Checkpoints: shine.Checkpoints{Store: env.Store(), To: env.Checkpoint().Prefix(), From: earlier},
	})
	outcome := found.Outcome
	if err == nil && outcome.Status == results.Failed {
		err = fault.Data("SubTileFailed", "%s", outcome.Reason) // an outcome would be cached
	}
	if err != nil {
		outcome = results.Outcome{TileID: prepared.TileID, Row: sub.Row, Col: sub.Col, Status: results.Failed, Reason: oneLine(err.Error()), Directory: sub.Directory}
		return out, failed(ctx, env, in.Destination, own, prepared, outcome, err)
	}
	if err := env.Store().Delete(ctx, objstore.Join(own, results.FailureFile)); err != nil {
		return out, err
	}
	env.Log.Info("inferred", "tile", outcome.TileID, "row", outcome.Row, "col", outcome.Col, "status", outcome.Status, "reason", outcome.Reason)
	for _, s := range inference.Sections(&found) {
		env.Deck.AddHTML(s.Title, s.HTML)
	}
	out.Outcome = literal.Blob{URI: env.Output("outcome.json")}
	return out, survey.Save(ctx, env.Store(), out.Outcome.URI, outcome)
}

// oneLine joins the lines of a command's last words: a reason stands in tables.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " | ")
}

// failed writes down why there is no outcome, and returns the reason. Where the
// sub-tile's directory is not what its preparation left, the next run prepares
// the tile again, whatever is cached.
func failed(ctx context.Context, env *task.Environment, d pipeline.Destination, own string, prepared *survey.Prepared, o results.Outcome, reason error) error {
	if fault.KindOf(reason) == fault.Canceled {
		return reason
	}
	err := results.SaveFailure(ctx, env.Store(), own, results.Failure{Run: d.Run(), Outcome: o})
	switch fault.CodeOf(reason) {
	case objstore.NotFound, shine.CodeIncomplete, shine.CodeDropped:
		if prepared.Plan != "" {
			err = errors.Join(err, survey.Redo{Store: env.Store(), Base: d.RedoTiles()}.Failed(ctx, prepared.Plan, prepared.Again, d.Run()))
		}
	}
	if err != nil {
		env.Log.Warn("the failure could not be written down", "error", err)
	}
	return reason
}
