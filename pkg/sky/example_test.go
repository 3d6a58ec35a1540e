package sky_test

import (
	"fmt"

	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

func Example() {
	grid := sky.Grid{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}
	tile := sky.Tile{ID: 102018211, Centre: sky.Coord{RA: 57.9990741, Dec: -51.5}}
	source := sky.Coord{RA: 57.9, Dec: -51.35}
	o, _ := tile.Plane().Project(source)
	for _, s := range grid.SubTiles(tile) {
		switch {
		case s.Core.Contains(o):
			fmt.Println(s.Name(), "reports the source")
		case s.Extended.Contains(o):
			fmt.Println(s.Name(), "uses the source")
		}
	}
	ra, dec := tile.Plane().Bounds(grid.SubTiles(tile)[0].Core)
	fmt.Printf("0_0: RA %.4f to %.4f, Dec %.4f to %.4f\n", ra[0], ra[1], dec[0], dec[1])
	// Output:
	// 2_1 uses the source
	// 3_1 reports the source
	// 0_0: RA 57.5682 to 57.7843, Dec -51.7665 to -51.6325
}
