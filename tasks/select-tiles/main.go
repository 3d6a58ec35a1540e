// select-tiles picks the next tiles of a survey and leases them to this execution.
package main

import (
	"context"
	"os"
	"path"

	"github.com/cosmostat/constellation/pkg/campaign"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/remote/connect"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/survey"
)

func main() { task.Main(pipeline.SelectTiles, run) }

func run(ctx context.Context, in pipeline.SelectTilesIn) (out pipeline.SelectTilesOut, err error) {
	env := task.From(ctx)
	tiles, err := survey.Load[survey.Tiles](ctx, env.Store(), in.Tiles.URI)
	if err != nil {
		return out, err
	}
	alive, done, err := liveness(in.Campaign, env)
	if err != nil {
		return out, err
	}
	defer done()
	c, err := catalog.Open(ctx, catalog.Settings(in.Catalog))
	if err != nil {
		return out, err
	}
	defer c.Close()
	id := env.Identity()
	selection, err := campaign.Select(ctx, c, campaign.Request{
		ConfigID: in.Destination.ConfigID, Tiles: tiles.Wanted, SubTiles: in.Tiling.Rows * in.Tiling.Cols,
		Limit: in.Campaign.Tiles, MaxAttempts: in.Campaign.MaxAttempts, Expiry: in.Campaign.Expiry(),
		Holder: path.Join(id.Project, id.Domain, id.Execution), Alive: alive,
	})
	if err != nil {
		return out, err
	}
	n := selection.Counts
	env.Log.Info("selected", "tiles", len(selection.Leases), "holder", selection.Holder, "survey", n)
	env.Deck.AddHTML("Campaign", report.Facts("tiles of the survey", n.Survey, "done", n.Done, "leased to this execution", len(selection.Leases),
		"leased to others", n.Leased, "never tried", n.Untried, "to be tried again", n.Tried, "given up", n.GivenUp, "holder", selection.Holder))
	out = pipeline.SelectTilesOut{TileIDs: selection.Tiles(), Leases: env.Output("selection.json")}
	out.Selection = literal.Blob{URI: out.Leases, Format: "json"}
	return out, survey.Save(ctx, env.Store(), out.Leases, selection)
}

// liveness asks FlyteAdmin, where the settings or the environment say which.
func liveness(s pipeline.Campaign, env *task.Environment) (campaign.Liveness, func() error, error) {
	conf := connect.Config{Endpoint: s.Endpoint, Insecure: s.Insecure}
	if s.Endpoint == "" {
		if os.Getenv(connect.EnvConfig) == "" {
			env.Log.Info("no FlyteAdmin is named: leases of others hold until they expire")
			return campaign.Unknown, func() error { return nil }, nil
		}
		var err error
		if conf, err = connect.Load(""); err != nil {
			return nil, nil, err
		}
	}
	conn, err := connect.Open(conf)
	if err != nil {
		return nil, nil, err
	}
	return conn.Alive, conn.Close, nil
}
