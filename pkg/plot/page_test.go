package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

// survey is a few tiles round a place, with exposures, sources and results.
func scene(centre sky.Coord) *Scene {
	grid := sky.Grid{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}
	plane := sky.NewTangent(centre)
	s := &Scene{Title: "Tiles & <sources>"}
	status := []string{"ok", "no_sources", "no_exposures", "failed"}
	for i, o := range []sky.Offset{{}, {Xi: 0.5}, {Xi: -0.5}, {Eta: 0.5}, {Eta: -0.5}} {
		t := NewTile(sky.Tile{ID: int64(102018211 + i), Centre: plane.Deproject(o)}, grid)
		t.Aside = i == 4
		for k := range t.SubTiles {
			t.SubTiles[k].Status, t.SubTiles[k].Sources, t.SubTiles[k].Counted = status[(i+k*k)%4], 100*k, true
		}
		s.Tiles = append(s.Tiles, t)
	}
	for e := range 3 {
		for i := range 8 {
			for k := range 8 {
				x, y := 0.09*float64(i-4)+0.01*float64(e), 0.09*float64(k-4)+0.02*float64(e)
				var outline []sky.Coord
				for _, o := range (sky.Box{XiMin: x, XiMax: x + 0.08, EtaMin: y, EtaMax: y + 0.08}).Corners() {
					outline = append(outline, plane.Deproject(o))
				}
				s.Footprints = append(s.Footprints, sky.Footprint{Group: e, Outline: outline})
			}
		}
	}
	for i := range 200 {
		a := float64(i)
		s.Sources = append(s.Sources, Source{plane.Deproject(sky.Offset{Xi: 0.3 * math.Sin(a), Eta: 0.3 * math.Cos(1.7*a)}), i%5 > 0})
	}
	return s
}

var places = map[string]sky.Coord{
	"EDFS": {RA: 57.9990741, Dec: -51.5}, "across RA 0": {RA: 0.1, Dec: 0}, "the seam": {RA: 180, Dec: 30},
	"near the pole": {RA: 33, Dec: 89.8}, "a pole": {RA: 0, Dec: -90},
}

var drawings = map[string]func(*Scene) *Page{"tile": DrawTile, "field": DrawField, "sky": DrawSky}

func TestDrawings(t *testing.T) {
	for name, centre := range places {
		for what, draw := range drawings {
			t.Run(what+" at "+name, func(t *testing.T) {
				s := scene(centre)
				page := draw(s)
				check(t, page)
				svg := page.SVG()
				if !bytes.Equal(svg, draw(scene(centre)).SVG()) {
					t.Error("the same scene gave other bytes")
				}
				for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
					if _, err := d.Token(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatal(err)
					}
				}
				if bytes.Contains(svg, []byte("<sources>")) || !bytes.Contains(svg, []byte("Tiles &amp; &lt;sources&gt;")) {
					t.Error("the title is not escaped")
				}
			})
		}
	}
}

// check looks at every point: finite, and on the page.
func check(t *testing.T, page *Page) {
	t.Helper()
	whole := rect{-0.01, -0.01, page.Width + 0.01, page.Height + 0.01}
	for _, m := range page.Marks {
		var points []Point
		switch m := m.(type) {
		case *Shape:
			for _, part := range m.Parts {
				points = append(points, part...)
				if len(part) < 2 || m.Closed && len(part) < 3 {
					t.Errorf("a part of %d points", len(part))
				}
			}
		case *Dots:
			points = m.At
		case *Text:
			points = []Point{m.At}
			if b := m.box(); b.x1 > page.Width || b.x0 < 0 {
				t.Errorf("%q leaves the page: %v", m.String, b)
			}
		}
		for _, p := range points {
			if !whole.holds(p) { // NaN is nowhere
				t.Fatalf("%T at %v, the page is %v x %v", m, p, page.Width, page.Height)
			}
		}
	}
}

// TestFootprints: exposures are filled one by one and their quadrants all run the same way round.
func TestFootprints(t *testing.T) {
	s := scene(places["EDFS"])
	for i := range s.Footprints[:20] { // as a rotated CCD has them
		o := s.Footprints[i].Outline
		o[1], o[3] = o[3], o[1]
	}
	v := newView(tangent{s.Tiles[0].Plane()}, rect{-18, -18, 18, 18}, 0, 0, 700)
	page := &Page{}
	if depth := v.footprints(page, s.Footprints); depth != 3 {
		t.Errorf("depth %d", depth)
	}
	if len(page.Marks) != 3 {
		t.Errorf("%d shapes", len(page.Marks))
	}
	for _, m := range page.Marks {
		for _, part := range m.(*Shape).Parts {
			if signedArea(part) <= 0 {
				t.Errorf("%v runs the other way", part)
			}
		}
	}
}

// TestEastIsLeft holds for every projection.
func TestEastIsLeft(t *testing.T) {
	for _, pr := range []projection{tangent{sky.NewTangent(sky.Coord{RA: 359.99, Dec: 10})}, newZenithal(sky.Coord{RA: 359.99, Dec: 10}), mollweide{359.99}} {
		v := newView(pr, rect{-200, -200, 200, 200}, 0, 0, 400)
		a, _ := pr.forward(sky.Coord{RA: 359.99, Dec: 10})
		east, _ := pr.forward(sky.Coord{RA: 0.2, Dec: 10})
		north, _ := pr.forward(sky.Coord{RA: 359.99, Dec: 10.2})
		if !(v.at(east).X < v.at(a).X) || !(v.at(north).Y < v.at(a).Y) {
			t.Errorf("%T: %v, east of it %v, north of it %v", pr, v.at(a), v.at(east), v.at(north))
		}
	}
}

func TestClip(t *testing.T) {
	r := rect{0, 0, 10, 10}
	if got := clipArea([]Point{{-5, -5}, {5, -5}, {5, 5}, {-5, 5}}, r.sides()); math.Abs(signedArea(got)-25) > 1e-12 {
		t.Errorf("%v", got)
	}
	if got := clipArea([]Point{{11, 0}, {12, 0}, {12, 5}}, r.sides()); got != nil {
		t.Errorf("%v", got)
	}
	for _, c := range []struct {
		line  []Point
		parts int
	}{
		{[]Point{{-5, 5}, {15, 5}}, 1},
		{[]Point{{5, 5}, {15, 5}, {15, 8}, {5, 8}}, 2},
		{[]Point{{-5, 5}, {5, 20}}, 0},
		{[]Point{{-1, 9}, {9, 19}, {-1, 9}}, 0},
		{[]Point{{1, 1}, {2, 2}, {3, 1}}, 1},
	} {
		got := clipLine(c.line, r)
		if len(got) != c.parts {
			t.Errorf("%v: %v", c.line, got)
		}
	}
}

// TestThin leaves corners and takes what lies between them.
func TestThin(t *testing.T) {
	var square []Point
	for i := range 40 {
		f := float64(i%10) / 10
		square = append(square, []Point{{f, 0}, {1, f}, {1 - f, 1}, {0, 1 - f}}[i/10])
	}
	if got := thinArea(square, 1e-6); len(got) != 4 || math.Abs(signedArea(got)-1) > 1e-12 {
		t.Errorf("%v", got)
	}
}

func TestEmptyScene(t *testing.T) {
	for what, draw := range drawings {
		page := draw(&Scene{Title: "nothing"})
		check(t, page)
		if !strings.Contains(string(page.SVG()), "nothing") {
			t.Error(what)
		}
	}
}

// TestPathsAreNumbers: what the paths of an SVG consist of.
func TestPathsAreNumbers(t *testing.T) {
	valid := regexp.MustCompile(`^(M-?[\d.]+[ -][\d.]+(l-?[\d.]+[ -][\d.]+([ -][\d.]+[ -][\d.]+)*)?(h0)?z?)+$`)
	for _, d := range regexp.MustCompile(` d="([^"]*)"`).FindAllSubmatch(DrawSky(scene(places["the seam"])).SVG(), -1) {
		if !valid.Match(d[1]) {
			t.Errorf("%s", d[1])
		}
	}
}

func FuzzArea(f *testing.F) {
	f.Add(179.9, 10.0, 0.5)
	f.Add(0.0, 90.0, 1.0)
	f.Add(33.0, -89.9, 0.2)
	f.Fuzz(func(t *testing.T, ra, dec, size float64) {
		if !(math.Abs(ra) <= 360 && math.Abs(dec) <= 90 && size > 1e-4 && size < 30) {
			return
		}
		tile := Tile{Tile: sky.Tile{Centre: sky.Normalize(sky.Coord{RA: ra, Dec: dec})}}
		for _, part := range (mollweide{}).area(tile.outline(sky.Box{XiMin: -size, XiMax: size, EtaMin: -size, EtaMax: size})) {
			for _, p := range part {
				if !(math.Hypot(p.X, 2*p.Y) <= mollweideWidth*(1+1e-9)) {
					t.Fatalf("%v", p)
				}
			}
		}
	})
}
