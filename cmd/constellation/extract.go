package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/pipeline/footprints"
	"github.com/cosmostat/constellation/pkg/pipeline/observations"
	"github.com/cosmostat/constellation/pkg/pipeline/record"
	"github.com/cosmostat/constellation/pkg/pipeline/tiles"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/survey"
)

func extractCommand() *cobra.Command {
	var l launch
	c := &cobra.Command{
		Use:   "extract --config FILE",
		Short: "Prepare tiles in this process, without an engine",
		Long: `Extract does what index-observations, read-footprints, merge-footprints and
prepare-tile do, one after the other in this process: for looking into a tile's
data preparation. Exposures that can't be read are left out where data.max_missing
allows it and others of their batch can be. A tile that can't be prepared is left
out too, and ends the verb with an error once the others are there. What became
of the tiles stands in the run's record.`,
		Example: `  constellation extract --config edfs.yaml --tiles 102018211 --storage /tmp/tile
  constellation extract --config edfs.yaml --storage s3://mine/tiles --set output.copy=server`,
		Args: cobra.NoArgs,
	}
	l.flags(c, tileIDs, storage, runID("name of the run in product paths (default: extract)"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		hand, settings, err := l.byHand(c.Context(), "extract")
		if err != nil {
			return err
		}
		defer hand.close()
		if err := contact(c.Context(), c.OutOrStdout(), settings); err != nil {
			return err
		}
		if err := settings.Identity().Check(c.Context(), hand.store, settings.Destination.RunURI); err != nil {
			return err
		}
		return extractTiles(c.Context(), c.OutOrStdout(), hand, settings)
	}
	return c
}

// extractTiles calls the stages' own bodies, in their order.
func extractTiles(ctx context.Context, w io.Writer, hand *byHand, s pipeline.ResolveConfigOut) error {
	indexed, err := observations.Index(hand.stage(ctx, "index"), indexInputs(s))
	if err != nil {
		return err
	}
	plan, err := survey.OpenPlan(ctx, hand.store, indexed.Plan.URI)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, plan)
	listed := survey.Listed{Release: indexed.Release, LeftOut: indexed.LeftOut, Notes: indexed.Notes}
	printListed(w, "  ", listed)
	var index literal.Blob
	index, listed.Missing, err = extractIndex(ctx, w, hand, s, indexed)
	if err != nil {
		return err
	}
	fan, err := tiles.Plan(hand.stage(ctx, "plan"), pipeline.FanOutTilesIn{
		TileIDs: indexed.TileIDs, Branch: pipeline.BranchPrepare, TileSettings: s.TileSettings, Plan: indexed.Plan, Tiles: indexed.Tiles, Index: index,
	})
	if err != nil {
		return err
	}
	all, failed := pipeline.RecordTilesIn{Destination: s.Destination}, 0
	for _, item := range fan.Items {
		out, err := tiles.Prepare(hand.stage(ctx, item.String()), item.PrepareTileIn)
		if err != nil {
			return err
		}
		prepared, err := survey.Load[survey.Prepared](ctx, hand.store, out.Prepared.URI)
		if err != nil {
			return err
		}
		printPrepared(w, prepared)
		all.Prepared = append(all.Prepared, out.Prepared)
		if out.Failure != "" {
			failed++
		}
	}
	if _, err := record.ByHand(hand.stage(ctx, "record"), all, listed); err != nil {
		return err
	}
	if failed > 0 {
		return fault.Data("TileFailed", "%d of %d tiles could not be prepared", failed, len(fan.Items)).Fix("mend the causes and extract them again; until then they are assembled as failed")
	}
	return nil
}

// extractIndex reads the headers of all batches and makes the quadrant index. It
// also returns which exposures are missing, and why.
func extractIndex(ctx context.Context, w io.Writer, hand *byHand, s pipeline.ResolveConfigOut, indexed pipeline.IndexObservationsOut) (literal.Blob, []string, error) {
	in := pipeline.MergeFootprintsIn{Plan: indexed.Plan, MaxMissing: s.MaxMissing}
	in.Destination.RunURI = objstore.Join(hand.scratch, s.Destination.Run()) // no run goes on from an index whose batches go
	for _, batch := range indexed.Batches {
		read, err := footprints.Read(hand.stage(ctx, batch), pipeline.ReadFootprintsIn{
			Source: s.Source, Access: s.Access, Plan: indexed.Plan, Batch: batch, Destination: s.Destination,
		})
		if err != nil {
			return literal.Blob{}, nil, err
		}
		in.Footprints, in.Unreadable = append(in.Footprints, &read.Footprints), append(in.Unreadable, &read.Unreadable)
	}
	merged, err := footprints.Merge(hand.stage(ctx, "merge"), in)
	if err != nil {
		return literal.Blob{}, nil, err
	}
	usage := hand.source.Usage()
	fmt.Fprintf(w, "%d quadrants from %d requests, %s\n", merged.Quadrants, usage.Requests, report.Bytes(usage.BytesRead))
	printListed(w, "  ", survey.Listed{Missing: merged.Reasons})
	return merged.Index, merged.Reasons, nil
}

// printPrepared says what was made of a tile, and what that took.
func printPrepared(w io.Writer, p *survey.Prepared) {
	run := &survey.Run{}
	run.Add(p, nil, 0)
	printTile(w, run.Tiles[0])
	fmt.Fprintf(w, "  read %s of the sources, of %s under the sub-tiles\n", report.Bytes(p.PayloadBytes), report.Bytes(p.ReferencedBytes))
	if p.CopiedBytes > 0 {
		fmt.Fprintf(w, "  %s were copied by the store\n", report.Bytes(p.CopiedBytes))
	}
	if p.NotCopied != "" {
		fmt.Fprintf(w, "  streamed what the store would not copy: %s\n", p.NotCopied)
	}
}
