package campaign

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/catalog"
)

// State is how a tile stands.
type State string

const (
	Done    State = "done"     // a row for each sub-tile, none failed
	Untried State = "untried"  // no row, never leased
	Tried   State = "tried"    // failed, incomplete or given up, and will be offered again
	GivenUp State = "given up" // the same, as often as it may be: it takes a Forget
	Beside  State = "beside"   // leased, and not a tile of this survey
)

// Counts sums the survey's tiles. A leased tile counts as such, and not by its state.
type Counts struct {
	Survey  int `json:"survey"`
	Done    int `json:"done"`
	Leased  int `json:"leased"`   // to holders that aren't known to be gone
	Untried int `json:"untried"`  // free
	Tried   int `json:"tried"`    // free
	GivenUp int `json:"given_up"` // free, and not offered any more
}

// Left is how many tiles are to be done yet and will be offered.
func (c Counts) Left() int { return c.Untried + c.Tried }

// tile is a tile of the survey in one state of the catalogue.
type tile struct {
	id       int64
	state    State
	lease    catalog.Lease // zero where nobody has it
	attempts int           // that have ended, or will have if the holder is dead
	rows     bool          // whole or not
}

// tried is how often a tile was tried, for the order in which tiles are offered.
// Rows that no campaign committed say once; they don't count against the limit.
func (t tile) tried() int {
	if t.rows {
		return max(t.attempts, 1)
	}
	return t.attempts
}

type view []tile

// survey looks up all tiles. Those of tiles that are listed twice count once.
func survey(ctx context.Context, l *catalog.Ledger, ids []int64, subTiles, maxAttempts int) (view, error) {
	rows, err := l.Rows(ctx)
	if err != nil {
		return nil, err
	}
	v := make(view, 0, len(ids))
	seen := make(map[int64]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		r, l := rows[id], l.Leases[id]
		t := tile{id: id, lease: l, attempts: l.Attempt, rows: r.Count > 0}
		switch {
		case r.Count >= subTiles && !r.Failed:
			t.state = Done
		case t.tried() == 0:
			t.state = Untried
		case t.attempts < maxAttempts:
			t.state = Tried
		default:
			t.state = GivenUp
		}
		v = append(v, t)
	}
	return v, nil
}

// asked is what was found out about holders.
type asked map[string]string

// What is known of a holder.
const (
	alive   = "yes"
	dead    = "no"
	unknown = "unknown"
)

// ask finds out about the holders of a view that were not asked about before.
func (a asked) ask(ctx context.Context, v view, live Liveness) error {
	if live == nil {
		live = Unknown
	}
	for _, t := range v {
		if _, ok := a[t.lease.Holder]; ok || !t.lease.Held() {
			continue
		}
		lives, known, err := live(ctx, t.lease.Holder)
		switch {
		case err != nil:
			return fmt.Errorf("ask whether %s lives: %w", t.lease.Holder, err)
		case !known:
			a[t.lease.Holder] = unknown
		case lives:
			a[t.lease.Holder] = alive
		default:
			a[t.lease.Holder] = dead
		}
	}
	return nil
}

// holds says whether somebody has a lease who is not given up: known to be
// dead, or nobody knows and the lease has run out.
func (a asked) holds(l catalog.Lease, now time.Time) bool {
	return l.Held() && (a[l.Holder] == alive || a[l.Holder] == unknown && !l.Expired(now))
}

func (v view) counts(a asked, now time.Time) Counts {
	c := Counts{Survey: len(v)}
	for _, t := range v {
		switch {
		case t.state == Done:
			c.Done++
		case a.holds(t.lease, now):
			c.Leased++
		case t.state == Untried:
			c.Untried++
		case t.state == Tried:
			c.Tried++
		default:
			c.GivenUp++
		}
	}
	return c
}

// Holder is somebody who has leases.
type Holder struct {
	Name    string    `json:"name"`
	Tiles   []int64   `json:"tiles"`
	Since   time.Time `json:"since"`   // of the oldest lease
	Expires time.Time `json:"expires"` // of the one that runs out first
	Alive   string    `json:"alive"`   // yes, no or unknown
	Gone    bool      `json:"gone"`    // a selection now would take tiles of its over
}

// Report is how a campaign stands.
type Report struct {
	ConfigID string   `json:"config_id"`
	Unlisted bool     `json:"unlisted,omitempty"` // the counts are of tiles that have rows, leases or tries
	Counts   Counts   `json:"counts"`
	Holders  []Holder `json:"holders"`  // by name
	Tried    []int64  `json:"tried"`    // in the survey's order
	GivenUp  []int64  `json:"given_up"` // likewise
}

// Status reports on the survey and its holders, those of tiles beside the
// survey included. Of the request, Limit, Holder and Expiry are not looked at.
func Status(ctx context.Context, c *catalog.Catalog, r Request) (*Report, error) {
	l, err := c.Ledger(ctx, r.ConfigID)
	if err != nil {
		return nil, err
	}
	if r.Unlisted {
		if r.Tiles, err = known(ctx, l); err != nil {
			return nil, err
		}
	}
	v, err := survey(ctx, l, r.Tiles, r.SubTiles, r.MaxAttempts)
	if err != nil {
		return nil, err
	}
	wanted := make(map[int64]bool, len(v))
	for _, t := range v {
		wanted[t.id] = true
	}
	all := slices.Clone(v)
	for _, held := range l.Held() {
		if !wanted[held.TileID] {
			all = append(all, tile{id: held.TileID, state: Beside, lease: held})
		}
	}
	about, now := asked{}, time.Now()
	if err := about.ask(ctx, all, r.Alive); err != nil {
		return nil, err
	}
	rep := &Report{ConfigID: r.ConfigID, Unlisted: r.Unlisted, Counts: v.counts(about, now), Holders: all.holders(about, now)}
	for _, t := range v {
		switch free := !about.holds(t.lease, now); {
		case free && t.state == Tried:
			rep.Tried = append(rep.Tried, t.id)
		case free && t.state == GivenUp:
			rep.GivenUp = append(rep.GivenUp, t.id)
		}
	}
	return rep, nil
}

// known lists the tiles that have rows, are leased or were tried.
func known(ctx context.Context, l *catalog.Ledger) ([]int64, error) {
	rows, err := l.Rows(ctx)
	if err != nil {
		return nil, err
	}
	ids := slices.AppendSeq(slices.Collect(maps.Keys(rows)), maps.Keys(l.Leases))
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func (v view) holders(about asked, now time.Time) (list []Holder) {
	at := map[string]int{}
	for _, t := range v {
		l := t.lease
		if !l.Held() {
			continue
		}
		i, ok := at[l.Holder]
		if !ok {
			i = len(list)
			at[l.Holder] = i
			list = append(list, Holder{Name: l.Holder, Since: l.Since, Expires: l.Expires, Alive: about[l.Holder]})
		}
		h := &list[i]
		h.Tiles = append(h.Tiles, l.TileID)
		h.Gone = h.Gone || !about.holds(l, now)
		if l.Since.Before(h.Since) {
			h.Since = l.Since
		}
		if l.Expires.Before(h.Expires) {
			h.Expires = l.Expires
		}
	}
	slices.SortFunc(list, func(a, b Holder) int { return strings.Compare(a.Name, b.Name) })
	return list
}
