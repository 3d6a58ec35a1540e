// Package commits writes the rows of whole tiles to the shear catalogue, under the
// leases by which the holders of a survey share its tiles.
package commits

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
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
	// Sources gives the tiles' source rows in chunks, say one per sub-tile; at
	// most a few chunks are in memory at once. It may be run more than once and
	// must give the same rows each time. Nil is none.
	Sources iter.Seq2[[]results.Source, error]
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

func commit(ctx context.Context, c *tables.Catalog, b *Batch, shear []rows.Shear) (s Snapshot, err error) {
	sources := replacement[rows.Source]{batch: b, cols: rows.SourceColumns(), chunks: b.sources(), keep: failed(shear), guard: b.guardSources(c)}
	var same bool
	if s.SourcesID, s.SourceRows, s.Unchanged, err = replace(ctx, c, c.SourcesTable(), &sources); err != nil {
		return Snapshot{}, err
	}
	shears := replacement[rows.Shear]{batch: b, cols: rows.ShearColumns(), guard: b.guardShear}
	shears.decide = func(ctx context.Context, t *table.Table) (err error) {
		var left []rows.Shear
		if left, shears.keep, err = keepEarlier(ctx, t, b, shear); err != nil {
			return err
		}
		s.Kept = len(shears.keep)
		shears.chunks = func(yield func([]rows.Shear, error) bool) { yield(left, nil) }
		leases, err := b.after(t, left)
		if err == nil {
			shears.set, shears.remove, err = properties(t, b.ConfigID, leases)
		}
		return err
	}
	s.ID, s.ShearRows, same, err = replace(ctx, c, c.ShearTable(), &shears)
	s.Unchanged = s.Unchanged && same
	return s, err
}

// shear checks the batch and gives its shear rows, sorted by sub-tile.
func (b *Batch) shear() ([]rows.Shear, error) {
	if b.RunID == "" || b.ConfigID == "" {
		return nil, fault.New(fault.Bug, CodeBatch, "a batch needs a run and a configuration")
	}
	given := len(b.Tiles) > 0
	tiles := slices.Clone(b.Tiles)
	shear := make([]rows.Shear, 0, len(b.Shear))
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
		shear = append(shear, rows.Shear{Shear: r, RunID: b.RunID, ConfigID: b.ConfigID})
	}
	slices.Sort(tiles)
	b.Tiles = slices.Compact(tiles)
	if len(b.Tiles) == 0 {
		return nil, fault.New(fault.Bug, CodeBatch, "a batch without tiles")
	}
	slices.SortFunc(shear, func(x, y rows.Shear) int { return x.ID().Compare(y.ID()) })
	for i := range shear[1:] {
		if x, y := shear[i], shear[i+1]; x.ID().Compare(y.ID()) == 0 {
			return nil, fault.Data(CodeBatch, "two shear rows of one sub-tile").At("%s", x.ID())
		}
	}
	return shear, nil
}

// sources gives the batch's source rows, each chunk sorted.
func (b *Batch) sources() iter.Seq2[[]rows.Source, error] {
	return func(yield func([]rows.Source, error) bool) {
		if b.Sources == nil {
			return
		}
		for chunk, err := range b.Sources {
			sources := make([]rows.Source, len(chunk))
			for i, r := range chunk {
				if _, ok := slices.BinarySearch(b.Tiles, r.TileID); !ok && err == nil {
					err = fault.Data(CodeBatch, "a source of tile %d, which is not one of the batch's", r.TileID)
				}
				sources[i] = rows.Source{Source: r, RunID: b.RunID, ConfigID: b.ConfigID}
			}
			slices.SortFunc(sources, func(x, y rows.Source) int {
				return cmp.Or(x.ID().Compare(y.ID()), cmp.Compare(x.ObjectID, y.ObjectID))
			})
			if !yield(sources, err) || err != nil {
				return
			}
		}
	}
}

// replacement is one table's share of a batch.
type replacement[R any] struct {
	batch  *Batch
	cols   []columnar.Column[R]
	chunks iter.Seq2[[]R, error]
	keep   []sky.SubTileID // sub-tiles whose rows stay as they are
	guard  tables.Guard
	// decide, if any, makes what is above, and the changes of leases, anew for
	// the state of the table that is about to be replaced.
	decide func(context.Context, *table.Table) error
	set    iceberg.Properties
	remove []string
}

// digest is the SHA-256 of what is kept and of the rows without RUN_ID: a
// cached result that another run commits again is the same result.
func (r *replacement[R]) digest() (hash string, n int64, err error) {
	h := sha256.New()
	for _, k := range r.keep {
		fmt.Fprintf(h, "keep %d %d %d\n", k.TileID, k.Row, k.Col)
	}
	for chunk, err := range r.chunks {
		if err != nil {
			return "", 0, err
		}
		n += int64(len(chunk))
		for i := range chunk {
			for _, c := range r.cols {
				if c.Name == "RUN_ID" {
					continue
				}
				switch p := c.Ref(&chunk[i]).(type) {
				case **float32:
					if *p == nil {
						fmt.Fprint(h, "-\n")
					} else {
						fmt.Fprintf(h, "%b\n", **p)
					}
				case *float64:
					fmt.Fprintf(h, "%b\n", *p)
				case *string:
					fmt.Fprintf(h, "%q\n", *p)
				case *int64:
					fmt.Fprintf(h, "%d\n", *p)
				case *int32:
					fmt.Fprintf(h, "%d\n", *p)
				}
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// replace commits one table's share.
func replace[R any](ctx context.Context, c *tables.Catalog, l tables.Layout, r *replacement[R]) (id, rows int64, same bool, err error) {
	sc, err := table.SchemaToArrowSchema(l.Schema, nil, true, false)
	if err != nil {
		return 0, 0, false, err
	}
	var hash string
	if r.decide == nil {
		if hash, rows, err = r.digest(); err != nil {
			return 0, 0, false, fmt.Errorf("read rows for %s: %w", l.Name(), err)
		}
	}
	for attempt := range tables.Attempts {
		if err := tables.Pause(ctx, attempt); err != nil {
			return 0, 0, false, err
		}
		var t *table.Table
		if t, err = c.Ensure(ctx, l, r.replayed); err != nil {
			return 0, 0, false, err
		}
		if r.decide != nil {
			if err = r.decide(ctx, t); err == nil {
				hash, rows, err = r.digest()
			}
			if err != nil {
				return 0, 0, false, fmt.Errorf("read rows for %s: %w", l.Name(), err)
			}
		}
		same = present(t, r.batch, hash) || rows == 0 && t.CurrentSnapshot() == nil
		if same && !r.endsLease(t) {
			return tables.SnapshotID(t), rows, true, nil
		}
		if err = r.guard(ctx, t); err != nil {
			return 0, 0, false, err
		}
		var done *table.Table
		if done, err = r.once(ctx, t, sc, hash, rows, same); err == nil {
			return tables.SnapshotID(done), rows, same, nil
		}
		if !tables.Lost(err) && !movedOn(ctx, c, l, t) {
			return 0, 0, false, fmt.Errorf("commit to table %s: %w", l.Name(), err)
		}
	}
	return 0, 0, false, fault.Passing(tables.CodeConflict, "commit: other committers of the same tiles won %d times: %w", tables.Attempts, err).On(l.Name()).Fix("run it again")
}

// replayed is the guard of a state that the commit is replayed on: somebody may
// have deleted rows of a file that it was about to write anew.
func (r *replacement[R]) replayed(ctx context.Context, t *table.Table) error {
	if err := r.guard(ctx, t); err != nil {
		return err
	}
	return tables.NoDeletes(ctx, t)
}

// movedOn says whether a table is another state by now: upkeep may have removed
// what a commit was about to read of the one before.
func movedOn(ctx context.Context, c *tables.Catalog, l tables.Layout, t *table.Table) bool {
	now, exists, err := c.Load(ctx, l, nil)
	return err == nil && exists && now.MetadataLocation() != t.MetadataLocation()
}

// endsLease says whether there is a lease of the batch's to end, though the rows stay.
func (r *replacement[R]) endsLease(t *table.Table) bool {
	return r.batch.fenced() && len(r.set)+len(r.remove) > 0 && r.guard(context.Background(), t) == nil
}

// once builds and sends the commit on a state of the table.
func (r *replacement[R]) once(ctx context.Context, t *table.Table, sc *arrow.Schema, hash string, n int64, same bool) (*table.Table, error) {
	tx := t.NewTransaction()
	if same {
		if err := stage(ctx, tx, r.set, r.remove); err != nil {
			return nil, err
		}
		return tx.Commit(ctx)
	}
	if err := errors.Join(tables.NoDeletes(ctx, t), tx.SetProperties(r.batch.remember(t, r.set)), tx.RemoveProperties(r.remove)); err != nil {
		return nil, err
	}
	old := r.batch.replaced(r.keep)
	props := iceberg.Properties{PropRun: r.batch.RunID, PropConfig: r.batch.ConfigID, PropTiles: tileList(r.batch.Tiles), PropDigest: hash}
	if r.batch.fenced() {
		props[PropTokens] = r.batch.tokens()
	}
	if n == 0 {
		if err := tx.Delete(ctx, old, props); err != nil {
			return nil, err
		}
		return tx.Commit(ctx)
	}
	rdr := rows.NewReader(sc, r.cols, r.chunks)
	defer rdr.Release()
	if err := tx.Overwrite(ctx, rdr, props, table.WithOverwriteFilter(old)); err != nil {
		return nil, err
	}
	if rdr.Err() != nil {
		return nil, rdr.Err()
	}
	return tx.Commit(ctx)
}

// present says whether the newest snapshot that touched the batch's tiles left
// exactly these rows. Of one that has expired it is not known.
func present(t *table.Table, b *Batch, hash string) bool {
	p := newest(t, b)
	return p != nil && p[PropTiles] == tileList(b.Tiles) && p[PropDigest] == hash
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

func tileList(tiles []int64) string {
	s := make([]string, len(tiles))
	for i, id := range tiles {
		s[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(s, ",")
}

func touches(list string, tiles []int64) bool {
	for s := range strings.SplitSeq(list, ",") {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil || slices.Contains(tiles, id) {
			return true
		}
	}
	return false
}
