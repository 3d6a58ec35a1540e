package assemble

import (
	"cmp"
	"context"
	"errors"
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
	// bytesPerCommit and tilesPerCommit bound what one commit replaces: the bytes of
	// its source files, and the tiles, whose shear rows it holds in memory and whose
	// numbers its snapshot names.
	bytesPerCommit = 512 << 20
	tilesPerCommit = 500
	// documentReads is how many small documents are read at the same time.
	documentReads = 32
)

// Total is what was committed.
type Total struct {
	Snapshot              int64 // of the shear table, the last one
	ShearRows, SourceRows int64
	Commits, Unchanged    int
	Kept                  int // sub-tiles that failed this time and keep an earlier run's rows
	// Measured is the row of each sub-tile whose results were read: none, where they
	// are known to be in the catalogue.
	Measured map[sky.SubTileID]results.Shear
}

// Terms are what rows are committed under.
type Terms struct {
	Methods []string        // that a measurement may name; none: any engine's
	Release string          // of the MER products, as catalog.Batch has it
	Leases  []catalog.Lease // if not nil: what the tiles are committed by; each commit ends those of its tiles
}

// Commit commits the rows of some tiles, and writes the record of them to uri before
// that. What inference left is read once, and held to what it was planned from: a
// sub-tile whose files can't be used becomes failed in run, with the reason, and the
// others are committed. Running it again leaves one copy of each row; where nothing
// has changed, no results are read.
func Commit(ctx context.Context, store objstore.Store, c *catalog.Catalog, run *survey.Run, terms Terms, uri string) (Total, error) {
	a := &assembly{store: store, catalog: c, run: run, terms: terms, record: uri, total: Total{Measured: map[sky.SubTileID]results.Shear{}}}
	parts, err := partsOf(run)
	if err != nil {
		return a.total, err
	}
	var lost error
	for _, p := range parts {
		err := a.commit(ctx, p)
		if fault.CodeOf(err) == catalog.CodeLeaseLost && len(p.tiles) > 1 {
			err = a.commitEach(ctx, p)
		}
		if fault.CodeOf(err) == catalog.CodeLeaseLost {
			lost = cmp.Or(lost, err)
			continue
		}
		if err != nil {
			return a.total, fmt.Errorf("commit tiles %d to %d: %w", p.tiles[0].TileID, p.tiles[len(p.tiles)-1].TileID, err)
		}
	}
	if a.stale || !a.saved {
		err = a.save(ctx)
	}
	if err == nil && !a.total.AllUnchanged() {
		err = c.Tidy(ctx)
	}
	return a.total, cmp.Or(lost, err)
}

// partsOf are the commits of a run: as many tiles, in the order of their numbers,
// as one may have.
func partsOf(run *survey.Run) (parts []*part, err error) {
	tiles := make([]*survey.RunTile, len(run.Tiles))
	for i := range tiles {
		tiles[i] = &run.Tiles[i]
	}
	slices.SortStableFunc(tiles, func(a, b *survey.RunTile) int { return cmp.Compare(a.TileID, b.TileID) })
	for from := 0; from < len(tiles); {
		to, bytes := from, int64(0)
		for to < len(tiles) && to-from < tilesPerCommit && (to == from || bytes < bytesPerCommit || tiles[to].TileID == tiles[to-1].TileID) {
			for i := range tiles[to].SubTiles {
				bytes += tiles[to].SubTiles[i].Sources.Size
			}
			to++
		}
		p, err := newPart(run, tiles[from:to])
		if err != nil {
			return nil, err
		}
		parts, from = append(parts, p), to
	}
	return parts, nil
}

// assembly is one run of Commit.
type assembly struct {
	store   objstore.Store
	catalog *catalog.Catalog
	run     *survey.Run
	terms   Terms
	record  string
	total   Total
	saved   bool // the record is there
	stale   bool // it says less than is known
}

func (a *assembly) save(ctx context.Context) error {
	a.saved, a.stale = true, false
	return survey.Save(ctx, a.store, a.record, a.run)
}

// commit commits a part, unless its rows are known to be there. Its source rows are
// written to files of the table while they are checked; nothing names these until
// all of the part is known, and the record says it.
func (a *assembly) commit(ctx context.Context, p *part) error {
	before := a.batch(ctx, p)
	if s, done, err := a.catalog.Done(ctx, before); done || err != nil {
		return a.add(s, err)
	}
	written, err := a.catalog.Write(ctx, before)
	if err != nil {
		return err
	}
	if !p.read {
		return fault.New(fault.Bug, catalog.CodeBatch, "the rows of a batch were written before all of them were read")
	}
	for id, row := range p.rows {
		a.total.Measured[id] = row
	}
	if a.stale = a.stale || p.learnt > 0; p.lost > 0 || !a.saved {
		if err := a.save(ctx); err != nil {
			return err
		}
	}
	b := a.batch(ctx, p)
	if b.Inputs != before.Inputs { // now that all is known, nothing may be new
		if s, done, err := a.catalog.Done(ctx, b); done || err != nil {
			return errors.Join(a.add(s, err), written.Discard(ctx, a.catalog.Catalog))
		}
	}
	b.Written = written
	return a.add(a.catalog.Commit(ctx, b))
}

// batch is a part as the catalogue takes it.
func (a *assembly) batch(ctx context.Context, p *part) catalog.Batch {
	b := catalog.Batch{RunID: a.run.RunID, ConfigID: a.run.ConfigID, Shear: p.shear(), Inputs: p.inputs(),
		Sources: p.sources(ctx, a.store, a.terms.Methods), Release: a.terms.Release, Leases: a.terms.Leases}
	for _, t := range p.tiles {
		b.Tiles = append(b.Tiles, t.TileID)
	}
	return b
}

// commitEach commits tiles one by one, after a lease of theirs was lost: the
// others' work is not thrown away with it. It ends with the first lease that was lost.
func (a *assembly) commitEach(ctx context.Context, whole *part) error {
	var lost error
	for one := range slices.Chunk(whole.tiles, 1) {
		p, err := newPart(a.run, one)
		if err == nil {
			err = a.commit(ctx, p)
		}
		if fault.CodeOf(err) == catalog.CodeLeaseLost {
			lost = cmp.Or(lost, err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return lost
}

// AllUnchanged says whether every row was there already.
func (t Total) AllUnchanged() bool { return t.Unchanged == t.Commits }

func (a *assembly) add(s catalog.Snapshot, err error) error {
	if err != nil {
		return err
	}
	t := &a.total
	t.Snapshot = s.ID
	t.ShearRows += s.ShearRows
	t.SourceRows += s.SourceRows
	t.Kept += s.Kept
	t.Commits++
	if s.Unchanged {
		t.Unchanged++
	}
	return nil
}
