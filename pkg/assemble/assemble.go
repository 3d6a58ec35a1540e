package assemble

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/survey"
)

const (
	// tilesPerCommit bounds what one commit replaces; a snapshot costs a few
	// requests whatever its size, and source rows are streamed.
	tilesPerCommit = 32
	// documentReads is how many small documents are read at the same time.
	documentReads = 32
)

// Input is what a run left: for each tile the URI of its Prepared document,
// and the URIs of its sub-tiles' outcomes, empty where there is none.
type Input struct {
	RunID, ConfigID, RunURI string
	Prepared                []string
	Outcomes                [][]string
}

// Total is what was committed.
type Total struct {
	Snapshot              int64 // of the shear table, the last one
	ShearRows, SourceRows int64
	Commits, Unchanged    int
	Kept                  int // sub-tiles that failed this time and keep an earlier run's rows
}

// Collect reads the documents of a run and joins them.
func Collect(ctx context.Context, r objstore.Reader, in Input) (*Run, error) {
	if len(in.Outcomes) != len(in.Prepared) {
		return nil, fault.New(fault.Bug, "TileCount", "%d tiles were prepared, %d have outcomes", len(in.Prepared), len(in.Outcomes))
	}
	prepared := make([]*survey.Prepared, len(in.Prepared))
	ended := make([][]*results.Outcome, len(in.Prepared))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(documentReads)
	for i, uri := range in.Prepared {
		ended[i] = make([]*results.Outcome, len(in.Outcomes[i]))
		g.Go(func() (err error) {
			prepared[i], err = survey.Load[survey.Prepared](gctx, r, uri)
			return err
		})
		for j, uri := range in.Outcomes[i] {
			if uri == "" {
				continue
			}
			g.Go(func() (err error) {
				ended[i][j], err = survey.Load[results.Outcome](gctx, r, uri)
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("collect the run's outcomes: %w", err)
	}
	run := &Run{RunID: in.RunID, ConfigID: in.ConfigID}
	for i, p := range prepared {
		run.Add(p, ended[i])
	}
	return run, nil
}

// Commit writes run.json and then the run's rows, some tiles at a time. All
// results are read before that: a sub-tile whose files can't be used becomes
// failed in run, with the reason, and the others are committed. Running it
// again leaves one copy of each row.
func Commit(ctx context.Context, store objstore.Store, c *catalog.Catalog, run *Run, runURI string) (string, Total, error) {
	var total Total
	var batches []catalog.Batch // shear rows alone, fewer bytes than run has
	parts := slices.Collect(slices.Chunk(run.Tiles, tilesPerCommit))
	for _, tiles := range parts {
		batch, lost, err := catalog.Gather(ctx, store, run.RunID, plan(run.ConfigID, tiles), outcomes(tiles))
		if err != nil {
			return "", total, err
		}
		fail(tiles, lost)
		batches = append(batches, batch)
	}
	record := objstore.Join(runURI, RunFile)
	if err := survey.Save(ctx, store, record, run); err != nil {
		return "", total, err
	}
	for i, tiles := range parts {
		s, err := c.Commit(ctx, batches[i])
		if err != nil {
			return "", total, fmt.Errorf("commit tiles %d to %d: %w", tiles[0].TileID, tiles[len(tiles)-1].TileID, err)
		}
		total.Snapshot = s.ID
		total.ShearRows += s.ShearRows
		total.SourceRows += s.SourceRows
		total.Kept += s.Kept
		total.Commits++
		if s.Unchanged {
			total.Unchanged++
		}
	}
	return record, total, nil
}
