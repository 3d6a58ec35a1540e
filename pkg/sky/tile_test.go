package sky

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
)

var usual = Grid{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}

func TestSubTiles(t *testing.T) {
	tile := Tile{ID: 102018211, Centre: Coord{57.9990741, -51.5}}
	s := usual.SubTiles(tile)
	if len(s) != 16 {
		t.Fatalf("%d sub-tiles", len(s))
	}
	if s[0].Name() != "0_0" || s[1].Name() != "0_1" || s[15].Name() != "3_3" {
		t.Errorf("names %s %s %s", s[0].Name(), s[1].Name(), s[15].Name())
	}
	// Rows grow to the north, columns with RA.
	if s[0].Centre().Dec >= s[4].Centre().Dec || s[0].Centre().RA >= s[1].Centre().RA {
		t.Errorf("centres %v %v %v", s[0].Centre(), s[1].Centre(), s[4].Centre())
	}
	for _, v := range []struct{ got, want float64 }{
		{s[0].Core.XiMin, -16.0 / 60}, {s[0].Core.XiMax, -8.0 / 60}, {s[15].Core.EtaMax, 16.0 / 60},
		{s[0].Extended.XiMin, -17.0 / 60}, {s[0].Extended.EtaMax, -7.0 / 60},
	} {
		if !near(v.got, v.want, 1e-15) {
			t.Errorf("edge %v, want %v", v.got, v.want)
		}
	}
	for _, n := range []int{1, 3, 4, 7, 12} {
		g := Grid{Shape: settings.Shape{Rows: n, Cols: n}, TileArcmin: 32}
		s := g.SubTiles(tile)
		for i := range n - 1 {
			if s[i].Core.XiMax != s[i+1].Core.XiMin || s[i*n].Core.EtaMax != s[(i+1)*n].Core.EtaMin {
				t.Errorf("%d x %d: neighbours %d and %d differ in their common edge", n, n, i, i+1)
			}
		}
	}
}

func TestReach(t *testing.T) {
	tile := Tile{Centre: Coord{10, 60}}
	reach := usual.Reach()
	var most float64
	for _, s := range usual.SubTiles(tile) {
		for _, o := range s.Extended.Corners() {
			most = math.Max(most, Separation(tile.Centre, tile.Plane().Deproject(o)))
		}
	}
	if !near(most, reach, 1e-12) {
		t.Errorf("reach %v, farthest corner %v", reach, most)
	}
}

func TestValidate(t *testing.T) {
	if err := usual.Validate(); err != nil {
		t.Error(err)
	}
	tests := []struct {
		change func(*Grid)
		field  string
	}{
		{func(g *Grid) { g.Rows = 0 }, "sub_tile_grid"},
		{func(g *Grid) { g.Cols = -3 }, "sub_tile_grid"},
		{func(g *Grid) { g.Cols = 100000 }, "sub_tile_grid"},
		{func(g *Grid) { g.TileArcmin = 0 }, "mer_tile_size_arcmin"},
		{func(g *Grid) { g.TileArcmin = math.NaN() }, "mer_tile_size_arcmin"},
		{func(g *Grid) { g.TileArcmin = 1e5 }, "mer_tile_size_arcmin"},
		{func(g *Grid) { g.CoreArcmin = 33 }, "mer_core_size_arcmin"},
		{func(g *Grid) { g.MarginArcmin = -1 }, "sub_tile_margin_arcmin"},
		{func(g *Grid) { g.MarginArcmin = math.Inf(1) }, "sub_tile_margin_arcmin"},
	}
	for _, tt := range tests {
		g := usual
		tt.change(&g)
		err := g.Validate()
		if fault.KindOf(err) != fault.BadInput || !strings.Contains(fmt.Sprint(err), tt.field) {
			t.Errorf("%+v: %v, want bad input in %s", g, err, tt.field)
		}
	}
}

// field lays tiles as the MER products do: rows half a degree apart in Dec, in
// each row centres half a degree apart on the sky, and every row on its own.
func field(ra, dec float64, rows, cols int) []Tile {
	var tiles []Tile
	for row := range rows {
		d := dec + 0.5*(float64(row)-float64(rows-1)/2)
		step := 0.5 / math.Cos(d*deg)
		first := math.Floor(ra/step-float64(cols)/2) * step
		for col := range cols {
			tiles = append(tiles, Tile{ID: int64(len(tiles) + 1), Centre: Normalize(Coord{first + step*float64(col), d})})
		}
	}
	return tiles
}

// Every position belongs to exactly one core of the survey: that of its owner's
// sub-tiles that holds it.
func TestEveryPositionHasOneCore(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, centre := range []Coord{{58, -51.5}, {267, 65.5}, {0.1, -28}, {200, 0}, {30, 79}} {
		tiles := field(centre.RA, centre.Dec, 5, 7)
		plane := NewTangent(centre)
		subTiles := make([][]SubTile, len(tiles))
		for i, tile := range tiles {
			subTiles[i] = usual.SubTiles(tile)
		}
		for range 20000 {
			c := plane.Deproject(Offset{1.2 * (r.Float64() - 0.5), 1.2 * (r.Float64() - 0.5)})
			owner, ok := Owner(c, tiles)
			if !ok {
				t.Fatalf("nobody owns %v", c)
			}
			o, _ := tiles[owner].Plane().Project(c)
			cores := 0
			for _, s := range subTiles[owner] {
				if s.Core.Contains(o) {
					cores++
				}
			}
			if cores != 1 {
				t.Fatalf("%v is in %d cores of its owner %v at %v", c, cores, tiles[owner], o)
			}
		}
	}
}

func TestOwner(t *testing.T) {
	tiles := []Tile{{2, Coord{10, 0}}, {1, Coord{10.5, 0}}, {3, Coord{190, 0}}}
	for _, tt := range []struct {
		c    Coord
		want int
	}{{Coord{10.1, 0}, 0}, {Coord{10.4, 0}, 1}, {Coord{170, 3}, 2}} {
		if got, ok := Owner(tt.c, tiles); !ok || got != tt.want {
			t.Errorf("Owner(%v) = %d %v, want %d", tt.c, got, ok, tt.want)
		}
	}
	same := []Tile{{9, Coord{1, 1}}, {4, Coord{1, 1}}}
	if got, _ := Owner(Coord{1, 1.1}, same); got != 1 {
		t.Errorf("a tie goes to index %d, want the smaller ID", got)
	}
	if _, ok := Owner(Coord{190, 0}, tiles[:2]); ok {
		t.Error("a tile owns a position on the other hemisphere")
	}
}

// The oracle: does any point of a dense grid over the box lie in the polygon?
// It can miss slivers, so cases with hardly any overlap are left to the table.
func TestOverlapsAgainstSampling(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	box := Box{-1, 1, -1, 1}
	const n = 60
	hits := 0
	for range 1500 {
		polygon := star(r)
		samples := 0
		for i := range n {
			for j := range n {
				o := Offset{-1 + (float64(i)+0.5)*2/n, -1 + (float64(j)+0.5)*2/n}
				if winding(o, polygon) != 0 {
					samples++
				}
			}
		}
		got := box.overlaps(polygon)
		if samples > 0 && !got {
			t.Fatalf("%d samples in common, but no overlap: %v", samples, polygon)
		}
		if got && samples == 0 && clipArea(box, polygon) < 1e-12 {
			t.Fatalf("overlap without a common area: %v", polygon)
		}
		if got {
			hits++
		}
	}
	if hits < 250 || hits > 1250 {
		t.Errorf("%d of 1500 polygons overlap: the test tests little", hits)
	}
}

// star is a simple polygon, mostly concave, somewhere around the box.
func star(r *rand.Rand) []Offset {
	x, y, size := 6*(r.Float64()-0.5), 6*(r.Float64()-0.5), 0.2+2*r.Float64()
	polygon := make([]Offset, 3+r.IntN(9))
	for i := range polygon {
		s, c := math.Sincos(2 * math.Pi * (float64(i) + 0.8*r.Float64()) / float64(len(polygon)))
		d := size * (0.3 + 0.7*r.Float64())
		polygon[i] = Offset{x + d*c, y + d*s}
	}
	return polygon
}

// winding counts turns around a point, by angles: another algorithm than inside.
func winding(o Offset, polygon []Offset) int {
	var sum float64
	for i, p := range polygon {
		q := polygon[(i+1)%len(polygon)]
		a := math.Atan2(p.Eta-o.Eta, p.Xi-o.Xi)
		b := math.Atan2(q.Eta-o.Eta, q.Xi-o.Xi)
		sum += math.Remainder(b-a, 2*math.Pi)
	}
	return int(math.Round(sum / 2 / math.Pi))
}

// clipArea is the common area by Sutherland and Hodgman's clipping.
func clipArea(b Box, polygon []Offset) float64 {
	clip := func(p []Offset, depth func(Offset) float64) []Offset {
		var out []Offset
		for i, a := range p {
			c := p[(i+1)%len(p)]
			da, dc := depth(a), depth(c)
			if da > 0 {
				out = append(out, a)
			}
			if (da > 0) != (dc > 0) {
				f := da / (da - dc)
				out = append(out, Offset{a.Xi + f*(c.Xi-a.Xi), a.Eta + f*(c.Eta-a.Eta)})
			}
		}
		return out
	}
	p := clip(polygon, func(o Offset) float64 { return o.Xi - b.XiMin })
	p = clip(p, func(o Offset) float64 { return b.XiMax - o.Xi })
	p = clip(p, func(o Offset) float64 { return o.Eta - b.EtaMin })
	p = clip(p, func(o Offset) float64 { return b.EtaMax - o.Eta })
	var area float64
	for i, a := range p {
		c := p[(i+1)%len(p)]
		area += a.Xi*c.Eta - c.Xi*a.Eta
	}
	return math.Abs(area) / 2
}

func TestOverlapsTable(t *testing.T) {
	box := Box{-1, 1, -1, 1}
	square := func(x0, x1, y0, y1 float64) []Offset {
		return []Offset{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}}
	}
	tests := []struct {
		name    string
		polygon []Offset
		want    bool
	}{
		{"the same", square(-1, 1, -1, 1), true},
		{"within", square(-0.1, 0.1, -0.1, 0.1), true},
		{"around", square(-9, 9, -9, 9), true},
		{"touches an edge", square(1, 2, -1, 1), false},
		{"touches a part of an edge from outside", square(-0.5, 0.5, -3, -1), false},
		{"touches a corner", square(1, 2, 1, 2), false},
		{"touches a corner at a slant", []Offset{{0, 2}, {2, 0}, {2, 2}}, false},
		{"cuts a corner off", []Offset{{0, 1.99}, {1.99, 0}, {2, 2}}, true},
		{"a bar across, no vertex inside", square(-5, 5, -0.01, 0.01), true},
		{"a slanted bar across", []Offset{{-3, -3}, {-2.9, -3}, {3, 3}, {2.9, 3}}, true},
		{"bounding boxes overlap, areas don't", []Offset{{-3, 0.5}, {-3, 3}, {0.5, 3}, {-2, 2}}, false},
		{"box in the bay of a C", []Offset{{-3, -3}, {3, -3}, {3, -2}, {-2, -2}, {-2, 2}, {3, 2}, {3, 3}, {-3, 3}}, false},
		{"a ring that touches the box all round", []Offset{{-2, -2}, {2, -2}, {2, 2}, {-2, 2}, {-2, 0}, {-1, 0}, {-1, 1}, {1, 1}, {1, -1}, {-1, -1}, {-1, 0}, {-2, 0}}, false},
		{"closed explicitly", append(square(0, 3, 0, 3), Offset{0, 0}), true},
		{"two points", []Offset{{-3, 0}, {3, 0}}, false},
		{"nothing", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, mirror := range []Offset{{1, 1}, {-1, 1}, {1, -1}, {-1, -1}} {
				var p []Offset
				for _, o := range tt.polygon {
					p = append(p, Offset{o.Xi * mirror.Xi, o.Eta * mirror.Eta})
				}
				if got := box.overlaps(p); got != tt.want {
					t.Errorf("mirrored by %v: %v", mirror, got)
				}
			}
		})
	}
}

func TestSubTileOverlaps(t *testing.T) {
	for _, centre := range []Coord{{0, 0}, {359.99, 30}, {100, 89.99}, {58, -51.5}} {
		tile := Tile{Centre: centre}
		s := usual.SubTiles(tile)[5]
		outline := func(b Box, at Tangent) []Coord {
			var c []Coord
			for _, o := range b.Corners() {
				c = append(c, at.Deproject(o))
			}
			return c
		}
		core := outline(s.Core, tile.Plane())
		if !s.Overlaps(core) {
			t.Errorf("%v: no overlap with its own core", centre)
		}
		e := s.Extended
		beside := Box{e.XiMax + 1e-9, e.XiMax + 0.1, e.EtaMin, e.EtaMax}
		if s.Overlaps(outline(beside, tile.Plane())) {
			t.Errorf("%v: overlaps what lies beside it", centre)
		}
		beside.XiMin -= 2e-9
		if !s.Overlaps(outline(beside, tile.Plane())) {
			t.Errorf("%v: no overlap with what reaches into it", centre)
		}
		antipode := NewTangent(Normalize(Coord{centre.RA + 180, -centre.Dec}))
		if s.Overlaps(outline(Box{-1, 1, -1, 1}, antipode)) {
			t.Errorf("%v: overlaps the other side of the sky", centre)
		}
	}
}
