// Package commits writes the rows of whole tiles to the shear catalogue, under the
// leases by which the holders of a survey share its tiles.
package commits

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/results"
)

// Codes of this package's failures.
const (
	CodeBatch     = "CatalogBatch" // bad data: rows that don't belong into a batch
	CodeLeaseLost = "LeaseLost"    // bad input: the tile is another holder's by now; trying again is no use
	CodeRelease   = "ReleaseHeld"  // bad input: the configuration's rows are of another release of the MER products
	CodeLeased    = "TileLeased"   // bad input: without a lease, and somebody else has one
)

// Batch is what one commit replaces: all rows of some tiles of one configuration.
type Batch struct {
	RunID    string
	ConfigID string
	Tiles    []int64 // empty: the tiles of Shear
	Shear    []results.Shear
	// Sources gives the tiles' source rows in the order of tiles, in records whose
	// fields are the columns of package results; a record is in use until the next.
	// It is run again where an attempt has to be made anew, and must give the same
	// rows each time. Nil is none.
	Sources iter.Seq2[arrow.RecordBatch, error]
	// Written, if not nil, are files with the rows that Sources gives.
	Written *Written
	// Inputs, if not empty, is a digest of all that the rows are made of: with the
	// same one the rows are the same. Then what is there already is known without
	// reading a row, see [Done].
	Inputs string
	// Release is that of the MER products that the rows were made from, as the
	// table is to remember it for the configuration; empty where it is not known.
	// A batch is refused where rows of the configuration are of another release.
	Release string
	// Leases, if not nil, are what the committer has its tiles by; others' don't
	// hurt. The commit ends them, and is refused if one is not its any more. A
	// batch without leases is refused while somebody holds one of its tiles; a
	// lease that has run out it ends.
	Leases []Lease
}

// Snapshot says what a commit did.
type Snapshot struct {
	ID         int64 `json:"snapshot_id"`         // of the shear table
	SourcesID  int64 `json:"sources_snapshot_id"` // of the source table; 0 where it has never had a row
	ShearRows  int64 `json:"shear_rows"`          // of this batch
	SourceRows int64 `json:"source_rows"`
	Unchanged  bool  `json:"unchanged"` // the same rows were there already, no snapshot was made
	Kept       int   `json:"kept"`      // sub-tiles that failed this time and keep their earlier rows
}

// Keys of the snapshot properties that a commit leaves.
const (
	PropRun    = "constellation.run-id"
	PropConfig = "constellation.config-id"
	PropTiles  = "constellation.tiles"
	PropDigest = "constellation.digest"
	PropInputs = "constellation.inputs" // Batch.Inputs
	PropRows   = "constellation.rows"   // of the batch
	PropKept   = "constellation.kept"   // sub-tiles that kept their rows
	PropTokens = "constellation.tokens" // of the leases that rows were committed under, in the order of the tiles
	PropLeases = "constellation.leases" // number of leases that changed: such a snapshot changes no rows
)

// Commit replaces the rows of the batch's tiles and configuration. Where the
// same rows are there already, whichever run committed them, nothing is
// written. A sub-tile that failed this time does not replace what an earlier
// run measured there. After a failure each table is as before or as after, and
// the same commit can be run again.
//
// Under leases it fails with [CodeLeaseLost], for good, once another holder has
// one of the tiles, and then leaves the shear table as it is; what it may have
// written to the sources by then, that holder replaces. Rows and leases change
// together. A lease is good for one commit: the same tiles again under the same
// leases are left as they were committed first.
func Commit(ctx context.Context, c *tables.Catalog, b Batch) (Snapshot, error) {
	ctx = c.With(ctx)
	shear, err := b.shear()
	if err != nil {
		return Snapshot{}, err
	}
	s, err := commit(ctx, c, &b, shear)
	if fault.CodeOf(err) == CodeLeaseLost {
		if before, yes := b.committed(ctx, c); yes {
			before.ShearRows = int64(len(shear))
			return before, nil
		}
	}
	return s, err
}

func commit(ctx context.Context, c *tables.Catalog, b *Batch, shear []results.Shear) (s Snapshot, err error) {
	sources := b.replaceSources(c, shear)
	if s.SourcesID, s.SourceRows, s.Unchanged, err = sources.replace(ctx, c); err != nil {
		return Snapshot{}, err
	}
	shears := replacement{batch: b, layout: c.ShearTable(), guard: b.guardShear}
	shears.decide = func(ctx context.Context, t *table.Table) (err error) {
		var left []results.Shear
		if left, shears.keep, err = keepEarlier(ctx, c.ShearTable(), t, b, shear); err != nil {
			return err
		}
		s.Kept = len(shears.keep)
		shears.records = rows.Records(results.ShearColumns(), func(yield func([]results.Shear, error) bool) { yield(left, nil) })
		leases, err := b.after(t, left)
		if err == nil {
			shears.set, shears.remove, err = properties(t, b.ConfigID, leases)
		}
		return err
	}
	var same bool
	s.ID, s.ShearRows, same, err = shears.replace(ctx, c)
	s.Unchanged = s.Unchanged && same
	return s, err
}

func (b *Batch) replaceSources(c *tables.Catalog, shear []results.Shear) *replacement {
	r := &replacement{batch: b, layout: c.SourcesTable(), records: b.sources(), keep: failed(shear), guard: b.guardSources(c)}
	if w := b.Written; w != nil {
		r.written, r.shape, r.since = w.files, w.shape, w.since
	}
	return r
}

// Done says whether the newest commits of a batch's tiles were of the same inputs,
// and what they left: then there is nothing to commit, nor to read. A batch under
// leases has these to end, whatever is there.
func Done(ctx context.Context, c *tables.Catalog, b Batch) (s Snapshot, yes bool, err error) {
	ctx = c.With(ctx)
	if b.Inputs == "" || b.fenced() || len(b.Tiles) == 0 {
		return s, false, nil
	}
	b.Tiles = slices.Compact(slices.Sorted(slices.Values(b.Tiles)))
	s.Unchanged = true
	for _, of := range []struct {
		layout   tables.Layout
		id, rows *int64
		kept     *int
	}{{c.SourcesTable(), &s.SourcesID, &s.SourceRows, nil}, {c.ShearTable(), &s.ID, &s.ShearRows, &s.Kept}} {
		t, exists, err := c.Load(ctx, of.layout, nil)
		if err != nil || !exists {
			return Snapshot{}, false, err
		}
		p := newest(t, &b)
		if p == nil || p[PropTiles] != tileList(b.Tiles) || p[PropInputs] != b.Inputs {
			return Snapshot{}, false, heldRelease(t, b.ConfigID, b.Release)
		}
		*of.id = tables.SnapshotID(t)
		*of.rows, err = strconv.ParseInt(p[PropRows], 10, 64)
		if of.kept != nil && err == nil {
			*of.kept, err = strconv.Atoi(p[PropKept])
		}
		if err != nil { // it says nothing that can be gone by
			return Snapshot{}, false, nil
		}
	}
	return s, true, nil
}

// shear checks the batch and gives its shear rows, sorted by sub-tile.
func (b *Batch) shear() ([]results.Shear, error) {
	if b.RunID == "" || b.ConfigID == "" {
		return nil, fault.New(fault.Bug, CodeBatch, "a batch needs a run and a configuration")
	}
	given := len(b.Tiles) > 0
	tiles := slices.Clone(b.Tiles)
	for _, r := range b.Shear {
		if r.Status == "" {
			return nil, fault.Data(CodeBatch, "a row without STATUS").At("%s", r.ID())
		}
		if given && !slices.Contains(b.Tiles, r.TileID) {
			return nil, fault.Data(CodeBatch, "tile %d is not one of the batch's", r.TileID)
		}
		if !given {
			tiles = append(tiles, r.TileID)
		}
	}
	slices.Sort(tiles)
	b.Tiles = slices.Compact(tiles)
	if len(b.Tiles) == 0 {
		return nil, fault.New(fault.Bug, CodeBatch, "a batch without tiles")
	}
	shear := slices.SortedFunc(slices.Values(b.Shear), func(x, y results.Shear) int { return x.ID().Compare(y.ID()) })
	for i := range shear[min(1, len(shear)):] {
		if x, y := shear[i], shear[i+1]; x.ID() == y.ID() {
			return nil, fault.Data(CodeBatch, "two shear rows of one sub-tile").At("%s", x.ID())
		}
	}
	return shear, nil
}

// sources gives the batch's source rows, all of them of its tiles.
func (b *Batch) sources() iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if b.Sources == nil {
			return
		}
		for rec, err := range b.Sources {
			if err == nil {
				err = b.ofTiles(rec)
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

func (b *Batch) ofTiles(rec arrow.RecordBatch) error {
	at := rec.Schema().FieldIndices("TILE_ID")
	if len(at) != 1 {
		return fault.New(fault.Bug, CodeBatch, "records of sources without TILE_ID")
	}
	tiles, ok := rec.Column(at[0]).(*array.Int64)
	if !ok {
		return fault.New(fault.Bug, CodeBatch, "records of sources with a TILE_ID of %s", rec.Column(at[0]).DataType())
	}
	known := int64(-1)
	for _, tile := range tiles.Int64Values() {
		if _, is := slices.BinarySearch(b.Tiles, tile); tile != known && !is {
			return fault.Data(CodeBatch, "a source of tile %d, which is not one of the batch's", tile)
		}
		known = tile
	}
	return nil
}

// newest gives the properties of the newest snapshot that touched the batch's
// tiles. A snapshot of somebody else's that may have changed rows ends the
// search: then it's not known.
func newest(t *table.Table, b *Batch) iceberg.Properties {
	for s := t.CurrentSnapshot(); s != nil; s = parent(t, s) {
		if s.Summary == nil {
			return nil
		}
		p := s.Summary.Properties
		switch {
		case p[PropTiles] == "" && p[PropLeases] == "" && s.Summary.Operation != table.OpReplace:
			return nil
		case p[PropTiles] != "" && p[PropConfig] == b.ConfigID && touches(p[PropTiles], b.Tiles):
			return p
		}
	}
	return nil
}

func parent(t *table.Table, s *table.Snapshot) *table.Snapshot {
	if s.ParentSnapshotID == nil {
		return nil
	}
	return t.SnapshotByID(*s.ParentSnapshotID)
}
