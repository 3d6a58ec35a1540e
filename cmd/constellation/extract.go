package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cosmostat/constellation/pkg/config"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants/index"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/prepare"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/survey"
	"github.com/cosmostat/constellation/pkg/version"
)

func extractCommand() *cobra.Command {
	var l launch
	c := &cobra.Command{
		Use:   "extract --config FILE",
		Short: "Prepare tiles in this process, without an engine",
		Long: `Extract does what index-observations, read-footprints, merge-footprints and
prepare-tile do, one after the other in this process: for looking into a tile's
data preparation. Exposures that can't be read are left out where data.max_missing
allows it and others of their batch can be; the first other thing that goes
wrong ends it.`,
		Example: `  constellation extract --config edfs.yaml --tiles 102018211 --storage /tmp/tile
  constellation extract --config edfs.yaml --storage s3://mine/tiles --set output.copy=server`,
		Args: cobra.NoArgs,
	}
	l.flags(c, tiles, storage, runID("name of the run in product paths (default: extract)"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		settings, err := l.settings(c.Context(), "extract")
		if err != nil {
			return err
		}
		if err := contact(c.Context(), c.OutOrStdout(), settings); err != nil {
			return err
		}
		return extractTiles(c.Context(), c.OutOrStdout(), settings)
	}
	return c
}

func extractTiles(ctx context.Context, w io.Writer, s pipeline.ResolveConfigOut) error {
	source, dest := objstore.Open(ctx, s.Source.Store()), objstore.Open(ctx, objstore.Config{})
	scratch, err := os.MkdirTemp("", "constellation-extract-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)

	listed, err := euclid.IndexExposures(ctx, source, s.Source.VISBase, s.Source.Exposures)
	if err != nil {
		return err
	}
	plan, err := survey.NewPlan(ctx, dest, filepath.Join(scratch, "plan.json"), listed, int(s.FilesPerTask), nil)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, plan)
	tiles, err := findTiles(ctx, source, s, nil)
	if err != nil {
		return err
	}
	batches := make([]prepare.Footprints, len(plan.Batches))
	for i := range batches {
		batch, err := plan.Batch(ctx, dest, i)
		if err != nil {
			return err
		}
		read, err := prepare.Batch(ctx, source, batch.Exposures, dest, filepath.Join(scratch, strconv.Itoa(i)+".parquet"))
		if err != nil {
			return err
		}
		batches[i] = *read
	}
	root := filepath.Join(scratch, "quadrants.json")
	merged, err := prepare.Merge(ctx, dest, plan, batches, config.Limit(s.MaxMissing), root)
	if err != nil {
		return err
	}
	usage := source.Usage()
	fmt.Fprintf(w, "%d quadrants from %d requests, %s\n", merged.Quadrants, usage.Requests, report.Bytes(usage.BytesRead))
	for _, reason := range merged.Reasons {
		fmt.Fprintln(w, "  left out:", reason)
	}
	planner := prepare.Planner{Plan: plan, Tiles: tiles, Grid: s.Tiling.Grid(), Store: dest, Dir: filepath.Join(scratch, "tiles"), Redo: survey.Redo{Store: dest, Base: filepath.Join(scratch, "redo")}}
	if planner.Index, err = index.Open(ctx, dest, root); err != nil {
		return err
	}
	planned, err := planner.Plans(ctx, tiles.Wanted)
	if err != nil {
		return err
	}
	for _, t := range planned {
		tile, near, err := prepare.LoadTilePlan(ctx, dest, t.URI)
		if err != nil {
			return err
		}
		p, err := prepare.Tile(ctx, prepare.TileJob{
			Plan: tile, Near: near, Source: source, Dest: objstore.InClass(dest, s.Products.StorageClass),
			RunURI: s.Destination.RunURI, Copy: s.Products.Copy, ConfigID: s.Destination.ConfigID,
			Provenance: manifest.Provenance{Run: s.RunID, Versions: map[string]string{"constellation": version.Version}},
		})
		if err != nil {
			return err
		}
		if p.Failure != "" {
			return fault.Data("TileFailed", "%s", p.Failure).At("tile %d", t.TileID)
		}
		prepared := &survey.Run{}
		prepared.Add(p, nil, 0)
		printTile(w, prepared.Tiles[0])
		fmt.Fprintf(w, "  read %s of the sources, of %s under the sub-tiles\n", report.Bytes(p.PayloadBytes), report.Bytes(p.ReferencedBytes))
		if p.CopiedBytes > 0 {
			fmt.Fprintf(w, "  %s were copied by the store\n", report.Bytes(p.CopiedBytes))
		}
		if p.NotCopied != "" {
			fmt.Fprintf(w, "  streamed what the store would not copy: %s\n", p.NotCopied)
		}
	}
	return nil
}
