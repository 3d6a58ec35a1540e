package report

import (
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/plot"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Map draws a tile that was prepared, as SVG: its sub-tiles with what became of
// them, over the exposures that the quadrants are of.
func Map(tile sky.Tile, grid sky.Grid, qs []euclid.Quadrant, p *survey.Prepared) string {
	drawn := plot.NewTile(tile, grid)
	for i := range drawn.SubTiles {
		if i < len(p.SubTiles) { // both by rows
			s := p.SubTiles[i]
			drawn.SubTiles[i].Status, drawn.SubTiles[i].Sources, drawn.SubTiles[i].Counted = s.Status, s.CoreSources, true
		}
	}
	scene := &plot.Scene{Title: plot.TileTitle("", tile.ID), Tiles: []plot.Tile{drawn}, Footprints: Footprints(qs)}
	return string(plot.DrawTile(scene).SVG())
}

// Footprints numbers the exposures of quadrants in the order in which they come.
func Footprints(qs []euclid.Quadrant) []sky.Footprint {
	groups := map[euclid.ExposureID]int{}
	out := make([]sky.Footprint, 0, len(qs))
	for _, q := range qs {
		n, ok := groups[q.Exposure]
		if !ok {
			n = len(groups)
			groups[q.Exposure] = n
		}
		out = append(out, sky.Footprint{Group: n, Outline: q.Outline})
	}
	return out
}
