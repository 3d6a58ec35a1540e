package main

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// What failed is named with its reason, some of it by name and all of it by number.
func TestPrintFailed(t *testing.T) {
	ends := func(n int, status, reason string) (all []survey.RunSubTile) {
		for i := range n {
			all = append(all, survey.RunSubTile{Outcome: survey.Outcome{SubTileID: sky.ID(7, 0, i), Status: status, Reason: reason}})
		}
		return all
	}
	for name, c := range map[string]struct {
		tiles []survey.RunTile
		says  []string
		lines int
	}{
		"nothing": {tiles: []survey.RunTile{{TileID: 7, SubTiles: ends(3, survey.StatusOK, "")}}},
		"one":     {[]survey.RunTile{{TileID: 7, SubTiles: ends(1, survey.StatusFailed, "no space\nleft")}}, []string{"1 sub-tiles failed, and 0 tiles as a whole:\n", "0_0: no space | left\n"}, 2},
		"a tile":  {[]survey.RunTile{{TileID: 7, Failure: "no catalogue", SubTiles: ends(4, survey.StatusFailed, "so")}}, []string{"0 sub-tiles failed, and 1 tiles", "tile 7: no catalogue\n"}, 2},
		"many":    {[]survey.RunTile{{TileID: 7, SubTiles: ends(30, survey.StatusFailed, "x")}}, []string{"30 sub-tiles failed", "and 10 more: run.json"}, 22},
	} {
		var b strings.Builder
		printFailed(&b, &survey.Run{Tiles: c.tiles})
		for _, want := range c.says {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %q in %s", name, want, b.String())
			}
		}
		if n := strings.Count(b.String(), "\n"); n != c.lines {
			t.Errorf("%s: %d lines: %s", name, n, b.String())
		}
	}
}
