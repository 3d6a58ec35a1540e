package assemble

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestDoubts: a tile whose own sources lie elsewhere is a reason against the run.
func TestDoubts(t *testing.T) {
	for name, c := range map[string]struct {
		tile survey.RunTile
		says string
	}{
		"none outside":      {survey.RunTile{SubTiles: inside(90)}, ""},
		"few outside":       {survey.RunTile{SubTiles: inside(90), Rows: survey.Rows{Outside: 10}}, ""},
		"many outside":      {survey.RunTile{SubTiles: inside(89), Rows: survey.Rows{Outside: 11}}, "validation.max_outside_fraction) lie outside the grid of tile 7, 11 of 100"},
		"all outside":       {survey.RunTile{SubTiles: inside(0), Rows: survey.Rows{Outside: 11}}, "none of its catalogue's sources lies in the grid of tile 7"},
		"none has a place":  {survey.RunTile{SubTiles: inside(0), Rows: survey.Rows{Unplaced: 3}}, "3 rows without an id or a position"},
		"an empty one":      {survey.RunTile{SubTiles: inside(0)}, "the catalogue of tile 7 has no source at all"},
		"one that failed":   {survey.RunTile{Failure: "no", Rows: survey.Rows{Outside: 11}}, ""},
		"rows are no doubt": {survey.RunTile{SubTiles: inside(9), Rows: survey.Rows{Duplicates: 5, Unplaced: 5}}, ""},
	} {
		c.tile.TileID = 7
		run := &survey.Run{Tiles: []survey.RunTile{c.tile}}
		why := strings.Join(doubts(run, settings.Thresholds{MaxOutsideFraction: 0.1}), "\n")
		if !strings.Contains(why, c.says) || (why != "") != (c.says != "") {
			t.Errorf("%s: %q, want %q", name, why, c.says)
		}
		if in := inputs(run); in.Outside != c.tile.Outside || in.Duplicates != c.tile.Duplicates || in.Unplaced != c.tile.Unplaced {
			t.Errorf("%s: %+v", name, in)
		}
	}
}

func inside(n int) []survey.RunSubTile { return []survey.RunSubTile{{CoreSources: n}} }
