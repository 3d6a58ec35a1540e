package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/campaign"
	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/selection"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/survey"
	"github.com/cosmostat/constellation/workflows"
)

func campaignCommand() *cobra.Command {
	e := execution{launch: launch{assembles: true}}
	c := &cobra.Command{
		Use:   "campaign --config FILE",
		Short: "Take the next tiles of a survey that the catalogue lacks",
		Long: `Campaign runs survey_campaign on this machine: it leases the next campaign.tiles
tiles of the configuration that the catalogue lacks, and processes and commits
them as run does. Again and again it works the survey off; several at once take
different tiles. Where nothing is left to do, it says so and succeeds.

On a cluster it is: constellation run --remote --plan survey_campaign.`,
		Example: `  constellation campaign --config edfs.yaml
  constellation campaign --config edfs.yaml --set campaign.tiles=10
  constellation campaign status --config edfs.yaml`,
		Args: cobra.NoArgs,
	}
	e.flags(c, tileIDs, storage, runID("name of the run in product paths; an earlier one's goes on with the tiles that it leased (default: field and time)"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx, w := c.Context(), c.OutOrStdout()
		var out workflows.ShearOut
		settings, err := runHere(ctx, &e, w, workflows.Campaign, &out)
		if err != nil {
			return err
		}
		run, err := survey.LoadRun(ctx, objstore.Open(ctx, objstore.Config{}), out.Run.URI)
		if err != nil {
			return err
		}
		if len(run.Tiles) == 0 {
			fmt.Fprintln(w, "\nno tile is left to take: every one is done, leased to others or given up (constellation campaign status)")
			return nil
		}
		return conclude(ctx, w, settings, out)
	}
	c.AddCommand(campaignStatus(), campaignRelease(), campaignRetry())
	return c
}

// standing is what the verbs below campaign take: they look, and run nothing.
type standing struct{ launch }

func (s *standing) flags(c *cobra.Command) {
	c.Flags().StringVarP(&s.config, "config", "c", "", "configuration file: a path or a URI (required)")
	c.Flags().StringArrayVar(&s.set, "set", nil, "override a key of the configuration, as key=value; may be repeated")
	cobra.CheckErr(c.MarkFlagRequired("config"))
	s.nowhere = true
	s.assembles = true
}

// with opens the campaign's catalogue.
func (s *standing) with(ctx context.Context, do func(*catalog.Catalog, pipeline.ResolveConfigOut) error) error {
	settings, err := s.settings(ctx, "campaign")
	if err != nil {
		return err
	}
	c, err := catalog.Open(ctx, settings.Catalog)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c, settings)
}

func campaignStatus() *cobra.Command {
	var s standing
	c := &cobra.Command{
		Use:   "status --config FILE",
		Short: "Show how a survey stands, and who has which tiles",
		Long: `Status reads the catalogue, and needs no right to write to it. Which tiles the
survey has is asked of the sources. Where they don't answer or refuse, it says so,
and counts the tiles of tile_ids, or else those that the catalogue knows.`,
		Example: `  constellation campaign status --config edfs.yaml
  constellation campaign status --config edfs.yaml --offline`,
		Args: cobra.NoArgs,
	}
	s.flags(c)
	offline := c.Flags().Bool("offline", false, "do not ask the sources which tiles there are")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		hand, settings, err := s.byHand(ctx, "campaign")
		if err != nil {
			return err
		}
		defer hand.close()
		tiles, err := listed(ctx, c.ErrOrStderr(), hand, settings, *offline)
		if err != nil {
			return err
		}
		in := pipeline.SelectTilesIn{Tiling: settings.Tiling, Catalog: settings.Catalog, Destination: settings.Destination, Campaign: settings.Campaign}
		if tiles != nil {
			in.Tiles = literal.Blob{URI: filepath.Join(hand.scratch, "tiles.json"), Format: "json"}
			if err := survey.Save(ctx, hand.store, in.Tiles.URI, tiles); err != nil {
				return err
			}
		}
		standing, err := selection.Status(hand.stage(ctx, "status"), in)
		if err != nil {
			return err
		}
		showCampaign(c.OutOrStdout(), standing)
		return nil
	}
	return c
}

// listed finds the survey's tiles. Where the sources can't be asked, it says so on w,
// and gives those that the configuration names, or none.
func listed(ctx context.Context, w io.Writer, hand *byHand, s pipeline.ResolveConfigOut, offline bool) (*survey.Tiles, error) {
	why := "the sources were not asked which tiles there are"
	if !offline {
		var away strings.Builder
		err := contact(ctx, &away, s)
		if err == nil && away.Len() == 0 {
			var tiles *survey.Tiles
			if tiles, err = findTiles(ctx, w, hand.source, s); err == nil {
				return tiles, nil
			}
		}
		kind := fault.KindOf(err)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && kind != fault.Transient && kind != fault.Unclassified && fault.CodeOf(err) != objstore.AccessDenied:
			return nil, err
		case err == nil:
			err = errors.New(strings.TrimSpace(away.String()))
		}
		why = fmt.Sprintf("the sources can't be asked which tiles there are: %v", err)
	}
	if len(s.TileIDs) > 0 && !s.Region.Given() {
		fmt.Fprintf(w, "%s; counted are those of tile_ids\n", why)
		return &survey.Tiles{Wanted: s.TileIDs}, nil
	}
	fmt.Fprintf(w, "%s; counted are those that the catalogue knows\n", why)
	return nil, nil
}

func showCampaign(w io.Writer, r *campaign.Report) {
	n := report.Table{}
	if r.Unlisted {
		n.Add("tiles that the catalogue knows", r.Counts.Survey)
	} else {
		n.Add("tiles of the survey", r.Counts.Survey)
	}
	n.Add("  done", r.Counts.Done)
	n.Add("  leased", r.Counts.Leased)
	if r.Unlisted {
		n.Add("  never tried", "unknown")
	} else {
		n.Add("  never tried", r.Counts.Untried)
	}
	n.Add("  to be tried again", r.Counts.Tried)
	n.Add("  given up", r.Counts.GivenUp)
	fmt.Fprint(w, n.Text(""))
	if len(r.Holders) > 0 {
		t := report.Table{Header: []string{"holder", "tiles", "since", "until", "alive"}}
		for _, h := range r.Holders {
			alive := h.Alive
			if h.Gone {
				alive += ", given up"
			}
			t.Add(h.Name, some(h.Tiles), h.Since.Format(time.RFC3339), h.Expires.Format(time.RFC3339), alive)
		}
		fmt.Fprint(w, "\n", t.Text(""))
	}
	for _, l := range []struct {
		what  string
		tiles []int64
	}{{"to be tried again", r.Tried}, {"given up, until `campaign retry`", r.GivenUp}} {
		if len(l.tiles) > 0 {
			fmt.Fprintf(w, "\n%s: %s\n", l.what, some(l.tiles))
		}
	}
}

// some names tiles, of many the first.
func some(tiles []int64) string {
	const most = 10
	var b strings.Builder
	for i, id := range tiles[:min(most, len(tiles))] {
		if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(strconv.FormatInt(id, 10))
	}
	if more := len(tiles) - most; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

func campaignRelease() *cobra.Command {
	var s standing
	c := &cobra.Command{
		Use:   "release --config FILE HOLDER",
		Short: "Give the leases of a dead holder back",
		Long: `Release gives back what a holder has, as campaign status names it, without
counting that as a try. It is for holders that nobody can be asked about, such as
a campaign of another machine; leases of dead executions are taken over without
it. A holder that lives after all commits nothing of these tiles any more.`,
		Example: `  constellation campaign release --config edfs.yaml constellation/local/EDFS_20261122T101500Z`,
		Args:    cobra.ExactArgs(1),
	}
	s.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx := c.Context()
		return s.with(ctx, func(tables *catalog.Catalog, settings pipeline.ResolveConfigOut) error {
			id := settings.Destination.ConfigID
			ledger, err := tables.Ledger(ctx, id)
			if err != nil {
				return err
			}
			held := slices.DeleteFunc(ledger.Held(), func(l catalog.Lease) bool { return l.Holder != args[0] })
			if len(held) == 0 {
				return fault.Input("NoLease", "%s has no lease under this configuration", args[0]).Fix("constellation campaign status names the holders")
			}
			n, err := campaign.Release(ctx, tables, campaign.Selection{ConfigID: id, Holder: args[0], Leases: held})
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d tiles can be taken by others\n", n)
			return nil
		})
	}
	return c
}

func campaignRetry() *cobra.Command {
	var s standing
	c := &cobra.Command{
		Use:     "retry --config FILE TILE...",
		Short:   "Offer tiles again that were given up",
		Example: `  constellation campaign retry --config edfs.yaml 102018211`,
		Args:    cobra.MinimumNArgs(1),
	}
	s.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		tiles := make([]int64, len(args))
		for i, a := range args {
			var err error
			if tiles[i], err = strconv.ParseInt(a, 10, 64); err != nil {
				return fault.Input(codeUsage, "%q is no tile id", a)
			}
		}
		return s.with(c.Context(), func(tables *catalog.Catalog, settings pipeline.ResolveConfigOut) error {
			n, err := campaign.Forget(c.Context(), tables, settings.Destination.ConfigID, tiles)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d of %d tiles had been tried, and count as new\n", n, len(tiles))
			return nil
		})
	}
	return c
}
