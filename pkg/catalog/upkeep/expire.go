// Package upkeep looks after the tables of the shear catalogue: it merges what many
// commits leave, and removes snapshots and files that nothing needs any more. It
// changes no lease, and no row but in a repair ([Repair]).
package upkeep

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/commits"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Each commit leaves a snapshot, and the files of those before it stay for as
// long as a snapshot names them; one that was cut off or lost leaves files that
// none names. Upkeep takes both away, in two steps: [Catalog.PlanExpiry] finds
// what can go, [Catalog.Expire] removes what was found and nothing else.
//
// The library has both halves, and neither is used. Transaction.ExpireSnapshots
// decides by the clock of the moment, so that what goes need not be what was
// shown; it takes a snapshot's age from when it was made, though it may have
// been the current one until a minute ago; it removes files at once unless told
// not to, wherever their names lead; and replayed, or on a table that somebody
// is tagging, it takes a new branch or tag away with its snapshot.
// Table.PlanOrphanFiles, asked for a plan, takes snapshots that are about to go
// for ones that stay; it takes every file for an orphan that no metadata names:
// a note, another table's files in the same place, a symbolic link to the
// directory that holds the data.

// CodeYoung is bad input: files of commits that are under way would go.
const CodeYoung = "CatalogInUse"

// Retention says what upkeep leaves alone.
type Retention struct {
	// Before is a time: what came or was still in use then, or later, stays. A
	// snapshot is in use until another one takes its place. Whoever began to read
	// or to commit since then finds every file that was there when it began.
	Before time.Time
	Keep   int // the newest so many snapshots of each branch stay, at least 1
	// Unnamed lifts the floor under the age of files that nothing names, see
	// [tables.Floor]: they go from Before on. A commit that is under way then loses its
	// files, and leaves a table that can't be read; so it is refused where a
	// snapshot is younger than the floor.
	Unnamed bool
}

// Expiry is what can go of the catalogue.
type Expiry struct {
	Retention                // as it came out
	Lease     *commits.Lease // the oldest that somebody has, where Before is earlier than asked for because of it
	Tables    []*Stale
}

// Stale is what can go of one table.
type Stale struct {
	Table     string
	Location  string  // what lies elsewhere is left alone, whatever names it
	Snapshots []int64 // oldest first
	First     time.Time
	Last      time.Time // when the first and the last of them were made
	Stay      int       // snapshots that stay
	Data      Files     // that no snapshot names which stays
	Metadata  Files     // likewise: manifests, their lists, table metadata
	Foreign   Files     // that are left alone, since no commit gives such names
	Young     Files     // that are left alone, since a commit may be about to name them
	Kept      string    // why nothing goes, or no file; empty: what is found can go

	layout  tables.Layout
	uuid    string
	written *regexp.Regexp // the paths that commits give to files, see [written]
	files   []objstore.Info
}

// Empty says whether nothing can go.
func (x *Expiry) Empty() bool {
	return !slices.ContainsFunc(x.Tables, func(s *Stale) bool { return len(s.Snapshots)+len(s.files) > 0 })
}

// clocks is how far the clocks of holders, and of the store, may be apart.
const clocks = 15 * time.Minute

// PlanExpiry finds what can go. A campaign holds it back: nothing goes that
// came, or was in use, since the oldest lease was given out that somebody has.
func PlanExpiry(ctx context.Context, c *tables.Catalog, store objstore.Store, r Retention) (*Expiry, error) {
	ctx = c.With(ctx)
	if r.Keep < 1 {
		return nil, fault.Input(tables.CodeSettings, "%d snapshots can't be kept: the current one stays", r.Keep)
	}
	x := &Expiry{Retention: r}
	for _, l := range []tables.Layout{c.ShearTable(), c.SourcesTable()} { // in this order: the leases are in the first
		var s *Stale
		err := settled(ctx, c, l, func(t *table.Table) (err error) {
			if err = x.wait(t); err == nil {
				s, err = stale(ctx, c, store, l, t, x.Retention)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for what can go of table %s: %w", l.Name(), err)
		}
		if s != nil {
			x.Tables = append(x.Tables, s)
		}
	}
	if len(x.Tables) == 0 {
		return nil, fault.Input(tables.CodeTable, "the catalogue has no table %s", c.ShearTable().Name()).On(c.URI()).
			Fix("output.catalog_namespace and catalog_table name it; assembling makes it")
	}
	return x, nil
}

// settled runs what is done about a state of a table, if there is one. Where it
// fails and the table has moved on in the meantime, it is run again on what came
// of that: another one's upkeep may have removed what it read, and not all
// catalogues have a clear word for a commit that came too late.
func settled(ctx context.Context, c *tables.Catalog, l tables.Layout, do func(*table.Table) error) (err error) {
	for attempt := range tables.Attempts {
		if err := tables.Pause(ctx, attempt); err != nil {
			return err
		}
		t, exists, lerr := c.Load(ctx, l, nil)
		if lerr != nil || !exists {
			return lerr
		}
		if err = do(t); err == nil {
			return nil
		}
		now, exists, lerr := c.Load(ctx, l, nil)
		if lerr != nil || !exists || !tables.Lost(err) && now.MetadataLocation() == t.MetadataLocation() {
			return err
		}
	}
	return err
}

// wait moves Before back behind the leases in a table.
func (x *Expiry) wait(t *table.Table) error {
	for key, text := range t.Properties() {
		tile, err := strconv.ParseInt(key[strings.LastIndexByte(key, '.')+1:], 10, 64)
		if !strings.HasPrefix(key, commits.PropTile) || err != nil {
			continue
		}
		l, err := commits.ParseLease(t, tile, text)
		if err != nil {
			return err
		}
		if since := l.Since.Add(-clocks); l.Held() && !l.Expired(time.Now()) && since.Before(x.Before) {
			x.Before, x.Lease = since, &l
		}
	}
	return nil
}

func stale(ctx context.Context, c *tables.Catalog, store objstore.Store, l tables.Layout, t *table.Table, r Retention) (*Stale, error) {
	s := &Stale{Table: l.Name(), Location: strings.TrimRight(t.Location(), "/"), layout: l, uuid: t.Metadata().TableUUID().String()}
	s.written = written(t.Metadata())
	s.Stay = len(t.Metadata().Snapshots())
	if v, set := t.Properties()[table.GCEnabledKey]; set && !strings.EqualFold(v, "true") {
		s.Kept = fmt.Sprintf("the table's property %s is %s", table.GCEnabledKey, v)
		return s, nil
	}
	gone := expirable(t.Metadata(), r)
	for _, old := range gone {
		s.Snapshots = append(s.Snapshots, old.SnapshotID)
	}
	if len(gone) > 0 {
		s.Stay -= len(gone)
		s.First, s.Last = time.UnixMilli(gone[0].TimestampMs), time.UnixMilli(gone[len(gone)-1].TimestampMs)
	}
	unnamed, err := r.floor(t)
	if err != nil {
		return nil, err
	}
	return s, findFiles(ctx, c, store, t, s, r.Before, unnamed)
}

// floor is the time from which on files that nothing names stay.
func (r Retention) floor(t *table.Table) (time.Time, error) {
	floor := time.Now().Add(-tables.Floor)
	switch {
	case !r.Before.After(floor):
		return r.Before, nil
	case !r.Unnamed:
		return floor, nil
	}
	for _, s := range t.Metadata().Snapshots() {
		if at := time.UnixMilli(s.TimestampMs); at.After(floor) {
			return floor, fault.Input(CodeYoung, "its snapshot %d was made at %s: whoever made it may be about to make another, of files that nothing names yet", s.SnapshotID, at.UTC().Format(time.RFC3339)).
				On(t.Location()).Fix("leave files that nothing names alone until they are %s old, or wait until no snapshot is younger", tables.Floor)
		}
	}
	return r.Before, nil
}

// expirable gives the snapshots that can go, oldest first: what no branch or
// tag names, is not among a branch's newest ones, and was out of use before the
// time. What a branch asks to keep for itself counts where it is more.
func expirable(m table.Metadata, r Retention) []table.Snapshot {
	stay := map[int64]bool{}
	for _, ref := range m.Refs() {
		stay[ref.SnapshotID] = true
		if ref.SnapshotRefType != table.BranchRef {
			continue
		}
		keep, since := r.Keep, r.Before
		if ref.MinSnapshotsToKeep != nil {
			keep = max(keep, *ref.MinSnapshotsToKeep)
		}
		if ref.MaxSnapshotAgeMs != nil {
			if t := time.Now().Add(-time.Duration(*ref.MaxSnapshotAgeMs) * time.Millisecond); t.Before(since) {
				since = t
			}
		}
		for i, s := range table.AncestorsOf(ref.SnapshotID, m.SnapshotByID) {
			stay[s.SnapshotID] = stay[s.SnapshotID] || i < keep || s.TimestampMs >= since.UnixMilli()
		}
	}
	until := map[int64]int64{} // in use, in Unix milliseconds
	last := func(id, ms int64) { until[id] = max(until[id], ms) }
	for _, s := range m.Snapshots() {
		last(s.SnapshotID, s.TimestampMs)
		if s.ParentSnapshotID != nil {
			last(*s.ParentSnapshotID, s.TimestampMs)
		}
	}
	current := int64(0)
	for e := range m.SnapshotLogs() { // which also knows of roll-backs
		last(current, e.TimestampMs)
		current = e.SnapshotID
	}
	gone := slices.DeleteFunc(slices.Clone(m.Snapshots()), func(s table.Snapshot) bool {
		return stay[s.SnapshotID] || until[s.SnapshotID] >= r.Before.UnixMilli()
	})
	slices.SortStableFunc(gone, func(a, b table.Snapshot) int { return cmp.Compare(a.TimestampMs, b.TimestampMs) })
	return gone
}
