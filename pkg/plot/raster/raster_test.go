package raster

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/plot"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

var black = plot.Colour{A: 1}

func paint(t *testing.T, marks ...plot.Mark) func(x, y int) color.RGBA {
	t.Helper()
	img, err := Paint(&plot.Page{Width: 100, Height: 60, Marks: marks}, 100)
	if err != nil {
		t.Fatal(err)
	}
	return img.RGBAAt
}

// darkness sums what is painted, in pixels of black.
func darkness(at func(x, y int) color.RGBA) (sum float64) {
	for x := range 100 {
		for y := range 60 {
			sum += float64(255-at(x, y).R) / 255
		}
	}
	return sum
}

// TestInk: lines and areas paint as much as they measure.
func TestInk(t *testing.T) {
	circle := make([]plot.Point, 90)
	for i := range circle {
		s, c := math.Sincos(2 * math.Pi * float64(i) / 90)
		circle[i] = plot.Point{X: 50 + 20*c, Y: 30 + 20*s}
	}
	square := []plot.Point{{X: 10, Y: 10}, {X: 40, Y: 10}, {X: 40, Y: 40}, {X: 10, Y: 40}}
	for name, c := range map[string]struct {
		mark plot.Mark
		want float64
	}{
		"area":      {&plot.Shape{Parts: [][]plot.Point{square}, Closed: true, Fill: black}, 900},
		"ring":      {&plot.Shape{Parts: [][]plot.Point{circle}, Closed: true, Stroke: black, Width: 3}, 3 * 2 * math.Pi * 20},
		"square":    {&plot.Shape{Parts: [][]plot.Point{square}, Closed: true, Stroke: black, Width: 2}, 240},
		"line":      {&plot.Shape{Parts: [][]plot.Point{{{X: 10.5, Y: 20.3}, {X: 60, Y: 20.3}}}, Stroke: black, Width: 1}, 49.5},
		"there and": {&plot.Shape{Parts: [][]plot.Point{{{X: 10, Y: 20}, {X: 60, Y: 20}, {X: 10, Y: 20.01}}}, Stroke: black, Width: 2}, 100},
		"dashes":    {&plot.Shape{Parts: [][]plot.Point{{{X: 10, Y: 20}, {X: 70, Y: 20}}}, Stroke: black, Width: 2, Dash: []float64{6, 4}}, 72},
		"dot":       {&plot.Dots{At: []plot.Point{{X: 50, Y: 30}}, Radius: 5, Fill: black}, math.Pi * 25},
		"half":      {&plot.Shape{Parts: [][]plot.Point{square}, Closed: true, Fill: plot.Colour{A: 0.5}}, 450},
		"off":       {&plot.Shape{Parts: [][]plot.Point{{{X: -90, Y: -90}, {X: -10, Y: -90}, {X: -10, Y: -10}}}, Closed: true, Fill: black}, 0},
	} {
		if got := darkness(paint(t, c.mark)); math.Abs(got-c.want) > 0.02*c.want+0.3 {
			t.Errorf("%s: %.1f pixels, want %.1f", name, got, c.want)
		}
	}
}

// TestAreasOfOneShape: opacity counts once where they lie over each other.
func TestAreasOfOneShape(t *testing.T) {
	a := []plot.Point{{X: 10, Y: 10}, {X: 40, Y: 10}, {X: 40, Y: 40}, {X: 10, Y: 40}}
	at := paint(t, &plot.Shape{Parts: [][]plot.Point{a, a}, Closed: true, Fill: plot.Colour{A: 0.5}})
	if got := at(20, 20).R; got < 126 || got > 129 {
		t.Errorf("%d", got)
	}
}

// TestText: letters are painted, anchored, and every sign that pages use is in the fonts.
func TestText(t *testing.T) {
	for _, bold := range []bool{false, true} {
		f, err := parse(bold)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range "\u2212+\u00b0\u2032\u00b7\u00d7\u03be\u03b7|<(),.0123456789" {
			if g, err := f.GlyphIndex(nil, r); err != nil || g == 0 {
				t.Errorf("no %q: %v", r, err)
			}
		}
	}
	for anchor, from := range map[int]int{plot.Start: 50, plot.Middle: 25, plot.End: 0} {
		at := paint(t, &plot.Text{At: plot.Point{X: 50, Y: 40}, Size: 20, Anchor: anchor, Fill: black, String: "HHH"})
		first := -1
		for x := range 100 {
			for y := range 60 {
				if first < 0 && at(x, y).R < 128 {
					first = x
				}
			}
		}
		if first < from || first > from+14 {
			t.Errorf("anchor %d: begins at %d", anchor, first)
		}
	}
}

func TestPNG(t *testing.T) {
	tile := plot.NewTile(sky.Tile{ID: 1, Centre: sky.Coord{RA: 359.99, Dec: 60}}, sky.Grid{Shape: settings.Shape{Rows: 2, Cols: 2}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30})
	scene := &plot.Scene{Title: "T", Tiles: []plot.Tile{tile}, Sources: []plot.Source{{At: tile.Centre, Core: true}}}
	for _, draw := range []func(*plot.Scene) *plot.Page{plot.DrawTile, plot.DrawField, plot.DrawSky} {
		var a, b bytes.Buffer
		if err := WritePNG(&a, draw(scene), 600); err != nil {
			t.Fatal(err)
		}
		if err := WritePNG(&b, draw(scene), 600); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Error("the same page gave other bytes")
		}
		img, err := png.Decode(&a)
		if err != nil {
			t.Fatal(err)
		}
		if img.Bounds().Dx() != 600 {
			t.Errorf("%v", img.Bounds())
		}
	}
	for _, size := range []int{-1, 20000} {
		if err := WritePNG(new(bytes.Buffer), plot.DrawTile(scene), size); fault.CodeOf(err) != "SizeInvalid" {
			t.Errorf("%d: %v", size, err)
		}
	}
}
