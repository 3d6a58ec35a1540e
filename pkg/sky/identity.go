package sky

import (
	"cmp"
	"fmt"
)

// Cell is the place of a sub-tile in its tile's grid. Rows count from south to
// north, columns from smaller to larger right ascension, both from 0.
type Cell struct {
	Row int `json:"row"`
	Col int `json:"col"`
}

// Name is the cell as paths have it: "row_col".
func (c Cell) Name() string { return fmt.Sprintf("%d_%d", c.Row, c.Col) }

// SubTileID is the identity of a sub-tile of the survey.
type SubTileID struct {
	TileID int64 `json:"tile_id"`
	Cell
}

// ID makes the identity of a sub-tile.
func ID(tile int64, row, col int) SubTileID { return SubTileID{tile, Cell{row, col}} }

// String is the identity as people read it: "tile 102018211, sub-tile 0_1".
func (id SubTileID) String() string { return fmt.Sprintf("tile %d, sub-tile %s", id.TileID, id.Name()) }

// Compare orders sub-tiles by tile, row and column.
func (id SubTileID) Compare(other SubTileID) int {
	return cmp.Or(cmp.Compare(id.TileID, other.TileID), cmp.Compare(id.Row, other.Row), cmp.Compare(id.Col, other.Col))
}
