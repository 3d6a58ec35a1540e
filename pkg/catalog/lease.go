package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Leases stand in the properties of the shear table itself, a key for each tile
// of a configuration, so that a lease and the rows that end it change in one
// metadata document, with whatever kind of catalogue points at it. Two rules
// make them a fence.
//
// Whoever changes leases makes an empty snapshot in the same commit. Catalogues
// compare what a commit was built on by snapshots, not by properties, so the
// snapshot is what a commit of rows that didn't see the change is refused for.
//
// A commit looks at its leases in the very state of the table that it asks the
// catalogue to replace, each time that it is tried. See guard.

// Lease is a tile that one holder has to itself, under one configuration.
// Without a holder it is the record of a tile that was tried and is not whole.
type Lease struct {
	TileID  int64     `json:"tile_id,omitempty"`
	Holder  string    `json:"holder,omitempty"`
	Token   int64     `json:"token,omitempty"`   // of the commit that gave it out: later ones are greater
	Since   time.Time `json:"since,omitzero"`    // by the holder's clock
	Expires time.Time `json:"expires,omitzero"`  // likewise
	Attempt int       `json:"attempt,omitempty"` // how often this tile was leased since it was whole last
}

// Held says whether somebody has the lease.
func (l Lease) Held() bool { return l.Holder != "" }

// Expired says whether the lease has run out.
func (l Lease) Expired(now time.Time) bool { return !now.Before(l.Expires) }

func (l Lease) String() string {
	return fmt.Sprintf("tile %d, leased to %s until %s", l.TileID, l.Holder, l.Expires.UTC().Format(time.RFC3339))
}

// same says whether two leases were given out as one: renewing it keeps it.
func (l Lease) same(m Lease) bool { return l.Holder == m.Holder && l.Token == m.Token }

const propTile = "constellation.tile."

func tileKey(configID string, tile int64) string {
	return propTile + configID + "." + strconv.FormatInt(tile, 10)
}

// leaseOf reads a tile's lease; the zero lease where there is none.
func leaseOf(t *table.Table, configID string, tile int64) (Lease, error) {
	text, ok := t.Properties()[tileKey(configID, tile)]
	if !ok {
		return Lease{TileID: tile}, nil
	}
	return parseLease(t, tile, text)
}

func parseLease(t *table.Table, tile int64, text string) (l Lease, err error) {
	if err = json.Unmarshal([]byte(text), &l); err != nil {
		err = fault.Data(CodeTable, "the lease of tile %d can't be read: %w", tile, err).On(t.Location())
	}
	l.TileID = tile
	return l, err
}

// properties are the changes of the table's properties that leave these leases.
// A lease that says nothing leaves no key; of two of one tile the last counts.
func properties(t *table.Table, configID string, leases []Lease) (set iceberg.Properties, remove []string, err error) {
	wanted := map[string]string{}
	for _, l := range leases {
		key := tileKey(configID, l.TileID)
		l.TileID = 0 // stands in the key
		if l == (Lease{}) {
			wanted[key] = ""
			continue
		}
		text, err := json.Marshal(l)
		if err != nil {
			return nil, nil, err
		}
		wanted[key] = string(text)
	}
	set = iceberg.Properties{}
	for key, text := range wanted {
		switch {
		case t.Properties()[key] == text:
		case text == "":
			remove = append(remove, key)
		default:
			set[key] = text
		}
	}
	return set, remove, nil
}

// Amend changes leases of a configuration's tiles in one commit. change is given
// the ledger and returns the leases that are to be otherwise; it is called again
// when another committer came first, so it must not act outside. Where it returns
// none, nothing is written.
func (c *Catalog) Amend(ctx context.Context, configID string, change func(*Ledger) ([]Lease, error)) error {
	ctx = c.with(ctx)
	read := manifests{} // an attempt after the first one reads what is new
	var err error
	for attempt := range attempts {
		if err := pause(ctx, attempt); err != nil {
			return err
		}
		t, lerr := c.ensure(ctx, c.shearTable(), nil)
		if lerr != nil {
			return lerr
		}
		l, lerr := newLedger(c, t, configID, read)
		if lerr != nil {
			return lerr
		}
		leases, lerr := change(l)
		if lerr != nil {
			return lerr
		}
		var set iceberg.Properties
		var remove []string
		if set, remove, err = properties(t, configID, leases); err != nil || len(set)+len(remove) == 0 {
			return err
		}
		if err = amendOnce(ctx, t, set, remove); err == nil || !lost(err) {
			break
		}
	}
	switch {
	case err == nil:
		return nil
	case lost(err):
		return fault.Passing(CodeConflict, "change leases: other committers won %d times: %w", attempts, err).On(c.shearTable().name()).Fix("run it again")
	}
	return fmt.Errorf("change leases in table %s: %w", c.shearTable().name(), err)
}

func amendOnce(ctx context.Context, t *table.Table, set iceberg.Properties, remove []string) error {
	tx := t.NewTransaction()
	// Pinned: a replay on another state would be a change that nobody decided on.
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		return err
	}
	if err := stage(ctx, tx, set, remove); err != nil {
		return err
	}
	_, err := tx.Commit(ctx)
	return err
}

// stage adds a change of leases to a transaction that changes no rows.
func stage(ctx context.Context, tx *table.Transaction, set iceberg.Properties, remove []string) error {
	if err := errors.Join(tx.SetProperties(set), tx.RemoveProperties(remove)); err != nil {
		return err
	}
	return tx.AddFiles(ctx, nil, iceberg.Properties{propLeases: strconv.Itoa(len(set) + len(remove))}, true) // no file: the snapshot alone
}

// lost says whether a commit lost against another one and may be built again.
func lost(err error) bool {
	return errors.Is(err, table.ErrCommitFailed) || errors.Is(err, table.ErrCommitDiverged)
}

// pause waits before an attempt that is not the first, longer each time.
func pause(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(1+rand.IntN(50<<min(attempt, 6))) * time.Millisecond):
		return nil
	}
}

// guard holds a batch to its leases. It is run on each state of a table that a
// commit of the batch may replace.
type guard func(ctx context.Context, t *table.Table) error

// guardShear is the guard of the shear table: the leases are in it.
func (b *Batch) guardShear(_ context.Context, t *table.Table) error {
	for _, tile := range b.Tiles {
		now, err := leaseOf(t, b.ConfigID, tile)
		if err != nil {
			return err
		}
		mine, fenced := b.lease(tile)
		switch {
		case fenced && !(now.Held() && now.same(mine)):
			err := fault.New(fault.BadInput, CodeLeaseLost, "tile %d is not leased to %s any more", tile, mine.Holder).On(t.Location())
			if now.Held() {
				return err.At("%v", now).Fix("leave it to that holder")
			}
			return err.Fix("another holder has committed it, or the lease was given back")
		case !fenced && now.Held() && !now.Expired(time.Now()):
			return fault.Input(CodeLeased, "somebody else works on the tile").On(t.Location()).At("%v", now).
				Fix("wait for that holder, or release its leases")
		}
	}
	return nil
}

// guardSources is the guard of the source table. The lease is looked up after
// the state of the source table that is to be replaced was loaded: whoever holds
// the tile later writes its sources later still, and a commit that was
// overtaken by that is refused, because the table is not that state any more.
func (c *Catalog) guardSources(b *Batch) guard {
	return func(ctx context.Context, _ *table.Table) error {
		t, exists, err := c.load(ctx, c.shearTable(), nil)
		switch {
		case err != nil:
			return err
		case exists:
			return b.guardShear(ctx, t)
		case b.fenced():
			return fault.Input(CodeLeaseLost, "the table that held the leases is gone").On(c.shearTable().name())
		}
		return nil
	}
}

// fenced says whether the batch is committed under leases.
func (b *Batch) fenced() bool { return b.Leases != nil }

func (b *Batch) lease(tile int64) (Lease, bool) {
	if i := slices.IndexFunc(b.Leases, func(l Lease) bool { return l.TileID == tile }); i >= 0 {
		return b.Leases[i], true
	}
	return Lease{TileID: tile}, b.fenced() // which nobody holds
}

// tokens are the batch's leases as its snapshots record them, in the order of its tiles.
func (b *Batch) tokens() string {
	if !b.fenced() {
		return ""
	}
	list := make([]int64, len(b.Tiles))
	for i, tile := range b.Tiles {
		l, _ := b.lease(tile)
		list[i] = l.Token
	}
	return tileList(list)
}

// committed says whether the newest commit of the batch's tiles was made under
// its very leases: by an earlier try of the same work, which was cut off before
// it could say so.
func (c *Catalog) committed(ctx context.Context, b *Batch) (s Snapshot, yes bool) {
	t, exists, err := c.load(ctx, c.shearTable(), nil)
	if err != nil || !exists || !b.fenced() {
		return s, false
	}
	p := newest(t, b)
	return Snapshot{ID: snapshotID(t), Unchanged: true}, p != nil && p[propTiles] == tileList(b.Tiles) && p[propTokens] == b.tokens()
}

// after is what the batch's leases become by its commit: a tile that is whole
// leaves nothing behind, one with failures the number of its attempts.
func (b *Batch) after(t *table.Table, rows []ShearRow) (leases []Lease, err error) {
	broken := map[int64]bool{}
	for _, k := range failed(rows) {
		broken[k.tile] = true
	}
	for _, tile := range b.Tiles {
		l, err := leaseOf(t, b.ConfigID, tile)
		if err != nil {
			return nil, err
		}
		left := Lease{TileID: tile}
		if broken[tile] {
			left.Attempt = l.Attempt
		}
		leases = append(leases, left)
	}
	return leases, nil
}

// Ledger is one state of the shear table: the leases of a configuration's tiles,
// and on demand what rows they have.
type Ledger struct {
	Token  int64           // of leases that are given out in this state
	Leases map[int64]Lease // held ones, and records of tiles that were tried

	catalog  *Catalog
	table    *table.Table
	configID string
	read     manifests
}

func newLedger(c *Catalog, t *table.Table, configID string, read manifests) (*Ledger, error) {
	l := &Ledger{Leases: map[int64]Lease{}, catalog: c, configID: configID, read: read}
	if t == nil {
		return l, nil
	}
	l.table, l.Token = t, t.Metadata().LastSequenceNumber()+1
	for key, text := range t.Properties() {
		id, ok := strings.CutPrefix(key, propTile+configID+".")
		tile, err := strconv.ParseInt(id, 10, 64)
		if !ok || err != nil {
			continue // another configuration's
		}
		if l.Leases[tile], err = parseLease(t, tile, text); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Ledger reads the present state. A catalogue that nothing was committed to has an empty one.
func (c *Catalog) Ledger(ctx context.Context, configID string) (*Ledger, error) {
	ctx = c.with(ctx)
	t, _, err := c.load(ctx, c.shearTable(), nil) // nil where there is none
	if err != nil {
		return nil, err
	}
	return newLedger(c, t, configID, manifests{})
}

// Held lists the leases that somebody has, by tile.
func (l *Ledger) Held() []Lease {
	held := slices.DeleteFunc(slices.Collect(maps.Values(l.Leases)), func(l Lease) bool { return !l.Held() })
	slices.SortFunc(held, func(a, b Lease) int { return cmp.Compare(a.TileID, b.TileID) })
	return held
}
