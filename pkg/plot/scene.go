package plot

import (
	"math"
	"strconv"

	"github.com/cosmostat/constellation/pkg/sky"
)

// Scene is what there is to draw. Any part may be missing.
type Scene struct {
	Title      string // of the page
	Note       string // the line under it
	Tiles      []Tile
	Footprints []sky.Footprint // quadrants, by exposure
	Sources    []Source
}

// Tile is a tile with the square that its sub-tiles divide.
type Tile struct {
	sky.Tile
	Box      sky.Box // in the tile's plane
	SubTiles []SubTile
	Aside    bool // a neighbour, not itself asked for
}

// SubTile is a sub-tile and, after a run, what became of it.
type SubTile struct {
	Name           string
	Core, Extended sky.Box // in the tile's plane
	Status         string  // as the stages call it: ok, no_sources, no_exposures, failed; or empty
	Sources        int     // in the core
	Counted        bool    // whether Sources is known
}

// Source is a catalogue source: in some core of the scene's tiles, or only in margins.
type Source struct {
	At   sky.Coord
	Core bool
}

// NewTile lays a grid over a tile.
func NewTile(t sky.Tile, g sky.Grid) Tile {
	half := g.TileArcmin / 120
	out := Tile{Tile: t, Box: sky.Box{XiMin: -half, XiMax: half, EtaMin: -half, EtaMax: half}}
	for _, s := range g.SubTiles(t) {
		out.SubTiles = append(out.SubTiles, SubTile{Name: s.Name(), Core: s.Core, Extended: s.Extended})
	}
	return out
}

// outline is a box of the tile's plane on the sky.
func (t Tile) outline(b sky.Box) []sky.Coord {
	plane := t.Plane()
	var out []sky.Coord
	for _, o := range b.Corners() {
		out = append(out, plane.Deproject(o))
	}
	return out
}

// reach is the tile's box with all margins.
func (t Tile) reach() sky.Box {
	b := t.Box
	for _, s := range t.SubTiles {
		b.XiMin, b.XiMax = math.Min(b.XiMin, s.Extended.XiMin), math.Max(b.XiMax, s.Extended.XiMax)
		b.EtaMin, b.EtaMax = math.Min(b.EtaMin, s.Extended.EtaMin), math.Max(b.EtaMax, s.Extended.EtaMax)
	}
	return b
}

// exposures counts the groups of the footprints.
func (s *Scene) exposures() int {
	groups := map[int]bool{}
	for _, f := range s.Footprints {
		groups[f.Group] = true
	}
	return len(groups)
}

// cores counts the sources that are in a core.
func (s *Scene) cores() int {
	n := 0
	for _, o := range s.Sources {
		if o.Core {
			n++
		}
	}
	return n
}

// statuses counts the sub-tiles by status.
func (s *Scene) statuses() map[string]int {
	n := map[string]int{}
	for _, t := range s.Tiles {
		for _, sub := range t.SubTiles {
			if sub.Status != "" {
				n[sub.Status]++
			}
		}
	}
	return n
}

// wanted counts the tiles that were asked for, and the others.
func (s *Scene) wanted() (tiles, aside int) {
	for _, t := range s.Tiles {
		if t.Aside {
			aside++
		} else {
			tiles++
		}
	}
	return tiles, aside
}

// counted is a number with its noun, thousands apart.
func counted(n int, one, many string) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n == 1 {
		return digits + " " + one
	}
	return digits + " " + many
}
