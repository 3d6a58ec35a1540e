package upkeep

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/commits"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// planBack finds the newest moment at which both tables were whole. Sources are
// committed before the shear that goes with them, so the moments are those of the
// shear table's commits: the sources that were there by then are no older than it.
func (p *Plan) planBack() error {
	p.Back = Choice{Snapshots: map[string]int64{}}
	shear := p.tables[0]
	for _, s := range append(shear.line(), nil) {
		if s != nil && !shear.whole[s.SnapshotID] {
			continue
		}
		at := map[*repairing]*table.Snapshot{shear: s}
		found := true
		for _, other := range p.tables[1:] {
			o, whole := other.asOf(s)
			at[other] = o
			found = found && whole
		}
		if !found {
			continue
		}
		if s == nil { // before all commits: that is no table, and not worth going back to
			break
		}
		p.Back.Possible, p.Back.As = true, time.UnixMilli(s.TimestampMs)
		for r, s := range at {
			r.at = 0
			if s != nil {
				r.at = s.SnapshotID
				p.Back.Snapshots[r.Table] = s.SnapshotID
			}
		}
		p.undone()
		return nil
	}
	p.Back.Why = "no earlier snapshot of the tables is whole"
	return nil
}

// line are the snapshots that were the newest one, the last first.
func (r *repairing) line() (line []*table.Snapshot) {
	m := r.table.Metadata()
	if now := m.CurrentSnapshot(); now != nil {
		for _, s := range table.AncestorsOf(now.SnapshotID, m.SnapshotByID) {
			line = append(line, &s)
		}
	}
	return line
}

// asOf is the newest snapshot that was there when another table's was made, and
// whether it is whole; nil where there was none yet, which is whole if that is known.
func (r *repairing) asOf(other *table.Snapshot) (*table.Snapshot, bool) {
	line := r.line()
	for _, s := range line {
		if other != nil && s.TimestampMs <= other.TimestampMs {
			return s, r.whole[s.SnapshotID]
		}
	}
	none := len(line) == 0 || line[len(line)-1].ParentSnapshotID == nil
	return nil, none && len(line) == 0
}

// undone sums what going back loses.
func (p *Plan) undone() {
	tiles := map[int64]bool{}
	for i, r := range p.tables {
		for _, s := range r.line() {
			if s.SnapshotID == r.at {
				break
			}
			props := map[string]string{}
			if s.Summary != nil {
				props = s.Summary.Properties
			}
			if props[commits.PropLeases] != "" && props[commits.PropTiles] == "" {
				continue // of leases, which stay as they are
			}
			p.Back.Commits++
			rows, _ := strconv.ParseInt(props["added-records"], 10, 64)
			if i == 0 {
				p.Back.Rows += rows
			} else {
				p.Back.Sources += rows
			}
			list := tilesIn(props)
			if len(list) == 0 {
				p.Back.Foreign++
			}
			for _, tile := range list {
				tiles[tile] = true
			}
		}
	}
	p.Back.Tiles = ranges(tiles)
	if len(p.tables) > 1 {
		p.tables[1].half = p.halves()
	}
}

// halves are the tiles whose sources stay and whose shear doesn't: another commit
// was between the two at that moment.
func (p *Plan) halves() (half []int64) {
	shear, sources := p.tables[0], p.tables[1]
	gone := map[int64]bool{}
	newest := map[int64]int64{} // when a tile's shear was committed, of what stays
	stays := false
	for _, s := range shear.line() {
		stays = stays || s.SnapshotID == shear.at
		for _, tile := range tilesOfSnapshot(s) {
			if !stays {
				gone[tile] = true
			} else if newest[tile] == 0 {
				newest[tile] = s.TimestampMs
			}
		}
	}
	seen := map[int64]bool{}
	stays = false
	for _, s := range sources.line() {
		if stays = stays || s.SnapshotID == sources.at; !stays {
			continue
		}
		for _, tile := range tilesOfSnapshot(s) {
			if !seen[tile] && gone[tile] && s.TimestampMs > newest[tile] {
				half = append(half, tile)
			}
			seen[tile] = true
		}
	}
	slices.Sort(half)
	return half
}

func tilesOfSnapshot(s *table.Snapshot) []int64 {
	if s.Summary == nil {
		return nil
	}
	return tilesIn(s.Summary.Properties)
}

func tilesIn(props map[string]string) (tiles []int64) {
	for text := range strings.SplitSeq(props[commits.PropTiles], ",") {
		if tile, err := strconv.ParseInt(text, 10, 64); err == nil {
			tiles = append(tiles, tile)
		}
	}
	return tiles
}

// ranges are some tiles as runs of ids that follow each other.
func ranges(tiles map[int64]bool) (runs []Tiles) {
	list := make([]int64, 0, len(tiles))
	for tile := range tiles {
		list = append(list, tile)
	}
	slices.Sort(list)
	for _, tile := range list {
		if n := len(runs); n > 0 && runs[n-1].Last+1 == tile {
			runs[n-1].Last = tile
		} else {
			runs = append(runs, Tiles{tile, tile, true})
		}
	}
	return runs
}

// back sets a table to an earlier snapshot, and takes out tiles that are half there.
func (r *repairing) back(ctx context.Context, c *tables.Catalog) error {
	e, err := r.edit()
	if err != nil {
		return err
	}
	if r.at != 0 && r.at != r.Snapshot {
		if err := e.set(r.at); err != nil {
			return err
		}
	}
	var half []Tiles
	for _, tile := range r.half {
		half = append(half, Tiles{tile, tile, true})
	}
	if err := e.without(ctx, c, half); err != nil {
		return err
	}
	return e.commit(ctx, c)
}
