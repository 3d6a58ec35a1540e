package commits

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
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

// same says whether two leases were given out as one, whatever else was changed of it.
func (l Lease) same(m Lease) bool { return l.Holder == m.Holder && l.Token == m.Token }

// PropTile begins the key of a lease; configuration and tile follow.
const PropTile = "constellation.tile."

func tileKey(configID string, tile int64) string {
	return PropTile + configID + "." + strconv.FormatInt(tile, 10)
}

// leaseOf reads a tile's lease; the zero lease where there is none.
func leaseOf(t *table.Table, configID string, tile int64) (Lease, error) {
	text, ok := t.Properties()[tileKey(configID, tile)]
	if !ok {
		return Lease{TileID: tile}, nil
	}
	return ParseLease(t, tile, text)
}

// ParseLease reads what a table's property holds of a tile's lease.
func ParseLease(t *table.Table, tile int64, text string) (l Lease, err error) {
	if err = json.Unmarshal([]byte(text), &l); err != nil {
		err = fault.Data(tables.CodeTable, "the lease of tile %d can't be read: %w", tile, err).On(t.Location())
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
func Amend(ctx context.Context, c *tables.Catalog, configID string, change func(*Ledger) ([]Lease, error)) error {
	ctx = c.With(ctx)
	read := manifests{} // an attempt after the first one reads what is new
	var err error
	for attempt := range tables.Attempts {
		if err := tables.Pause(ctx, attempt); err != nil {
			return err
		}
		t, lerr := c.Ensure(ctx, c.ShearTable(), nil)
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
		if err = amendOnce(ctx, t, set, remove); err == nil || !tables.Lost(err) {
			break
		}
	}
	switch {
	case err == nil:
		return nil
	case tables.Lost(err):
		return fault.Passing(tables.CodeConflict, "change leases: other committers won %d times: %w", tables.Attempts, err).On(c.ShearTable().Name()).Fix("run it again")
	}
	return fmt.Errorf("change leases in table %s: %w", c.ShearTable().Name(), err)
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
	return tx.AddFiles(ctx, nil, iceberg.Properties{PropLeases: strconv.Itoa(len(set) + len(remove))}, true) // no file: the snapshot alone
}
