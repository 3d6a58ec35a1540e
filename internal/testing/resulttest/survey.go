// Package resulttest makes the results of surveys that are as large as one likes,
// fast: the directories of sub-tiles as preparation and inference leave them, or
// their rows alone, for tests and benchmarks of assembly and of the catalogue. The
// same survey gives the same bytes.
//
// What it makes holds where it is looked at: sources lie inside the cores of their
// sub-tiles, errors are positive, N_SOURCES counts the rows without a flag. Tiles
// are numbered along strips of declination, as Euclid's are. There are no pixels.
package resulttest

import (
	"fmt"
	"math"

	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

const (
	firstTile = 102_000_000
	side      = 0.5 // degrees between the centres of tiles
	firstDec  = -60.
	lastDec   = 60.
)

// Survey is a part of the sky in tiles that lie side by side.
type Survey struct {
	Tiles    int
	Sources  int // of each sub-tile's core
	Grid     sky.Grid
	ConfigID string
	// Again makes other measurements of the same sources: those of a later run.
	Again uint64
}

// Grid is that of Euclid's tiles.
func Grid() sky.Grid {
	return sky.Grid{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}
}

// SubTiles counts them.
func (s Survey) SubTiles() int { return s.Tiles * s.Grid.Rows * s.Grid.Cols }

// Tile is the i-th.
func (s Survey) Tile(i int) sky.Tile {
	for dec, left := firstDec, i; dec < lastDec; dec += side {
		strip := int(360 * math.Cos(dec*math.Pi/180) / side)
		if left < strip {
			return sky.Tile{ID: firstTile + int64(i), Centre: sky.Coord{RA: (float64(left) + 0.5) * 360 / float64(strip), Dec: dec}}
		}
		left -= strip
	}
	panic(fmt.Sprintf("resulttest: the sky has no tile %d", i))
}

// plan is the key of what the i-th tile is made from.
func (s Survey) plan(i int) string { return fmt.Sprintf("%064x", i+1) }
