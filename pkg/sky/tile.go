package sky

import (
	"math"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

// Tile is one tile of the MER products. Its squares are laid in the tangent
// plane at its centre.
type Tile struct {
	ID     int64
	Centre Coord
}

// Plane is the tangent plane at the tile's centre.
func (t Tile) Plane() Tangent { return NewTangent(t.Centre) }

// Owner returns the index of the tile that owns a position: the one in whose
// plane max(|xi|, |eta|) is smallest, and of two with the same the one with the
// smaller ID. It is false where no tile lies on the position's hemisphere.
//
// Where tile centres are laid in rows of Dec, the nearest centre is not always
// the tile whose square holds the position; this one is.
func Owner(c Coord, tiles []Tile) (int, bool) {
	owner, least := -1, math.Inf(1)
	for i, t := range tiles {
		o, ok := t.Plane().Project(c)
		if !ok {
			continue
		}
		d := math.Max(math.Abs(o.Xi), math.Abs(o.Eta))
		if d < least || d == least && owner >= 0 && t.ID < tiles[owner].ID {
			owner, least = i, d
		}
	}
	return owner, owner >= 0
}

// SubTile is one part of a tile: the unit of inference. Its boxes lie in the
// tile's plane.
type SubTile struct {
	Tile Tile
	Cell
	Core     Box // sources in it are reported
	Extended Box // pixels and sources in it are used: the core and its margin
}

// ID is the sub-tile's identity.
func (s SubTile) ID() SubTileID { return SubTileID{s.Tile.ID, s.Cell} }

// Centre is the direction of the core's centre.
func (s SubTile) Centre() Coord { return s.Tile.Plane().Deproject(s.Core.Centre()) }

// Overlaps says whether the extended area has a point in common with the area
// inside an outline, a polygon of great circles that need not be convex or
// closed. Areas that only touch don't overlap, nor do outlines that reach 90
// degrees from the tile's centre.
func (s SubTile) Overlaps(outline []Coord) bool {
	polygon, ok := s.Tile.Plane().polygon(outline)
	if !ok {
		return false
	}
	return s.Extended.overlaps(polygon)
}

// Grid says how tiles are divided.
type Grid settings.Grid

// The limits are far outside of sense, near where something else would break.
const (
	maxDivisions  = 256  // a side
	maxTileArcmin = 1200 // 20 degrees: a tangent plane still has a use
)

// Validate says what is impossible about a grid.
func (g Grid) Validate() error {
	invalid := func(field, format string, a ...any) *fault.Error {
		return fault.Input("GridInvalid", format, a...).At("%s", field)
	}
	switch {
	case g.Rows < 1 || g.Cols < 1 || g.Rows > maxDivisions || g.Cols > maxDivisions:
		return invalid("sub_tile_grid", "%d rows and %d columns divide nothing", g.Rows, g.Cols).
			Fix("both are from 1 to %d; 4 and 4 are usual", maxDivisions)
	case !(g.TileArcmin > 0 && g.TileArcmin <= maxTileArcmin):
		return invalid("mer_tile_size_arcmin", "a tile can't have a side of %v arcmin", g.TileArcmin).
			Fix("more than 0, at most %v; MER tiles have 32", maxTileArcmin)
	case !(g.CoreArcmin > 0 && g.CoreArcmin <= g.TileArcmin):
		return invalid("mer_core_size_arcmin", "a tile of %v arcmin can't have a core of %v arcmin", g.TileArcmin, g.CoreArcmin).
			Fix("more than 0, at most the tile's size; MER tiles have 30")
	case !(g.MarginArcmin >= 0 && g.MarginArcmin <= g.TileArcmin):
		return invalid("sub_tile_margin_arcmin", "a margin of %v arcmin does not suit a tile of %v arcmin", g.MarginArcmin, g.TileArcmin).
			Fix("from 0 to the tile's size; 1 is usual")
	}
	return nil
}

// SubTiles divides a tile: rows from south to north, and in each row columns
// from smaller to larger RA. Neighbours have the very same numbers as their
// common edge, so every point of the tile's square lies in exactly one core.
func (g Grid) SubTiles(t Tile) []SubTile {
	margin := g.MarginArcmin / 60
	subTiles := make([]SubTile, 0, g.Rows*g.Cols)
	for row := range g.Rows {
		for col := range g.Cols {
			core := Box{
				XiMin: g.edge(col, g.Cols), XiMax: g.edge(col+1, g.Cols),
				EtaMin: g.edge(row, g.Rows), EtaMax: g.edge(row+1, g.Rows),
			}
			subTiles = append(subTiles, SubTile{Tile: t, Cell: Cell{row, col}, Core: core, Extended: core.Grow(margin)})
		}
	}
	return subTiles
}

// edge is the i-th of the n+1 edges that divide the tile's side.
func (g Grid) edge(i, n int) float64 {
	return g.TileArcmin / 60 * (float64(2*i-n) / float64(2*n))
}

// Reach is the angle from a tile's centre, in degrees, within which all of its
// extended areas lie.
func (g Grid) Reach() float64 {
	half := (g.TileArcmin/2 + g.MarginArcmin) / 60 * deg
	return math.Atan(half*math.Sqrt2) / deg
}
