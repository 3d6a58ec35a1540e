package report_test

import (
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/report"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

func TestMap(t *testing.T) {
	tile := sky.Tile{ID: 102018211, Centre: sky.Coord{RA: 0.01, Dec: -28}}
	grid := sky.Grid{Shape: settings.Shape{Rows: 2, Cols: 2}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}
	p := &survey.Prepared{}
	for i := range 4 {
		p.SubTiles = append(p.SubTiles, survey.SubTile{Cell: sky.Cell{Row: i / 2, Col: i % 2}, Status: "ok", CoreSources: 1234 + i})
	}
	outline := []sky.Coord{{RA: 359.9, Dec: -28.1}, {RA: 0.1, Dec: -28.1}, {RA: 0.1, Dec: -27.9}, {RA: 359.9, Dec: -27.9}}
	qs := []euclid.Quadrant{
		{Exposure: euclid.ExposureID{Obs: "002681", Dither: "00", Number: "1"}, Name: "1-1.E", Outline: outline},
		{Exposure: euclid.ExposureID{Obs: "002681", Dither: "01", Number: "1"}, Name: "1-1.E", Outline: outline},
		{Exposure: euclid.ExposureID{Obs: "002681", Dither: "00", Number: "1"}, Name: "1-1.F", Outline: outline},
	}
	svg := report.Map(tile, grid, qs, p)
	for _, want := range []string{"<svg ", "Tile 102018211", ">1_1<", ">1,237 sources<", ">4 ok<", ">2 exposures<", ">3 quadrants<", "</svg>"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s", want)
		}
	}
	if n := len(svg); n > 20_000 {
		t.Errorf("%d bytes", n)
	}
	if f := report.Footprints(qs); f[0].Group != 0 || f[1].Group != 1 || f[2].Group != 0 {
		t.Errorf("%v", f)
	}
}
