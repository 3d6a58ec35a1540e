package sky

import (
	"math/rand/v2"
	"testing"

	"github.com/cosmostat/constellation/pkg/settings"
)

// TestLocate: a tile is found by any of its cells, wherever it lies, and by nothing else.
func TestLocate(t *testing.T) {
	grid := Grid{Shape: settings.Shape{Rows: 3, Cols: 4}, TileArcmin: 32, CoreArcmin: 30, MarginArcmin: 1}
	other, smaller := grid, grid
	other.Rows, smaller.TileArcmin = 4, 30
	r := rand.New(rand.NewPCG(1, 2))
	places := []Coord{{0, 0}, {359.999, -30}, {120, 90}, {300, -90}, {77, 89.9}, {10, -89.95}}
	for range 50 {
		places = append(places, Coord{r.Float64() * 360, r.Float64()*178 - 89})
	}
	for _, c := range places {
		for _, s := range grid.SubTiles(Tile{1, c}) {
			var corners []Coord
			for _, o := range s.Core.Corners() {
				corners = append(corners, s.Tile.Plane().Deproject(o))
			}
			found, ok := grid.Locate(s.Cell, corners)
			if !ok || Separation(found, c) > 1e-9 {
				t.Fatalf("%v, cell %v: %v, %v", c, s.Cell, found, ok)
			}
			for name, wrong := range map[string]func() (Coord, bool){
				"another grid":  func() (Coord, bool) { return other.Locate(s.Cell, corners) },
				"another tile":  func() (Coord, bool) { return smaller.Locate(s.Cell, corners) },
				"no cell":       func() (Coord, bool) { return grid.Locate(Cell{3, 0}, corners) },
				"three corners": func() (Coord, bool) { return grid.Locate(s.Cell, corners[:3]) },
			} {
				if found, ok := wrong(); ok {
					t.Fatalf("%v, cell %v, %s: %v", c, s.Cell, name, found)
				}
			}
		}
	}
}
