package assemble

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

const (
	// tilesPerCommit bounds what one commit replaces; a snapshot costs a few
	// requests whatever its size, and source rows are streamed.
	tilesPerCommit = 32
	// documentReads is how many small documents are read at the same time.
	documentReads = 32
)

// Total is what was committed.
type Total struct {
	Snapshot              int64 // of the shear table, the last one
	ShearRows, SourceRows int64
	Commits, Unchanged    int
	Kept                  int // sub-tiles that failed this time and keep an earlier run's rows
	// Measured is each sub-tile's row as it was gathered.
	Measured map[sky.SubTileID]results.Shear
}

// Terms are what rows are committed under.
type Terms struct {
	Methods []string        // that a measurement may name; none: any engine's
	Release string          // of the MER products, as catalog.Batch has it
	Leases  []catalog.Lease // if not nil: what the tiles are committed by; each commit ends those of its tiles
}

// Commit writes the record of some tiles to uri and then their rows, some tiles
// at a time. All results are read before that: a sub-tile whose files can't be
// used becomes failed in run, with the reason, and the others are committed.
// Running it again leaves one copy of each row.
func Commit(ctx context.Context, store objstore.Store, c *catalog.Catalog, run *survey.Run, terms Terms, uri string) (Total, error) {
	total := Total{Measured: map[sky.SubTileID]results.Shear{}}
	var batches []catalog.Batch // shear rows alone, fewer bytes than run has
	parts := slices.Collect(slices.Chunk(run.Tiles, tilesPerCommit))
	for _, tiles := range parts {
		batch, lost, err := Gather(ctx, store, run.RunID, held(plan(run.ConfigID, tiles), store, terms.Methods), outcomes(tiles))
		if err != nil {
			return total, err
		}
		fail(tiles, lost)
		batch.Leases, batch.Release = terms.Leases, terms.Release
		batches = append(batches, batch)
		for _, row := range batch.Shear {
			total.Measured[row.ID()] = row
		}
	}
	if err := survey.Save(ctx, store, uri, run); err != nil {
		return total, err
	}
	var lost error
	for i, tiles := range parts {
		s, err := c.Commit(ctx, batches[i])
		if fault.CodeOf(err) == catalog.CodeLeaseLost && len(tiles) > 1 {
			err = commitEach(ctx, store, c, run, terms, tiles, &total)
			lost = cmp.Or(lost, err)
			if err == nil || fault.CodeOf(err) == catalog.CodeLeaseLost {
				continue
			}
		}
		if err != nil {
			return total, fmt.Errorf("commit tiles %d to %d: %w", tiles[0].TileID, tiles[len(tiles)-1].TileID, err)
		}
		total.add(s)
	}
	return total, lost
}

// commitEach commits tiles one by one, after a lease of theirs was lost: the
// others' work is not thrown away with it. It ends with the first lease that was lost.
func commitEach(ctx context.Context, store objstore.Store, c *catalog.Catalog, run *survey.Run, terms Terms, tiles []survey.RunTile, total *Total) error {
	var lost error
	for one := range slices.Chunk(tiles, 1) {
		batch, _, err := Gather(ctx, store, run.RunID, plan(run.ConfigID, one), outcomes(one))
		if err != nil {
			return err
		}
		batch.Leases, batch.Release = terms.Leases, terms.Release
		s, err := c.Commit(ctx, batch)
		switch {
		case fault.CodeOf(err) == catalog.CodeLeaseLost:
			lost = cmp.Or(lost, err)
		case err != nil:
			return fmt.Errorf("commit tile %d: %w", one[0].TileID, err)
		default:
			total.add(s)
		}
	}
	return lost
}

// AllUnchanged says whether every row was there already.
func (t Total) AllUnchanged() bool { return t.Unchanged == t.Commits }

func (t *Total) add(s catalog.Snapshot) {
	t.Snapshot = s.ID
	t.ShearRows += s.ShearRows
	t.SourceRows += s.SourceRows
	t.Kept += s.Kept
	t.Commits++
	if s.Unchanged {
		t.Unchanged++
	}
}
