package commits

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// Ledger is one state of the shear table: the leases of a configuration's tiles,
// and on demand what rows they have.
type Ledger struct {
	Token  int64           // of leases that are given out in this state
	Leases map[int64]Lease // held ones, and records of tiles that were tried

	catalog  *tables.Catalog
	table    *table.Table
	configID string
	read     manifests
}

func newLedger(c *tables.Catalog, t *table.Table, configID string, read manifests) (*Ledger, error) {
	l := &Ledger{Leases: map[int64]Lease{}, catalog: c, configID: configID, read: read}
	if t == nil {
		return l, nil
	}
	l.table, l.Token = t, t.Metadata().LastSequenceNumber()+1
	for key, text := range t.Properties() {
		id, ok := strings.CutPrefix(key, PropTile+configID+".")
		tile, err := strconv.ParseInt(id, 10, 64)
		if !ok || err != nil {
			continue // another configuration's
		}
		if l.Leases[tile], err = ParseLease(t, tile, text); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Read reads the present state. A catalogue that nothing was committed to has an empty one.
func Read(ctx context.Context, c *tables.Catalog, configID string) (*Ledger, error) {
	ctx = c.With(ctx)
	t, _, err := c.Load(ctx, c.ShearTable(), nil) // nil where there is none
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
