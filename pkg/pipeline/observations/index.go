// Package observations is the body of index_observations: it lists a survey's
// files, and plans which exposures are read and which tiles are made.
package observations

import (
	"cmp"
	"context"
	"slices"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/filelist"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants"
	"github.com/cosmostat/constellation/pkg/flyte/literal"
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/pipeline"
	"github.com/cosmostat/constellation/pkg/region"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Index lists VIS and MER. Files that don't make a whole exposure, and tiles that
// can't be placed on the sky, are left out and told; that nothing is left is an error.
func Index(ctx context.Context, in pipeline.IndexObservationsIn) (out pipeline.IndexObservationsOut, err error) {
	env := task.From(ctx)
	source := env.Open(ctx, pipeline.Store(in.Source))
	redo, err := survey.Redo{Store: env.Store(), Base: in.Destination.RedoBatches()}.All(ctx)
	if err != nil {
		return out, err
	}
	files, notes, err := Files(ctx, source, in.Source)
	if err != nil {
		return out, err
	}
	listed, err := euclid.IndexExposures(ctx, files, cmp.Or(in.Source.Files, in.Source.VISBase), in.Source.Exposures)
	if err != nil {
		return out, err
	}
	plan, err := survey.NewPlan(ctx, env.Store(), env.Output("plan.json"), listed, int(in.FilesPerTask), redo)
	if err != nil {
		return out, err
	}
	d := in.Destination
	var settled string
	hold := func(newest string) (counts string, err error) {
		counts, settled, err = survey.HoldRelease(ctx, env.Store(), d.Releases(), d.ConfigID, d.Run(), newest)
		return counts, err
	}
	tiles, err := Tiles(ctx, files, in, hold, func(why error) { env.Log.Warn("a tile is left out", "reason", why) })
	if err != nil {
		return out, err
	}
	env.Log.Info("planned", "plan", plan.String(), "tiles", len(tiles.Wanted))
	env.Deck.AddHTML("Plan", report.Plan(plan, tiles))
	out = pipeline.IndexObservationsOut{
		Plan:    literal.Blob{URI: env.Output("plan.json"), Format: "json"},
		Tiles:   literal.Blob{URI: env.Output("tiles.json"), Format: "json"},
		TileIDs: tiles.Wanted, LeftOut: tiles.LeftOut, Release: cmp.Or(tiles.Release, pipeline.None),
		Notes: slices.Concat(notes, plan.Notes(), tiles.Notes),
	}
	if settled != "" {
		out.Notes = append(out.Notes, settled)
	}
	for _, note := range out.Notes {
		env.Log.Warn("not taken", "note", note)
	}
	if out.Plan.Hash, err = plan.Digest(); err != nil {
		return out, err
	}
	for _, b := range plan.Batches {
		out.Batches = append(out.Batches, b.SHA256)
	}
	return out, survey.Save(ctx, env.Store(), out.Tiles.URI, tiles)
}

// Files is what lists a survey's files and reads them: the store that they are in,
// or a file list, which is read from it. Notes say what the list held beside.
func Files(ctx context.Context, store euclid.TileStore, s settings.Source) (files euclid.TileStore, notes []string, err error) {
	if s.Files == "" {
		return store, nil, nil
	}
	list, err := filelist.Read(ctx, store, s.Files)
	if err != nil {
		return nil, nil, err
	}
	return list, list.Notes, nil
}

// Inventory is every file of the sources that counts. Notes say what else there is.
func Inventory(ctx context.Context, store euclid.TileStore, s settings.Source) ([]euclid.Entry, []string, error) {
	files, notes, err := Files(ctx, store, s)
	if err != nil {
		return nil, nil, err
	}
	entries, more, err := euclid.Inventory(ctx, files, cmp.Or(s.Files, s.VISBase), euclid.TileOptions{
		MERBase: cmp.Or(s.Files, s.MERBase), CatalogBase: cmp.Or(s.Files, s.CatalogBase), Release: s.Release,
	})
	return entries, append(notes, more...), err
}

// Tiles finds the tiles that the inputs ask for, and their neighbours. Those that
// can't be placed on the sky are told at once: they may be why something fails.
// hold, if not nil, settles which release counts where the newest is asked for.
//
// A region needs the centres of all tiles. With tiling.source mer_catalog that is
// every catalogue, read whole; the others read as much as for a few ids.
func Tiles(ctx context.Context, source euclid.TileStore, in pipeline.IndexObservationsIn, hold func(string) (string, error), tell func(error)) (*survey.Tiles, error) {
	if _, err := region.New(in.Region); err != nil { // before anything is read
		return nil, err
	}
	leftOut, radius := []string{}, sky.Grid(in.Tiling.Grid).NeighbourRadius()
	found, listed, err := euclid.IndexTiles(ctx, source, euclid.TileOptions{
		Source: in.Tiling.Source, MERBase: cmp.Or(in.Source.Files, in.Source.MERBase), CatalogBase: cmp.Or(in.Source.Files, in.Source.CatalogBase),
		TileTable: in.Tiling.TileTable, IDs: in.TileIDs, NeighbourRadiusDeg: radius,
		Release: in.Source.Release, Hold: hold,
		ParquetTable: quadrants.ReadTileTable,
		OnUnreadable: func(err error) {
			tell(err)
			leftOut = append(leftOut, err.Error())
		},
	})
	if err != nil {
		return nil, err
	}
	tiles, err := survey.NewTiles(found, in.TileIDs, in.Region, in.Tiling.CoreArcmin, radius)
	if err != nil {
		return nil, err
	}
	tiles.LeftOut, tiles.Notes = append(leftOut, listed.Unread...), listed.Notes
	tiles.Weigh(listed.Release, radius)
	return tiles, nil
}
