package survey

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/region"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

// Tiles are the tiles to process and the neighbours whose catalogues reach into their margins.
type Tiles struct {
	Wanted []int64          `json:"wanted"`
	Tiles  []euclid.MERTile `json:"tiles"` // by id; neighbours included
	// LeftOut are tiles that can't be placed on the sky, and why: they are neither
	// processed nor anybody's neighbours.
	LeftOut []string `json:"left_out,omitempty"`
	// Release is the one of the MER products that counts; empty where names have none.
	Release string `json:"release,omitempty"`
	// Notes say in a line each what the listings held and what is not taken of it.
	Notes []string `json:"notes,omitempty"`
}

// Weigh says which release counts, and notes which tiles and neighbours are
// of another, have a newer one, or lack a catalogue that is there in some form.
func (t *Tiles) Weigh(release string, radiusDeg float64) {
	t.Release = release
	var older, newer, lacking []string
	wanted := map[int64]bool{}
	for _, id := range t.Wanted {
		wanted[id] = true
	}
	for _, tile := range t.Tiles {
		name := fmt.Sprint("tile ", tile.ID)
		switch {
		case len(tile.Catalogs) > 0 && tile.Release != release:
			older = append(older, name+" ("+cmp.Or(tile.Release, "none")+")")
		case tile.Lacks != "":
			lacking = append(lacking, name+": "+tile.Lacks)
		case len(tile.Catalogs) == 0 && !wanted[tile.ID]: // a wanted one fails by itself
			lacking = append(lacking, name+" has none")
		}
		if tile.Newer != "" {
			newer = append(newer, name+" ("+tile.Newer+")")
		}
	}
	note := func(these []string, what string) {
		if len(these) > 0 {
			t.Notes = append(t.Notes, fmt.Sprintf("%s: %d (%s)", what, len(these), fewOf(these)))
		}
	}
	note(older, "tiles that are made from a catalogue of another release than "+cmp.Or(release, "none")+", which counts")
	note(newer, "tiles of which there is a newer release than "+cmp.Or(release, "none")+", not taken (for another campaign, set data.release)")
	note(lacking, "tiles without a catalogue to take, so that nothing of theirs lies in others' margins")
	if len(older) > 0 {
		note(t.mixed(radiusDeg), "tiles that have sources of another release in their margins, from neighbours")
	}
}

// mixed are the wanted tiles whose neighbours' catalogues are of another release than their own.
func (t *Tiles) mixed(radiusDeg float64) (names []string) {
	around := t.Around()
	for _, id := range t.Wanted {
		tile, err := t.Find(id)
		if err != nil || len(tile.Catalogs) == 0 {
			continue
		}
		for _, n := range around.Of(tile, radiusDeg) {
			if len(n.Catalogs) > 0 && n.Release != tile.Release {
				names = append(names, fmt.Sprint("tile ", id))
				break
			}
		}
	}
	return names
}

// Find returns a tile.
func (t *Tiles) Find(id int64) (euclid.MERTile, error) {
	i, ok := slices.BinarySearchFunc(t.Tiles, id, func(tile euclid.MERTile, id int64) int { return cmp.Compare(tile.ID, id) })
	if !ok {
		return euclid.MERTile{}, fault.Input("UnknownTile", "tile %d is not in the plan", id).
			Fix("name one of its %d tiles, or index the survey again with this one in tile_ids: it may have been left out since it can't be placed on the sky", len(t.Tiles))
	}
	return t.Tiles[i], nil
}

// Around finds the tiles whose sources may lie in the margins of another.
type Around struct {
	tiles *Tiles
	atlas *sky.Atlas
}

// Around makes the finder; it takes a moment for the tiles of a survey.
func (t *Tiles) Around() *Around { return &Around{t, sky.NewAtlas(t.sky())} }

// Of returns the tiles whose centres are within a radius of a tile's, by id,
// without the tile itself.
func (a *Around) Of(tile euclid.MERTile, radiusDeg float64) []euclid.MERTile {
	var near []euclid.MERTile
	for _, i := range a.atlas.Within(tile.Centre, radiusDeg) {
		if t := a.tiles.Tiles[i]; t.ID != tile.ID {
			near = append(near, t)
		}
	}
	slices.SortFunc(near, func(a, b euclid.MERTile) int { return cmp.Compare(a.ID, b.ID) })
	return near
}

// NewTiles chooses the wanted ones of all tiles that were found, and their
// neighbours. Wanted are those with the given ids, each once, or without any
// those whose cores, squares of a side of coreArcmin, share some area with the
// region: all where that is empty, too.
func NewTiles(found []euclid.MERTile, ids []int64, where settings.Region, coreArcmin, neighbourRadiusDeg float64) (*Tiles, error) {
	area, err := region.New(where)
	if err != nil {
		return nil, err
	}
	t := &Tiles{Wanted: slices.Compact(slices.Sorted(slices.Values(ids))), Tiles: found}
	switch {
	case len(t.Wanted) > 0:
	case where.Given():
		return t.cut(area, where, coreArcmin, neighbourRadiusDeg)
	default:
		for _, tile := range found {
			t.Wanted = append(t.Wanted, tile.ID)
		}
	}
	return t, nil
}

// cut keeps the tiles of a region, and those within a radius of one of them.
func (t *Tiles) cut(area *region.Region, where settings.Region, coreArcmin, radiusDeg float64) (*Tiles, error) {
	all := t.sky()
	selected := area.Select(all, coreArcmin)
	if len(selected) == 0 {
		return nil, fault.Input("NoTiles", "the region, %s, touches the core of none of %d tiles", where, len(all)).At("region").
			Fix("`constellation tiles --set region=null --set tile_ids=all` lists the tiles that there are")
	}
	atlas := sky.NewAtlas(all)
	kept := map[int]bool{}
	cut := &Tiles{}
	for _, i := range selected {
		cut.Wanted = append(cut.Wanted, all[i].ID)
		for _, j := range atlas.Within(all[i].Centre, radiusDeg) {
			kept[j] = true
		}
		kept[i] = true
	}
	for i, tile := range t.Tiles {
		if kept[i] {
			cut.Tiles = append(cut.Tiles, tile)
		}
	}
	slices.Sort(cut.Wanted)
	return cut, nil
}

// sky is where the tiles lie, in their order.
func (t *Tiles) sky() []sky.Tile {
	all := make([]sky.Tile, len(t.Tiles))
	for i, tile := range t.Tiles {
		all[i] = sky.Tile{ID: tile.ID, Centre: tile.Centre}
	}
	return all
}
