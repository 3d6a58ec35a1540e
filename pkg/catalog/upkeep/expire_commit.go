package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Expired counts what was removed.
type Expired struct {
	Snapshots int
	Files     Files // what was gone already counts too
}

// Expire removes what a plan holds and what is still of no use by now, the
// snapshots before the files that they alone name. It can be repeated, and two
// may run at once. Where other committers keep coming first, it is for the next time.
func Expire(ctx context.Context, c *tables.Catalog, store objstore.Store, x *Expiry) (done Expired, err error) {
	ctx = c.With(ctx)
	for _, s := range x.Tables {
		n, err := expire(ctx, c, store, s, x.Retention)
		if done.Snapshots += n; err != nil {
			return done, err
		}
		if err := removeFiles(ctx, c, store, s, &done.Files); err != nil {
			return done, fmt.Errorf("remove files of table %s: %w", s.Table, err)
		}
	}
	return done, nil
}

// expire takes the plan's snapshots out of the table's metadata. That changes no
// property and no branch, so leases and rows are as before; a commit that is on
// its way is refused, because the metadata moved on, and replayed.
func expire(ctx context.Context, c *tables.Catalog, store objstore.Store, s *Stale, r Retention) (n int, err error) {
	var before, after table.Metadata
	err = settled(ctx, c, s.layout, func(t *table.Table) (err error) {
		ids := s.unexpired(t.Metadata(), r)
		if n = len(ids); n == 0 {
			return nil
		}
		before = t.Metadata()
		after, err = c.Update(ctx, s.layout, unmoved(before), []table.Update{table.NewRemoveSnapshotsUpdate(ids, false)})
		return err
	})
	switch {
	case tables.Lost(err):
		return 0, fault.Passing(tables.CodeConflict, "expire snapshots: other committers won %d times: %w", tables.Attempts, err).On(s.Table).Fix("run it again")
	case err != nil:
		return 0, fmt.Errorf("expire snapshots of table %s: %w", s.Table, err)
	case n == 0:
		return 0, nil
	}
	return n, removeLog(ctx, store, s, before, after)
}

// unexpired gives those of the plan's snapshots that are there and can still go:
// somebody may have tagged one, or rolled back to it.
func (s *Stale) unexpired(m table.Metadata, r Retention) (ids []int64) {
	if m.TableUUID().String() != s.uuid {
		return nil
	}
	for _, old := range expirable(m, r) {
		if slices.Contains(s.Snapshots, old.SnapshotID) {
			ids = append(ids, old.SnapshotID)
		}
	}
	return ids
}

// unmoved are the requirements that branches and tags are as in m. Those of the
// standard can say so of the ones that there are; that none was added, which
// would go with its snapshot and without a word, is checked where this process
// checks requirements, and an SQL catalogue compares what was checked.
func unmoved(m table.Metadata) []table.Requirement {
	refs := refsOf(m)
	reqs := []table.Requirement{noneAdded{table.AssertTableUUID(m.TableUUID()), refs}}
	for name, id := range refs {
		reqs = append(reqs, table.AssertRefSnapshotID(name, &id))
	}
	return reqs
}

// noneAdded is a requirement that becomes more where it is checked here; over
// the wire it is the one that it holds.
type noneAdded struct {
	table.Requirement
	refs map[string]int64
}

func (r noneAdded) Validate(m table.Metadata) error {
	if err := r.Requirement.Validate(m); err != nil {
		return err
	}
	if !maps.Equal(refsOf(m), r.refs) {
		return errors.New("requirement failed: branches or tags have changed")
	}
	return nil
}

func (r noneAdded) MarshalJSON() ([]byte, error) { return json.Marshal(r.Requirement) }

func refsOf(m table.Metadata) map[string]int64 {
	refs := map[string]int64{}
	for name, ref := range m.Refs() {
		refs[name] = ref.SnapshotID
	}
	return refs
}
