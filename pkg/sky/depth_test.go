package sky

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// outlineOf is a polygon of a plane on the sky.
func outlineOf(plane Tangent, polygon []Offset) []Coord {
	c := make([]Coord, len(polygon))
	for i, o := range polygon {
		c[i] = plane.Deproject(o)
	}
	return c
}

func rectangle(b Box) []Offset {
	c := b.Corners()
	return c[:]
}

func TestDepthOfRectangles(t *testing.T) {
	plane := NewTangent(Coord{359.99, 65.5})
	box := Box{-0.1, 0.1, -0.1, 0.1}
	at := func(group int, b Box) Footprint { return Footprint{group, outlineOf(plane, rectangle(b))} }
	all := Box{-1, 1, -1, 1}
	tests := []struct {
		name       string
		footprints []Footprint
		want       Depth
		low, high  int
	}{
		{"nothing", nil, Depth{1}, 0, 0},
		{"all of it", []Footprint{at(0, all)}, Depth{0, 1}, 1, 1},
		{"exactly all of it", []Footprint{at(0, box)}, Depth{0, 1}, 1, 1},
		{"beside", []Footprint{at(0, Box{0.1, 1, -1, 1}), at(1, Box{-1, 1, -1, -0.1})}, Depth{1}, 0, 0},
		{"the western half", []Footprint{at(0, Box{-1, 0, -1, 1})}, Depth{0.5, 0.5}, 0, 1},
		{"the northern quarter", []Footprint{at(0, Box{-1, 1, 0.05, 1})}, Depth{0.75, 0.25}, 0, 1},
		{"two exposures over each other", []Footprint{at(0, Box{-1, 0.05, -1, 1}), at(1, Box{-0.05, 1, -1, 1})}, Depth{0, 0.5, 0.5}, 1, 2},
		{"two quadrants of one exposure over each other", []Footprint{at(0, Box{-1, 0.05, -1, 1}), at(0, Box{-0.05, 1, -1, 1})}, Depth{0, 1}, 1, 1},
		{"the same thrice", []Footprint{at(0, all), at(1, all), at(2, all), at(2, all)}, Depth{0, 0, 0, 1}, 3, 3},
		{"inside", []Footprint{at(3, Box{-0.05, 0.05, -0.05, 0.05})}, Depth{0.75, 0.25}, 0, 1},
		{"the other side of the sky", []Footprint{{0, outlineOf(NewTangent(Coord{179.99, -65.5}), rectangle(all))}}, Depth{1}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := plane.Depth(box, tt.footprints).Round(1e-9)
			if d := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-12)); d != "" {
				t.Error(d)
			}
			if low, high := got.Range(); low != tt.low || high != tt.high {
				t.Errorf("range %d to %d, want %d to %d", low, high, tt.low, tt.high)
			}
		})
	}
	if got := plane.Depth(Box{}, []Footprint{at(0, all)}); got != nil {
		t.Errorf("an empty box has depth %v", got)
	}
}

func TestDepthOfTriangle(t *testing.T) {
	plane := NewTangent(Coord{10, -45})
	triangle := Footprint{0, outlineOf(plane, []Offset{{-0.3, -0.1}, {0.3, -0.1}, {0, 0.2}})}
	d := plane.Depth(Box{-0.1, 0.1, -0.1, 0.1}, []Footprint{triangle})
	// Its slanted sides, xi = +-(0.2 - eta), leave the box's upper corners out only in their points.
	if !near(d.Coverage(), 1, 1e-12) {
		t.Errorf("covered %v", d)
	}
	d = plane.Depth(Box{-0.2, 0.2, -0.1, 0.1}, []Footprint{triangle})
	if !near(d.Coverage(), 1-2*0.005/0.08, 1e-12) { // two triangles of 0.1 x 0.1 / 2
		t.Errorf("covered %v", d)
	}
}

// clipArea is an independent measure where each group has one footprint: the
// mean depth is the sum of the areas.
func TestDepthAgainstClippingAndSampling(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	plane := NewTangent(Coord{200, 89.5})
	box := Box{-1, 1, -1, 1}
	const n = 80
	for trial := range 24 {
		var footprints []Footprint
		var polygons [][]Offset
		var sum float64
		groups := 1 + r.IntN(6)
		alone := trial%2 == 0
		for i := range 1 + r.IntN(12) {
			group := i
			if !alone {
				group = r.IntN(groups)
			}
			polygon := star(r)
			polygons = append(polygons, polygon)
			footprints = append(footprints, Footprint{group, outlineOf(plane, polygon)})
			sum += clipArea(box, polygon)
		}
		got := plane.Depth(box, footprints)
		var total float64
		for _, f := range got {
			total += f
		}
		if !near(total, 1, 1e-9) {
			t.Fatalf("the parts add up to %v: %v", total, got)
		}
		if alone && !near(got.Mean()*4, sum, 1e-8) {
			t.Errorf("mean depth times area %v, sum of areas %v", got.Mean()*4, sum)
		}
		sampled := make(Depth, len(footprints)+1)
		for i := range n {
			for j := range n {
				o := Offset{-1 + 2*(float64(i)+0.5)/n, -1 + 2*(float64(j)+0.5)/n}
				over := map[int]bool{}
				for k, f := range footprints {
					if winding(o, polygons[k]) != 0 {
						over[f.Group] = true
					}
				}
				sampled[len(over)] += 1. / n / n
			}
		}
		for depth, want := range sampled {
			var f float64
			if depth < len(got) {
				f = got[depth]
			}
			if !near(f, want, 0.03) { // edges of a dozen polygons pass through some hundred cells each
				t.Errorf("trial %d: %v under %d groups, by sampling %v", trial, f, depth, want)
			}
		}
	}
}

func TestDepthRound(t *testing.T) {
	got := Depth{1e-9, 0.25000004, 0.7499999, 4e-7}.Round(1e-6)
	if !slices.Equal(got, Depth{0, 0.25, 0.75}) {
		t.Error(got)
	}
	if low, high := got.Range(); low != 1 || high != 2 {
		t.Errorf("range %d to %d", low, high)
	}
}

// exposures are n focal planes like VIS's: 144 quadrants of 204.8" x 206.6"
// with gaps, dithered and turned a little, each edge in four parts.
func exposures(plane Tangent, n int) []Footprint {
	var fs []Footprint
	for g := range n {
		sin, cos := math.Sincos(0.02 * float64(g))
		for row := range 12 {
			for col := range 12 {
				x := (float64(col)-6)*206 + float64(col/2)*20 + 60*float64(g)
				y := (float64(row)-6)*208 + float64(row/2)*50 - 80*float64(g)
				var outline []Coord
				corners := rectangle(Box{x, x + 204.8, y, y + 206.6})
				for i, c := range corners {
					next := corners[(i+1)%4]
					for k := range 4 {
						f := float64(k) / 4
						px, py := c.Xi+f*(next.Xi-c.Xi), c.Eta+f*(next.Eta-c.Eta)
						outline = append(outline, plane.Deproject(Offset{(px*cos - py*sin) / 3600, (px*sin + py*cos) / 3600}))
					}
				}
				fs = append(fs, Footprint{g, outline})
			}
		}
	}
	return fs
}

func BenchmarkDepth(b *testing.B) {
	tile := Tile{Centre: Coord{58, -51.5}}
	s := usual.SubTiles(tile)[5]
	fs := exposures(tile.Plane(), 4)
	for b.Loop() {
		tile.Plane().Depth(s.Extended, fs)
	}
}
