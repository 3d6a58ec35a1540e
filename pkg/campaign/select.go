package campaign

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cosmostat/constellation/pkg/catalog"
	"github.com/cosmostat/constellation/pkg/fault"
)

// CodeRequest is the code of a selection that can't be made.
const CodeRequest = "CampaignRequest"

// Liveness says whether a holder is still at work. known is false where nobody
// can tell, e.g. of a holder of another kind; then its leases hold until they
// expire. An error is one of asking, and ends the selection.
type Liveness func(ctx context.Context, holder string) (alive, known bool, err error)

// Unknown is the Liveness where nobody can be asked: leases hold until they expire.
func Unknown(context.Context, string) (alive, known bool, err error) { return false, false, nil }

// Request says what to select, and for whom.
type Request struct {
	ConfigID    string
	Tiles       []int64       // the survey's, in the order in which they are wanted
	Unlisted    bool          // nobody could list them: a status is of those that the catalogue knows
	SubTiles    int           // that a whole tile has: rows times columns of the grid
	Limit       int           // tiles to lease at most
	Holder      string        // who will work on them; asks again with the same name after a failure
	Expiry      time.Duration // after which a holder is given up that nobody can be asked about
	MaxAttempts int           // of a tile
	Alive       Liveness      // nil is Unknown
}

// Selection is what a holder got, and how the survey stands without that.
type Selection struct {
	ConfigID string          `json:"config_id"`
	Holder   string          `json:"holder"`
	Leases   []catalog.Lease `json:"leases"` // in the order in which the tiles are wanted
	Counts   Counts          `json:"counts"`
}

// Tiles lists the selected tiles.
func (s Selection) Tiles() []int64 {
	tiles := make([]int64, len(s.Leases))
	for i, l := range s.Leases {
		tiles[i] = l.TileID
	}
	return tiles
}

// Select leases the next tiles to the holder, in one commit. A holder that has
// leases already gets those again, and no others: so a task that is tried again,
// after whatever failure, goes on with the same tiles. The leases of holders that
// are given up are ended, and their tiles offered to this one and the next.
func Select(ctx context.Context, c *catalog.Catalog, r Request) (Selection, error) {
	if err := r.check(); err != nil {
		return Selection{}, err
	}
	if err := c.Tidy(ctx); err != nil { // who selects often keeps what all have to read small
		return Selection{}, err
	}
	var s Selection
	about := asked{} // holders are asked about once, however often the choice is made
	err := c.Amend(ctx, r.ConfigID, func(l *catalog.Ledger) (changed []catalog.Lease, err error) {
		s, changed, err = r.choose(ctx, l, about, time.Now())
		return changed, err
	})
	if err != nil {
		return Selection{}, fmt.Errorf("select tiles for %s: %w", r.Holder, err)
	}
	return s, nil
}

func (r *Request) check() error {
	var wrong string
	switch {
	case r.ConfigID == "":
		wrong = "a configuration"
	case r.Holder == "":
		wrong = "the name of a holder"
	case r.SubTiles < 1:
		wrong = "the number of sub-tiles of a tile"
	case r.Limit < 1:
		wrong = "a limit of at least one tile"
	case r.MaxAttempts < 1:
		wrong = "at least one attempt"
	case r.Expiry < time.Minute:
		wrong = "an expiry of a minute at least"
	}
	if wrong != "" {
		return fault.Input(CodeRequest, "a selection needs %s", wrong)
	}
	return nil
}

// choose decides on one state of the catalogue.
func (r *Request) choose(ctx context.Context, l *catalog.Ledger, about asked, now time.Time) (s Selection, changed []catalog.Lease, err error) {
	v, err := survey(ctx, l, r.Tiles, r.SubTiles, r.MaxAttempts)
	if err != nil {
		return s, nil, err
	}
	if err := about.ask(ctx, v, r.Alive); err != nil {
		return s, nil, err
	}
	s = Selection{ConfigID: r.ConfigID, Holder: r.Holder}
	var open []tile
	for _, t := range v {
		mine := t.lease.Holder == r.Holder
		dead := t.lease.Held() && !mine && !about.holds(t.lease, now)
		switch {
		case t.state == Done:
			if mine || dead { // somebody committed the tile without the lease
				changed = append(changed, catalog.Lease{TileID: t.id})
			}
		case mine:
			s.Leases = append(s.Leases, t.lease)
		case t.lease.Held() && !dead:
		default:
			if dead { // which counts as tried from now on, whoever gets the tile
				changed = append(changed, catalog.Lease{TileID: t.id, Attempt: t.attempts})
			}
			if t.attempts < r.MaxAttempts {
				open = append(open, t)
			}
		}
	}
	s.Counts = v.counts(about, now)
	if len(s.Leases) > 0 {
		return s, changed, nil
	}
	slices.SortStableFunc(open, func(a, b tile) int { return cmp.Compare(a.tried(), b.tried()) })
	since := now.UTC().Truncate(time.Second)
	for _, t := range open[:min(r.Limit, len(open))] {
		s.Leases = append(s.Leases, catalog.Lease{
			TileID: t.id, Holder: r.Holder, Token: l.Token, Since: since, Expires: since.Add(r.Expiry), Attempt: t.attempts + 1,
		})
	}
	return s, append(changed, s.Leases...), nil
}

// Release gives back what the selection still has, without counting a try: for
// a holder that failed, or was stopped, and will not go on. It says how many.
func Release(ctx context.Context, c *catalog.Catalog, s Selection) (released int, err error) {
	err = c.Amend(ctx, s.ConfigID, func(l *catalog.Ledger) (changed []catalog.Lease, err error) {
		for _, mine := range s.Leases {
			if now := l.Leases[mine.TileID]; now.Holder == mine.Holder && now.Token == mine.Token {
				changed = append(changed, catalog.Lease{TileID: now.TileID, Attempt: now.Attempt - 1})
			}
		}
		released = len(changed)
		return changed, nil
	})
	return released, err
}

// Forget forgets how often tiles were tried, so that they are offered again:
// after what made them fail was mended. Leases that are held stay.
func Forget(ctx context.Context, c *catalog.Catalog, configID string, tiles []int64) (forgotten int, err error) {
	err = c.Amend(ctx, configID, func(l *catalog.Ledger) (changed []catalog.Lease, err error) {
		for _, id := range tiles {
			if now, ok := l.Leases[id]; ok && !now.Held() {
				changed = append(changed, catalog.Lease{TileID: id})
			}
		}
		forgotten = len(changed)
		return changed, nil
	})
	return forgotten, err
}
