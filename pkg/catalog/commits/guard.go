package commits

import (
	"context"
	"slices"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/results"
)

// A batch's guards hold it to its leases, and to the release of its configuration.

// guardShear is the guard of the shear table: the leases are in it.
func (b *Batch) guardShear(_ context.Context, t *table.Table) error {
	if err := heldRelease(t, b.ConfigID, b.Release); err != nil {
		return err
	}
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
			// Also where an earlier try committed it, whose snapshot has expired since.
			return err.Fix("it was committed, by another holder or an earlier try, or the lease was given back; its rows say by which run")
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
func (b *Batch) guardSources(c *tables.Catalog) tables.Guard {
	return func(ctx context.Context, sources *table.Table) error {
		if err := heldRelease(sources, b.ConfigID, b.Release); err != nil {
			return err
		}
		t, exists, err := c.Load(ctx, c.ShearTable(), nil)
		switch {
		case err != nil:
			return err
		case exists:
			return b.guardShear(ctx, t)
		case b.fenced():
			return fault.Input(CodeLeaseLost, "the table that held the leases is gone").On(c.ShearTable().Name())
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
	return numbers(list)
}

// committed says whether the newest commit of the batch's tiles was made under
// its very leases: by an earlier try of the same work, which was cut off before
// it could say so.
func (b *Batch) committed(ctx context.Context, c *tables.Catalog) (s Snapshot, yes bool) {
	t, exists, err := c.Load(ctx, c.ShearTable(), nil)
	if err != nil || !exists || !b.fenced() {
		return s, false
	}
	p := newest(t, b)
	return Snapshot{ID: tables.SnapshotID(t), Unchanged: true}, p != nil && p[PropTiles] == tileList(b.Tiles) && p[PropTokens] == b.tokens()
}

// after is what the batch's leases become by its commit: a tile that is whole
// leaves nothing behind, one with failures the number of its attempts.
func (b *Batch) after(t *table.Table, shear []results.Shear) (leases []Lease, err error) {
	broken := map[int64]bool{}
	for _, k := range failed(shear) {
		broken[k.TileID] = true
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
