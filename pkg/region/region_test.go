package region

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

func make1(t *testing.T, s settings.Region) *Region {
	t.Helper()
	r, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestContains(t *testing.T) {
	for _, tt := range []struct {
		name    string
		spec    settings.Region
		in, out []sky.Coord
	}{
		{"whole sky", settings.Region{}, []sky.Coord{{RA: 1, Dec: 2}, {Dec: 90}}, nil},
		{"cone over RA 0", settings.Region{Cone: []float64{359.5, -28, 1}}, []sky.Coord{{RA: 0.5, Dec: -28}, {RA: 359, Dec: -28.5}}, []sky.Coord{{RA: 0.7, Dec: -28}, {RA: 359.5, Dec: -26.9}}},
		{"cone at a pole", settings.Region{Cone: []float64{0, 89.5, 1}}, []sky.Coord{{RA: 180, Dec: 89.6}, {Dec: 90}}, []sky.Coord{{RA: 180, Dec: 89.4}}},
		{"most of the sky", settings.Region{Cone: []float64{0, 0, 170}}, []sky.Coord{{RA: 165}, {Dec: -90}}, []sky.Coord{{RA: 180}, {RA: 175}}},
		{"box", settings.Region{Box: []float64{50, 60, -52, -45}}, []sky.Coord{{RA: 55, Dec: -50}}, []sky.Coord{{RA: 49.9, Dec: -50}, {RA: 60.1, Dec: -50}, {RA: 55, Dec: -44.9}}},
		{"box over RA 0", settings.Region{Box: []float64{355, 5, -30, -25}}, []sky.Coord{{RA: 359, Dec: -26}, {RA: 4, Dec: -26}}, []sky.Coord{{RA: 6, Dec: -26}, {RA: 354, Dec: -26}, {RA: 180, Dec: -26}}},
		{"the same, by a negative RA", settings.Region{Box: []float64{-5, 5, -30, -25}}, []sky.Coord{{RA: 359, Dec: -26}, {RA: 4, Dec: -26}}, []sky.Coord{{RA: 6, Dec: -26}, {RA: 354, Dec: -26}}},
		{"cap", settings.Region{Box: []float64{0, 360, 60, 90}}, []sky.Coord{{RA: 200, Dec: 61}, {Dec: 90}}, []sky.Coord{{RA: 200, Dec: 59}}},
		{"polygon over RA 0", settings.Region{Polygon: [][]float64{{350, -10}, {10, -10}, {10, 10}, {350, 10}}}, []sky.Coord{{RA: 0, Dec: 0}, {RA: 355, Dec: 5}}, []sky.Coord{{RA: 11, Dec: 0}, {RA: 180, Dec: 0}, {RA: 0, Dec: 10.3}}},
		{"its edges are great circles", settings.Region{Polygon: [][]float64{{350, 60}, {10, 60}, {10, 50}, {350, 50}}}, []sky.Coord{{RA: 0, Dec: 60.2}}, []sky.Coord{{RA: 0, Dec: 50.05}}},
		{"polygon round a pole, closed", settings.Region{Polygon: [][]float64{{0, 80}, {120, 80}, {240, 80}, {0, 80}}}, []sky.Coord{{Dec: 90}, {RA: 60, Dec: 86}}, []sky.Coord{{RA: 60, Dec: 84}}},
		{"concave", settings.Region{Polygon: [][]float64{{0, 0}, {10, 0}, {10, 10}, {5, 2}, {0, 10}}}, []sky.Coord{{RA: 1, Dec: 5}, {RA: 9, Dec: 5}}, []sky.Coord{{RA: 5, Dec: 5}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := make1(t, tt.spec)
			for _, c := range tt.in {
				if !r.Contains(c) {
					t.Errorf("%v is not in it", c)
				}
			}
			for _, c := range tt.out {
				if r.Contains(c) {
					t.Errorf("%v is in it", c)
				}
			}
			if !r.shape.contains(r.shape.point()) {
				t.Error("its own point is not in it")
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for want, spec := range map[string]settings.Region{
		"more than one":         {Cone: []float64{1, 2, 3}, Box: []float64{1, 2, 3, 4}},
		"three numbers, not 2":  {Cone: []float64{1, 2}},
		"radius":                {Cone: []float64{1, 2, 0}},
		"no position":           {Cone: []float64{1, 95, 1}},
		"RA NaN":                {Cone: []float64{math.NaN(), 5, 1}},
		"four numbers":          {Box: []float64{1, 2, 3}},
		"below its dec_max":     {Box: []float64{1, 2, 5, 4}},
		"holds nothing":         {Box: []float64{1, 1, 4, 5}},
		"more than once round":  {Box: []float64{-100, 300, 4, 5}},
		"three corners, not 2":  {Polygon: [][]float64{{1, 2}, {3, 4}, {1, 2}}},
		"cross":                 {Polygon: [][]float64{{0, 0}, {1, 1}, {1, 0}, {0, 1}}},
		"no area":               {Polygon: [][]float64{{0, 0}, {1, 0}, {2, 0}}},
		"within 85 degrees":     {Polygon: [][]float64{{0, 0}, {120, 0}, {240, 0}}},
		"corner 2, [170 0], do": {Polygon: [][]float64{{0, 0}, {170, 0}, {10, 10}, {0, 10}}},
	} {
		_, err := New(spec)
		if err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.BadInput {
			t.Errorf("%v: %v, want %q", spec, err, want)
		}
	}
}

// regions of all kinds and sizes around a place.
func random(r *rand.Rand, at sky.Coord) settings.Region {
	plane := sky.NewTangent(at)
	size := 0.02 * math.Pow(300, r.Float64()) // 0.02 to 6 degrees
	near := func(scale float64) sky.Coord {
		return plane.Deproject(sky.Offset{Xi: scale * r.NormFloat64(), Eta: scale * r.NormFloat64()})
	}
	switch r.IntN(3) {
	case 0:
		c := near(size)
		return settings.Region{Cone: []float64{c.RA, c.Dec, size * (0.1 + r.Float64())}}
	case 1:
		c := near(size)
		width := size * (0.1 + r.Float64()) / math.Max(0.05, math.Cos(c.Dec*deg))
		return settings.Region{Box: []float64{c.RA, math.Mod(c.RA+width, 360), max(-90, c.Dec-size*r.Float64()), min(90, c.Dec+0.01+size*r.Float64())}}
	}
	middle := near(size)
	around := sky.NewTangent(middle)
	var s settings.Region
	n := 3 + r.IntN(7)
	for i := range n { // a star: its edges don't cross
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		radius := size * (0.1 + r.Float64())
		c := around.Deproject(sky.Offset{Xi: radius * cos, Eta: radius * sin})
		s.Polygon = append(s.Polygon, []float64{c.RA, c.Dec})
	}
	return s
}

// The oracle looks at many points of the square. It misses slivers, so a
// square that it takes for free must still be free when it is a bit smaller.
func TestOverlapsAgainstSampling(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 40
	hits, slivers := 0, 0
	for _, at := range []sky.Coord{{RA: 267, Dec: 65.5}, {RA: 58, Dec: -51.5}, {RA: 0.1, Dec: -28}, {RA: 100, Dec: 89.9}, {RA: 10, Dec: -90}, {RA: 200, Dec: 0}} {
		plane := sky.NewTangent(at)
		square := sky.Box{XiMin: -0.25, XiMax: 0.25, EtaMin: -0.25, EtaMax: 0.25}
		for range 250 {
			spec := random(r, at)
			region := make1(t, spec)
			sampled := func(grow float64) bool {
				b := square.Grow(grow)
				for i := range n + 1 {
					for j := range n + 1 {
						o := sky.Offset{Xi: b.XiMin + (b.XiMax-b.XiMin)*float64(i)/n, Eta: b.EtaMin + (b.EtaMax-b.EtaMin)*float64(j)/n}
						if region.Contains(plane.Deproject(o)) {
							return true
						}
					}
				}
				return false
			}
			got, want := region.Overlaps(plane, square), sampled(0)
			switch {
			case got && want:
				hits++
			case want:
				t.Fatalf("%v touches the square at %v", spec, at)
			case got:
				// A corner of the region, a tip, or a small region between points.
				slivers++
				if !sampled(0.02) && !square.Grow(0.02).Contains(project(t, plane, region.shape.point())) && region.Overlaps(plane, square.Grow(-0.03)) {
					t.Fatalf("%v does not touch the square at %v", spec, at)
				}
			}
		}
	}
	t.Logf("%d overlap, of %d more only slivers", hits, slivers)
	if hits < 300 || slivers > 60 {
		t.Errorf("%d overlaps, %d slivers", hits, slivers)
	}
}

func project(t *testing.T, plane sky.Tangent, v vector) sky.Offset {
	t.Helper()
	o, ok := plane.Project(v.coord())
	if !ok {
		t.Fatal("on the other side of the sky")
	}
	return o
}

func TestOverlapsTable(t *testing.T) {
	square := sky.Box{XiMin: -0.25, XiMax: 0.25, EtaMin: -0.25, EtaMax: 0.25}
	at := sky.NewTangent(sky.Coord{RA: 359.9, Dec: 60})
	for _, tt := range []struct {
		name string
		spec settings.Region
		want bool
	}{
		{"a small cone inside", settings.Region{Cone: []float64{0.2, 60.1, 1e-6}}, true},
		{"a small box inside", settings.Region{Box: []float64{0.2, 0.2001, 60.1, 60.1001}}, true},
		{"a small polygon inside", settings.Region{Polygon: [][]float64{{0.2, 60}, {0.201, 60}, {0.2, 60.001}}}, true},
		{"a large cone around", settings.Region{Cone: []float64{30, 50, 40}}, true},
		{"a cone that reaches over an edge's middle", settings.Region{Cone: []float64{359.9, 60.26, 0.0101}}, true},
		{"a cone that does not quite", settings.Region{Cone: []float64{359.9, 60.26, 0.0099}}, false},
		{"a parallel that an edge bends over", settings.Region{Box: []float64{355, 5, 50, 59.7501}}, true},
		{"a parallel below it all", settings.Region{Box: []float64{355, 5, 50, 59.748}}, false},
		{"a strip across", settings.Region{Box: []float64{350, 10, 60, 60.0001}}, true},
		{"the other side of the sky", settings.Region{Cone: []float64{179.9, -60, 20}}, false},
		{"all but a cone around it", settings.Region{Cone: []float64{179.9, -60, 179.5}}, false},
		{"all but a smaller cone", settings.Region{Cone: []float64{179.9, -60, 179.7}}, true},
	} {
		if got := make1(t, tt.spec).Overlaps(at, square); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestSelect(t *testing.T) {
	tiles := []sky.Tile{{ID: 1, Centre: sky.Coord{RA: 10, Dec: 0}}, {ID: 2, Centre: sky.Coord{RA: 10.5, Dec: 0}}, {ID: 3, Centre: sky.Coord{RA: 11, Dec: 0}}}
	for _, tt := range []struct {
		spec settings.Region
		want []int
	}{
		{settings.Region{}, []int{0, 1, 2}},
		{settings.Region{Cone: []float64{10.3, 0, 0.04}}, []int{1}}, // in the first tile's 32' square, but not in its core
		{settings.Region{Cone: []float64{10.3, 0, 0.06}}, []int{0, 1}},
		{settings.Region{Box: []float64{20, 30, -1, 1}}, nil},
	} {
		if got := make1(t, tt.spec).Select(tiles, 30); !slices.Equal(got, tt.want) {
			t.Errorf("%v selects %v, want %v", tt.spec, got, tt.want)
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	var tiles []sky.Tile
	for i := range 60000 {
		tiles = append(tiles, sky.Tile{Centre: sky.Coord{RA: float64(i%600) * 0.6, Dec: float64(i/600)*0.5 - 25}})
	}
	spec := settings.Region{}
	for i := range 100 {
		s, c := math.Sincos(2 * math.Pi * float64(i) / 100)
		spec.Polygon = append(spec.Polygon, []float64{180 + 40*c, 20 * s})
	}
	r, err := New(spec)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r.Select(tiles, 30)
	}
}
