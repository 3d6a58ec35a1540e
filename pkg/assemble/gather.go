package assemble

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/catalog/commits"
	"github.com/cosmostat/constellation/pkg/catalog/reading"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// fileReads is how many sub-tiles' results are read at the same time, and so in memory.
const fileReads = 8

// Gather makes the batch of a plan's tiles from what inference left. Every
// planned sub-tile gets a shear row: one without an outcome, or with a failed
// one, a row that says so. Both files of a sub-tile are read here, and its
// sources again, one file after the other, when the batch is committed.
//
// Files that are gone, not what inference wrote, unreadable or another
// sub-tile's fail their sub-tile alone: it is among lost, with the reason and
// without its files. Every other failure to read, and two outcomes of one
// sub-tile, are errors.
func Gather(ctx context.Context, r objstore.Reader, runID string, plan reading.Plan, outcomes []survey.Outcome) (b commits.Batch, lost []survey.Outcome, err error) {
	found := make(map[sky.SubTileID]survey.Outcome, len(outcomes))
	for _, o := range outcomes {
		k := o.SubTileID
		if _, twice := found[k]; twice {
			return commits.Batch{}, nil, fault.Data(commits.CodeBatch, "two outcomes of one sub-tile").At("%s", k)
		}
		found[k] = o
	}
	b = commits.Batch{RunID: runID, ConfigID: plan.ConfigID, Shear: make([]results.Shear, len(plan.SubTiles))}
	unusable := make([]error, len(plan.SubTiles))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(fileReads)
	for i, s := range plan.SubTiles {
		b.Tiles = append(b.Tiles, s.TileID)
		o, ok := found[s.SubTileID]
		b.Shear[i] = without(s, o.Status)
		if !ok || o.Status == survey.StatusFailed || o.Shear.URI == "" && o.Status != survey.StatusOK {
			continue
		}
		g.Go(func() error {
			row, err := read(gctx, r, s, o, plan)
			switch {
			case err == nil:
				b.Shear[i] = row
			case Unusable(err):
				b.Shear[i], unusable[i] = without(s, survey.StatusFailed), err
			default:
				return err
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return commits.Batch{}, nil, err
	}
	var files []survey.Outcome
	for i, s := range plan.SubTiles {
		o := found[s.SubTileID]
		switch {
		case unusable[i] != nil:
			lost = append(lost, survey.Outcome{SubTileID: o.SubTileID, Status: survey.StatusFailed, Reason: unusable[i].Error(), Directory: o.Directory,
				Redo: replaced(unusable[i])})
		case o.Status != survey.StatusFailed && o.Shear.URI != "" && o.Sources.URI != "":
			files = append(files, o)
		}
	}
	b.Sources = func(yield func([]results.Source, error) bool) {
		for _, o := range files {
			rows, err := sourcesOf(ctx, r, o.SubTileID, o.Sources)
			if !yield(rows, err) || err != nil {
				return
			}
		}
	}
	return b, lost, nil
}

// Unusable says whether a results file failed for good and by itself: it is
// gone, or its content is bad. Reading it again would not help, and it says
// nothing about other sub-tiles' files.
func Unusable(err error) bool {
	return fault.KindOf(err) == fault.BadData || fault.CodeOf(err) == objstore.NotFound
}

// replaced says whether a results file is gone or not what inference wrote, as
// one of an earlier run may be that the cache still knows of.
func replaced(err error) bool {
	code := fault.CodeOf(err)
	return code == objstore.NotFound || code == results.CodeCorrupt
}

// read makes sure of both files of an outcome and gives the shear row.
func read(ctx context.Context, r objstore.Reader, s reading.SubTile, o survey.Outcome, plan reading.Plan) (results.Shear, error) {
	if o.Shear.URI == "" {
		return results.Shear{}, fault.Data(commits.CodeBatch, "the outcome is %s and names no results", o.Status).On(o.Directory)
	}
	rows, err := results.LoadShear(ctx, r, o.Shear)
	if err != nil {
		return results.Shear{}, err
	}
	if len(rows) != 1 || rows[0].ID() != s.SubTileID {
		return results.Shear{}, fault.Data(commits.CodeBatch, "it must hold the one row of its sub-tile").On(o.Shear.URI)
	}
	var sources []results.Source
	if o.Sources.URI != "" {
		sources, err = sourcesOf(ctx, r, s.SubTileID, o.Sources)
	}
	if err == nil && plan.Check != nil {
		err = plan.Check(ctx, s, o, rows[0], sources)
	}
	return rows[0], err
}

func sourcesOf(ctx context.Context, r objstore.Reader, id sky.SubTileID, f survey.File) ([]results.Source, error) {
	rows, err := results.LoadSources(ctx, r, f)
	if err != nil {
		return nil, err
	}
	for i, row := range rows {
		if row.ID() != id {
			return nil, fault.Data(commits.CodeBatch, "a source of another sub-tile").On(f.URI).At("row %d", i)
		}
	}
	return rows, nil
}

// without is the shear row of a sub-tile that was not measured.
func without(s reading.SubTile, status string) results.Shear {
	if status == "" || status == survey.StatusOK {
		status = survey.StatusFailed
	}
	return results.Shear{TileID: s.TileID, Row: int32(s.Row), Col: int32(s.Col), RA: s.RA, Dec: s.Dec, Status: status}
}
