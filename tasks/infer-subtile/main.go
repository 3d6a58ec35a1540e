// infer-subtile runs the inference engine on one sub-tile directory.
package main

import (
	"context"
	"os"

	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
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
	sub, err := prepared.SubTile(int(in.SubTile))
	if err != nil {
		return out, err
	}
	found := shine.Found{Outcome: results.Outcome{TileID: prepared.TileID, Row: sub.Row, Col: sub.Col, Status: results.Failed, Reason: prepared.Failure, Directory: sub.Directory}}
	if prepared.Failure == "" {
		earlier, err := env.Checkpoint().Earlier(ctx)
		if err != nil {
			return out, err
		}
		found, err = shine.SubTile(ctx, env.Store(), sub.Directory, shine.Job{
			Engine: in.Inference.Engine, Command: in.Inference.Command, Timeout: in.Limits.Timeout(),
			Inference: in.Inference.Inference, GAL: in.Inference.GAL, ConfigID: in.Inference.ConfigID, Log: os.Stderr,
			NodeCache: shine.NodeCache(), Checkpoints: shine.Checkpoints{Store: env.Store(), To: env.Checkpoint().Prefix(), From: earlier},
		})
		if err != nil {
			return out, err
		}
	}
	outcome := found.Outcome
	env.Log.Info("inferred", "tile", outcome.TileID, "row", outcome.Row, "col", outcome.Col, "status", outcome.Status, "reason", outcome.Reason)
	for _, s := range inference.Sections(&found) {
		env.Deck.AddHTML(s.Title, s.HTML)
	}
	out.Outcome = literal.Blob{URI: env.Output("outcome.json")}
	return out, survey.Save(ctx, env.Store(), out.Outcome.URI, outcome)
}
