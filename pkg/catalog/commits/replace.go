package commits

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/files"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

// A tile is replaced in one snapshot by position deletes of the rows that are there
// and new files with its rows, whatever else is in the files that are there; what
// somebody else deleted of these stays deleted. The library's copy-on-write would
// bring that back (apache/iceberg-go#2042).
//
// Which rows are there is looked up in the very state of the table that the commit
// asks the catalogue to replace. Replayed on another state, two commits of one tile
// would leave its rows twice, and so the library may not replay: where another
// commit came first, all but the new files is made again.

// attempts bounds how often a commit is built again: each time that it loses, one
// of the others has won.
const attempts = 100

// replacement is one table's share of a batch.
type replacement struct {
	batch   *Batch
	layout  tables.Layout
	records iter.Seq2[arrow.RecordBatch, error]
	keep    []sky.SubTileID // sub-tiles whose rows stay as they are
	guard   tables.Guard
	// decide, if any, makes what is above, and the changes of leases, anew for
	// the state of the table that is about to be replaced.
	decide func(context.Context, *table.Table) error
	set    iceberg.Properties
	remove []string

	written []iceberg.DataFile // the rows, in the shape that the table had
	shape   string
	since   time.Time
}

// replace commits one table's share.
func (r *replacement) replace(ctx context.Context, c *tables.Catalog) (id, rows int64, same bool, err error) {
	var hash string
	if r.decide == nil {
		if hash, rows, err = r.digest(); err != nil {
			return 0, 0, false, fmt.Errorf("read rows for %s: %w", r.layout.Name(), err)
		}
	}
	for attempt := range attempts {
		if err := tables.Pause(ctx, attempt); err != nil {
			return 0, 0, false, err
		}
		var t *table.Table
		if t, err = c.Ensure(ctx, r.layout, r.guard); err != nil {
			return 0, 0, false, err
		}
		if r.decide != nil {
			if err = r.decide(ctx, t); err == nil {
				hash, rows, err = r.digest()
			}
			if err != nil {
				return 0, 0, false, fmt.Errorf("read rows for %s: %w", r.layout.Name(), err)
			}
			r.written = nil // they may be others
		}
		before, same := present(t, r.batch, hash)
		same = same || r.batch.Inputs == "" && rows == 0 && t.CurrentSnapshot() == nil
		if same && !r.endsLease(t) && !r.fences(t) {
			return tables.SnapshotID(t), max(rows, before), true, nil
		}
		if err = r.guard(ctx, t); err != nil {
			return 0, 0, false, err
		}
		if same {
			rows = max(rows, before)
		} else if rows, err = r.write(ctx, t); err != nil {
			return 0, 0, false, fmt.Errorf("write rows of table %s: %w", r.layout.Name(), err)
		}
		var done *table.Table
		if done, err = r.once(ctx, t, hash, rows, same); err == nil {
			return tables.SnapshotID(done), rows, same, nil
		}
		if !tables.Lost(err) && !movedOn(ctx, c, r.layout, t) {
			return 0, 0, false, fmt.Errorf("commit to table %s, on snapshot %d: %w", r.layout.Name(), tables.SnapshotID(t), err)
		}
	}
	return 0, 0, false, fault.Passing(tables.CodeConflict, "commit: other committers won %d times: %w", attempts, err).On(r.layout.Name()).Fix("run it again")
}

// movedOn says whether a table is another state by now: upkeep may have removed
// what a commit was about to read of the one before.
func movedOn(ctx context.Context, c *tables.Catalog, l tables.Layout, t *table.Table) bool {
	now, exists, err := c.Load(ctx, l, nil)
	return err == nil && exists && now.MetadataLocation() != t.MetadataLocation()
}

// endsLease says whether there is a lease of the batch's to end, though the rows stay.
func (r *replacement) endsLease(t *table.Table) bool {
	return r.batch.fenced() && len(r.set)+len(r.remove) > 0 && r.guard(context.Background(), t) == nil
}

// fences says whether the table has to become another state though the rows are
// there: they are of an earlier lease's commit, and a holder of one since then may
// be about to replace that state, who was overtaken by this batch's. A holder that has
// lost its lease is in nobody's way.
func (r *replacement) fences(t *table.Table) bool {
	if !r.batch.fenced() || r.decide != nil {
		return false // or the end of the lease is another state
	}
	p := newest(t, r.batch)
	return p != nil && p[PropTokens] != r.batch.tokens() && r.guard(context.Background(), t) == nil
}

// write makes the files of the rows, unless there are some that fit the table and
// are so young that upkeep leaves them alone.
func (r *replacement) write(ctx context.Context, t *table.Table) (rows int64, err error) {
	m := t.Metadata()
	shape := fmt.Sprint(m.TableUUID(), m.Version(), m.DefaultPartitionSpec(), m.CurrentSchema().ID)
	if r.written == nil || r.shape != shape || time.Since(r.since) > tables.LongCommit {
		r.since, r.shape = time.Now(), shape
		if r.written, err = files.Write(ctx, t, r.fitted(t), Options(r.layout, t)); err != nil {
			return 0, err
		}
	}
	for _, f := range r.written {
		rows += f.Count()
	}
	return rows, nil
}

// once builds and sends the commit on a state of the table.
func (r *replacement) once(ctx context.Context, t *table.Table, hash string, rows int64, same bool) (*table.Table, error) {
	tx := t.NewTransaction()
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		return nil, err
	}
	if same {
		if err := stage(ctx, tx, r.set, r.remove); err != nil {
			return nil, err
		}
		return tx.Commit(ctx)
	}
	if err := errors.Join(tx.SetProperties(r.batch.remember(t, r.set)), tx.RemoveProperties(r.remove)); err != nil {
		return nil, err
	}
	props := iceberg.Properties{
		PropRun: r.batch.RunID, PropConfig: r.batch.ConfigID, PropTiles: tileList(r.batch.Tiles), PropDigest: hash,
		PropRows: strconv.FormatInt(rows, 10), PropKept: strconv.Itoa(len(r.keep)),
	}
	if r.batch.Inputs != "" {
		props[PropInputs] = r.batch.Inputs
	}
	if r.batch.fenced() {
		props[PropTokens] = r.batch.tokens()
	}
	if err := r.swap(ctx, t, tx, props); err != nil {
		return nil, err
	}
	return tx.Commit(ctx)
}

// present says whether the newest snapshot that touched the batch's tiles left
// exactly these rows, and how many. Of one that has expired it is not known.
func present(t *table.Table, b *Batch, hash string) (rows int64, yes bool) {
	p := newest(t, b)
	if p == nil || p[PropTiles] != tileList(b.Tiles) || p[PropDigest] != hash {
		return 0, false
	}
	rows, _ = strconv.ParseInt(p[PropRows], 10, 64) // older versions don't say
	return rows, true
}
