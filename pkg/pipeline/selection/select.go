// Package selection is the body of select_tiles: the next tiles of a survey,
// leased to whoever asks.
package selection

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
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Select leases the next tiles to this execution. One that asks again, since it
// failed after it had selected, gets what it had.
func Select(ctx context.Context, in pipeline.SelectTilesIn) (out pipeline.SelectTilesOut, err error) {
	env := task.From(ctx)
	id := env.Identity()
	var selection campaign.Selection
	tiles, err := survey.Load[survey.Tiles](ctx, env.Store(), in.Tiles.URI)
	if err != nil {
		return out, err
	}
	err = with(ctx, in, catalog.Open, func(c *catalog.Catalog, r campaign.Request) error {
		r.Tiles = tiles.Wanted
		r.Holder = path.Join(id.Project, id.Domain, id.Execution)
		selection, err = campaign.Select(ctx, c, r)
		return err
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

// Status says how the survey stands for whoever would select now. Of a survey whose
// tiles nobody could list, without a document of them, it says what the catalogue
// knows.
func Status(ctx context.Context, in pipeline.SelectTilesIn) (standing *campaign.Report, err error) {
	tiles := &survey.Tiles{}
	if in.Tiles.URI != "" {
		if tiles, err = survey.Load[survey.Tiles](ctx, task.From(ctx).Store(), in.Tiles.URI); err != nil {
			return nil, err
		}
	}
	err = with(ctx, in, catalog.Reading, func(c *catalog.Catalog, r campaign.Request) error {
		r.Tiles, r.Unlisted = tiles.Wanted, in.Tiles.URI == ""
		if !c.There() {
			task.From(ctx).Log.Warn("there is no catalogue yet", "uri", c.URI())
		}
		standing, err = campaign.Status(ctx, c, r)
		return err
	})
	return standing, err
}

// with opens what a selection looks at: the catalogue, and whoever can tell whether holders live.
func with(ctx context.Context, in pipeline.SelectTilesIn, open func(context.Context, settings.Catalog) (*catalog.Catalog, error), do func(*catalog.Catalog, campaign.Request) error) error {
	env := task.From(ctx)
	alive, done, err := liveness(in.Campaign, env)
	if err != nil {
		return err
	}
	defer func() { _ = done() }() // it was asked, and is left
	c, err := open(ctx, in.Catalog)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c, campaign.Request{
		ConfigID: in.Destination.ConfigID, SubTiles: in.Tiling.Rows * in.Tiling.Cols,
		Limit: in.Campaign.Tiles, MaxAttempts: in.Campaign.MaxAttempts, Expiry: in.Campaign.Expiry(), Alive: alive,
	})
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
