package upkeep

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cosmostat/constellation/pkg/catalog/commits"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
)

// Way is how a catalogue is repaired. Neither reads what is broken, and neither
// removes a file: whoever finds the files can put them back until upkeep takes what
// nothing names any more.
type Way string

const (
	// Back sets both tables to their newest common state that is whole.
	Back Way = "back"
	// Drop takes the tiles out of both tables whose rows are in files that are
	// gone, so that they are measured again, and keeps all others.
	Drop Way = "drop"
)

// Plan is what can be done about a broken catalogue.
type Plan struct {
	Verdict   *Verdict        `json:"verdict"`
	Documents []Moved         `json:"documents,omitempty"` // metadata documents that are gone, and what the catalogue is to point at
	Back      Choice          `json:"back"`
	Drop      Choice          `json:"drop"`
	Way       Way             `json:"way,omitempty"`    // by which less is lost; empty where there is none, or nothing to do
	Leases    []commits.Lease `json:"leases,omitempty"` // of tiles that the way would take from under somebody

	tables []*repairing
}

// Choice is one way, and what is lost by it.
type Choice struct {
	Possible  bool             `json:"possible"`
	Why       string           `json:"why,omitempty"` // it isn't
	Rows      int64            `json:"shear_rows"`    // that are lost, at most
	Sources   int64            `json:"source_rows"`
	Tiles     []Tiles          `json:"tiles"`              // that are to be measured again
	Snapshots map[string]int64 `json:"snapshots"`          // that the tables are set to
	As        time.Time        `json:"as_of,omitzero"`     // of the newest commit that stays
	Commits   int              `json:"commits,omitempty"`  // that are undone
	Foreign   int              `json:"by_others,omitzero"` // of these, such that don't say their tiles
}

// Moved is a table whose metadata document is gone.
type Moved struct {
	Table string    `json:"table"`
	From  string    `json:"from"`
	To    string    `json:"to"` // the newest earlier one that can be read; empty where there is none
	Since time.Time `json:"since,omitzero"`
}

// repairing is a table with what is to be done to it.
type repairing struct {
	*Verified
	moved *Moved
	at    int64   // snapshot to go back to
	half  []int64 // tiles whose sources stay and whose shear goes
}

// broken says whether the newest snapshot can't be read, or not in all places.
func (r *repairing) broken() bool {
	return slices.ContainsFunc(r.Flaws, func(f Flaw) bool { return f.Current && f.Kind != RowsOf && f.Kind != Statistics })
}

// Needed says whether there is anything that repairing changes.
func (p *Plan) Needed() bool {
	return slices.ContainsFunc(p.Verdict.Flaws(), func(f Flaw) bool { return f.Kind != RowsOf })
}

// PlanRepair verifies the catalogue and finds what can be done. It changes nothing.
func PlanRepair(ctx context.Context, c *tables.Catalog, store objstore.Store, deep bool) (*Plan, error) {
	ctx = c.With(ctx)
	v, err := Verify(ctx, c, store, deep)
	if err != nil {
		return nil, err
	}
	p := &Plan{Verdict: v}
	if !p.Needed() {
		return p, nil
	}
	for _, t := range v.Tables {
		r := &repairing{Verified: t}
		if t.table == nil {
			if r.moved, err = earlier(ctx, c, store, t); err != nil {
				return nil, err
			}
			p.Documents = append(p.Documents, *r.moved)
			switch {
			case r.moved.To == "":
				p.Back.Why = "no metadata document of table " + t.Table + " can be read"
			case !c.Repoints():
				p.Back.Why = fmt.Sprintf("the catalogue at %s points at %s itself; register table %s anew, by that catalogue's own tools, from %s", c.URI(), r.moved.From, t.Table, r.moved.To)
			}
			if p.Drop.Why = p.Back.Why; p.Drop.Why != "" {
				return p, nil
			}
			if r.Verified, err = verifyAt(ctx, c, store, t, r.moved.To, deep); err != nil {
				return nil, err
			}
		}
		p.tables = append(p.tables, r)
	}
	if err := p.planBack(); err != nil {
		return nil, err
	}
	if err := p.planDrop(ctx); err != nil {
		return nil, err
	}
	switch {
	case p.Drop.Possible && (!p.Back.Possible || p.Drop.loss() <= p.Back.loss()):
		p.Way = Drop
	case p.Back.Possible:
		p.Way = Back
	}
	return p, nil
}

func (c Choice) loss() int64 { return c.Rows + c.Sources }

// Choose takes a way, that by which less is lost where it is empty.
func (p *Plan) Choose(w Way) error {
	choice, ways := Choice{}, map[Way]Choice{Back: p.Back, Drop: p.Drop}
	if w == "" {
		w = p.Way
	}
	choice, known := ways[w]
	switch {
	case w == "":
		why := p.Back.Why
		if p.Drop.Why != why {
			why += "; " + p.Drop.Why
		}
		return fault.Data(CodeRepair, "nothing can be done about it here: %s", why).On(p.Verdict.Tables[0].Location).
			Fix("put the files back; or choose another output.catalog_table and assemble the runs into it")
	case !known:
		return fault.Input(CodeRepair, "%q is no way to repair a catalogue", w).Fix("%s or %s", Back, Drop)
	case !choice.Possible:
		return fault.Input(CodeRepair, "it can't be repaired so: %s", choice.Why).On(p.Verdict.Tables[0].Location).Fix("choose the other way, or put the files back")
	}
	p.Way, p.Leases = w, p.held(choice)
	return nil
}

// held are the leases that somebody has of tiles which a way takes rows of: a
// holder commits sources before shear, and may be between the two.
func (p *Plan) held(choice Choice) (held []commits.Lease) {
	shear := p.tables[0].table
	for property, text := range shear.Properties() {
		tile, ok := leased(property)
		if !ok || !slices.ContainsFunc(choice.Tiles, func(t Tiles) bool { return t.has(tile) }) {
			continue
		}
		if l, err := commits.ParseLease(shear, tile, text); err == nil && l.Held() && !l.Expired(time.Now()) {
			held = append(held, l)
		}
	}
	slices.SortFunc(held, func(a, b commits.Lease) int { return cmp.Compare(a.TileID, b.TileID) })
	return held
}

// Repair does what was chosen. Each table changes in one commit, if it is still
// what the plan was made of; where another committer came first, the plan is made
// again and done if nothing more is lost by it. Cut off between the tables, it is
// finished by another repair.
func Repair(ctx context.Context, c *tables.Catalog, store objstore.Store, p *Plan, deep bool) error {
	ctx = c.With(ctx)
	for attempt := range tables.Attempts {
		if err := tables.Pause(ctx, attempt); err != nil {
			return err
		}
		if len(p.Leases) > 0 {
			return fault.Input(commits.CodeLeased, "somebody works on tiles that would go, %d of them: %v", len(p.Leases), p.Leases[0]).On(p.tables[0].Location).
				Fix("wait for that holder, or release its leases: constellation campaign release")
		}
		err := p.do(ctx, c)
		if err == nil || !tables.Lost(err) {
			return err
		}
		now, perr := PlanRepair(ctx, c, store, deep)
		if perr != nil {
			return perr
		}
		if !now.Needed() { // somebody else did it
			return nil
		}
		if perr := now.Choose(p.Way); perr != nil {
			return perr
		}
		if more := now.choice().loss(); more > p.choice().loss() {
			return fault.Passing(tables.CodeConflict, "the catalogue has changed meanwhile: %d rows would be lost, and not %d", more, p.choice().loss()).On(p.tables[0].Location).Fix("look at what would be done again")
		}
		p = now
	}
	return fault.Passing(tables.CodeConflict, "other committers won %d times", tables.Attempts).On(p.tables[0].Table).Fix("run it again")
}

func (p *Plan) choice() Choice {
	if p.Way == Back {
		return p.Back
	}
	return p.Drop
}

// do changes the tables: first what can be read, so that whoever is cut off leaves
// something that is found again; of two broken ones, shear, since sources without
// shear are measured again.
func (p *Plan) do(ctx context.Context, c *tables.Catalog) error {
	for _, r := range p.tables {
		if r.moved != nil {
			if err := c.Repoint(ctx, r.layout, r.moved.From, r.moved.To); err != nil {
				return err
			}
		}
	}
	order := slices.Clone(p.tables)
	slices.SortStableFunc(order, func(a, b *repairing) int { return cmp.Compare(rank(a), rank(b)) })
	for _, r := range order {
		var err error
		if p.Way == Back {
			err = r.back(ctx, c)
		} else {
			err = r.drop(ctx, c, p.Drop.Tiles)
		}
		if err != nil {
			return fmt.Errorf("repair table %s: %w", r.Table, err)
		}
	}
	return nil
}

func rank(r *repairing) int {
	if r.broken() {
		return 1
	}
	return 0
}

func leased(property string) (tile int64, ok bool) {
	if !strings.HasPrefix(property, commits.PropTile) {
		return 0, false
	}
	_, err := fmt.Sscan(property[strings.LastIndexByte(property, '.')+1:], &tile)
	return tile, err == nil
}
