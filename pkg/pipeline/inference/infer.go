// Package inference is the body of infer_subtile: one sub-tile directory through
// the inference engine, and what is written down where there is no result.
package inference

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report/inference"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// CodeFailed is the code of a sub-tile whose data can't be measured: the engine,
// or the check of what it wrote, says why.
const CodeFailed = "SubTileFailed"

// Infer infers one sub-tile of a prepared tile.
func Infer(ctx context.Context, in pipeline.InferSubtileIn) (out pipeline.InferSubtileOut, err error) {
	env := task.From(ctx)
	prepared, err := survey.Load[survey.Prepared](ctx, env.Store(), in.Prepared.URI)
	if err != nil {
		return out, err
	}
	settings, err := survey.Load[settings.Inference](ctx, env.Store(), in.Inference.URI)
	if err != nil {
		return out, err
	}
	sub, err := prepared.SubTile(int(in.SubTile))
	if err != nil {
		return out, err
	}
	if prepared.Plan == "" {
		return out, fault.Input(shine.CodeIncomplete, "it does not say what the tile was made from: an older version wrote it").On(in.Prepared.URI).Fix("start a new run, under another --run-id")
	}
	outcome, err := SubTile(ctx, Request{
		SubTileID: sub.ID(prepared.TileID), Directory: sub.Directory, Made: prepared.Plan, Manifest: sub.Manifest,
		Results: survey.SubTileURI(in.Destination.RunURI, sub.ID(prepared.TileID)),
		Run:     in.Destination.Run(), Redo: in.Destination.RedoTiles(), Plan: prepared.Plan, Again: prepared.Again,
	}, settings, in.Limits)
	if err != nil {
		if element := env.Identity().Element; element >= 0 { // the console knows no sub-tile, but its number in the map
			err = fmt.Errorf("tile %d, sub-tile %s (element %d of the map): %w", prepared.TileID, sub.Name(), element, err)
		}
		return out, err
	}
	out.Outcome = literal.Blob{URI: env.Output("outcome.json")}
	return out, survey.Save(ctx, env.Store(), out.Outcome.URI, outcome)
}

// Request is a sub-tile directory, and who wants it inferred.
type Request struct {
	sky.SubTileID
	Directory string
	// Made is the key of what the directory has to be made from, Manifest the SHA-256
	// of its local manifest; empty: whatever it is.
	Made, Manifest string
	// Results is the directory that takes results/ or failure.json: the run's own.
	// What another run measured in Directory stays as it is.
	Results string
	Run     string
	Nothing string // the status of a sub-tile that there is nothing to infer on, which no run infers; else empty

	Redo        string // where tiles are marked to be prepared again
	Plan, Again string // of the tile, as its preparation has them; empty: nobody knows, and nothing is marked
}

// SubTile infers one sub-tile. A sub-tile that can't be measured is an error, as
// is everything else that goes wrong: an outcome would be cached. What is left of
// it is failure.json in the place of the results, until there are some.
func SubTile(ctx context.Context, r Request, settings *settings.Inference, limits settings.Limits) (survey.Outcome, error) {
	env := task.From(ctx)
	earlier, err := env.Checkpoint().Earlier(ctx)
	if err != nil {
		return survey.Outcome{}, err
	}
	found, err := shine.SubTile(ctx, env.Store(), r.Directory, shine.Job{
		Results: r.Results, Plan: r.Made, Manifest: r.Manifest,
		Engine: settings.Engine, Command: settings.Command, Timeout: limits.Timeout(),
		Inference: settings.Inference, GAL: settings.GAL, ConfigID: settings.ConfigID, Log: os.Stderr,
		GPU: shine.HasGPU(), NodeCache: shine.NodeCache(), Checkpoints: shine.Checkpoints{Store: env.Store(), To: env.Checkpoint().Prefix(), From: earlier},
	})
	outcome := found.Outcome
	if err == nil && outcome.Status == survey.StatusFailed {
		err = fault.Data(CodeFailed, "%s", outcome.Reason)
	}
	if err != nil {
		outcome = survey.Outcome{SubTileID: r.SubTileID, Status: survey.StatusFailed, Reason: oneLine(err.Error()), Directory: r.Directory}
		return outcome, r.failed(ctx, env, settings.ConfigID, outcome, err)
	}
	if err := env.Store().Delete(ctx, objstore.Join(r.Results, survey.FailureFile)); err != nil {
		return outcome, err
	}
	env.Log.Info("inferred", "tile", outcome.TileID, "row", outcome.Row, "col", outcome.Col, "status", outcome.Status, "reason", outcome.Reason)
	for _, s := range inference.Sections(&found) {
		env.Deck.AddHTML(s.Title, s.HTML)
	}
	return outcome, nil
}

// failed writes down why there is no outcome, and returns the reason. Where the
// sub-tile's directory is not what its preparation left, the next run prepares
// the tile again, whatever is cached.
func (r Request) failed(ctx context.Context, env *task.Environment, configID string, o survey.Outcome, reason error) error {
	if fault.KindOf(reason) == fault.Canceled {
		return reason
	}
	err := survey.SaveFailure(ctx, env.Store(), r.Results, survey.Failure{Run: r.Run, ConfigID: configID, Outcome: o})
	switch fault.CodeOf(reason) {
	case objstore.NotFound, shine.CodeIncomplete, shine.CodeDropped, manifest.CodeInvalid:
		if r.Plan != "" {
			err = errors.Join(err, survey.Redo{Store: env.Store(), Base: r.Redo}.Failed(ctx, r.Plan, r.Again, r.Run))
		}
	}
	if err != nil {
		return fmt.Errorf("%w (and that could not be written down: %v)", reason, err)
	}
	return reason
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
