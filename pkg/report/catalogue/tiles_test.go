package catalogue_test

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/assemble"
	"github.com/cosmostat/constellation/pkg/report/catalogue"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// TestTiles: the page answers what happened to each sub-tile of a tile.
func TestTiles(t *testing.T) {
	sub := func(col int, element, status, reason string) survey.RunSubTile {
		return survey.RunSubTile{Element: element, CoreSources: 9, Outcome: survey.Outcome{
			SubTileID: sky.ID(7, 0, col), Status: status, Reason: reason, Directory: "s3://b/r/7/0_0", Shear: survey.File{URI: "s3://b/r/7/0_0/results/shear.parquet"}}}
	}
	r := &survey.Run{Tiles: []survey.RunTile{{TileID: 7, SubTiles: []survey.RunSubTile{
		sub(0, "", survey.StatusNoSources, ""), sub(1, "0", survey.StatusOK, ""), sub(2, "1", survey.StatusFailed, "NaN loss"), sub(3, "2", survey.StatusOK, ""), sub(4, "3", survey.StatusOK, ""),
	}}}}
	g, e := float32(0.0123), float32(0.004)
	page := catalogue.Tiles(r, assemble.Total{Measured: map[sky.SubTileID]results.Shear{
		sky.ID(7, 0, 1): {G1: &g, G2: &g, G1Err: &e, NSources: 8}, sky.ID(7, 0, 3): {},
	}})
	for _, want := range []string{
		"<td>0_1</td><td>0</td><td>ok</td><td>0.01230 ± 0.00400</td><td>0.01230</td><td>8 sources</td><td>9</td><td>s3://b/r/7/0_0/results/shear.parquet</td>",
		"<td>0_2</td><td>1</td><td>failed</td><td></td>", "NaN loss", "<td>0_3</td><td>2</td><td>ok</td><td>not measured</td>", "<td>0_0</td><td></td><td>no_sources</td>",
		"<td>0_4</td><td>3</td><td>ok</td><td>as before</td>", "tile 7: 1 failed, 1 no_sources, 3 ok",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
}
