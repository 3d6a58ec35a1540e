package sky

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/cosmostat/constellation/pkg/settings"
)

// rows lays tiles over a range of Dec as the MER products do: in rows half a
// degree apart, round the sky or over a part of it. Centres of a row are at
// most 30' apart on its side away from the pole, so that neither the rows nor
// the tiles of a row leave a gap; they don't mesh from row to row.
func rows(from, to float64, ra Range) []Tile {
	var tiles []Tile
	for row := range int(math.Round((to-from)/0.5)) + 1 {
		dec := from + 0.5*float64(row)
		n := int(math.Ceil(720 * math.Cos(math.Max(0, math.Abs(dec)-0.25)*deg)))
		if math.Abs(dec) == 90 {
			n = 1
		}
		for i := range n {
			c := Coord{360 * (float64(i) + 0.5*float64(row%2)) / float64(n), dec}
			if d := math.Mod(c.RA-ra[0]+360, 360); d <= ra[1]-ra[0] {
				tiles = append(tiles, Tile{ID: 102000000 + int64(row)*400 + int64(i), Centre: Normalize(c)})
			}
		}
	}
	return tiles
}

// fields are parts of the sky with their tiles, a ring of which surrounds each part.
var fields = []struct {
	name  string
	tiles []Tile
	zone  Box // RA and Dec, RA unwrapped
	grid  Grid
}{
	{"EDFN", rows(62.5, 69.5, Range{255, 285}), Box{258, 282, 63, 69}, usual},
	{"EDFS", rows(-52, -45, Range{50, 72}), Box{52, 70, -51.5, -45.5}, Grid{Shape: settings.Shape{Rows: 3, Cols: 5}, MarginArcmin: 0.1, TileArcmin: 32, CoreArcmin: 30}},
	{"across RA 0", rows(-31, -25, Range{355, 365}), Box{356.5, 363.5, -30.4, -25.6}, Grid{Shape: settings.Shape{Rows: 1, Cols: 1}, MarginArcmin: 4, TileArcmin: 32, CoreArcmin: 30}},
	{"north pole", rows(86, 90, Range{0, 360}), Box{0, 360, 86.5, 90}, Grid{Shape: settings.Shape{Rows: 7, Cols: 6}, MarginArcmin: 2, TileArcmin: 32, CoreArcmin: 30}},
	{"south pole", rows(-90, -86, Range{0, 360}), Box{0, 360, -90, -86.5}, usual},
}

// anywhere draws a position, evenly over a zone.
func anywhere(r *rand.Rand, zone Box) Coord {
	low, high := math.Sin(zone.EtaMin*deg), math.Sin(zone.EtaMax*deg)
	return Normalize(Coord{
		RA:  zone.XiMin + (zone.XiMax-zone.XiMin)*r.Float64(),
		Dec: math.Asin(low+(high-low)*r.Float64()) / deg,
	})
}

// A million positions, each of which must lie in the 32' square of the tile
// that owns it, and in exactly one core of that tile's sub-tiles.
func TestMillionPositionsHaveOneCore(t *testing.T) {
	const positions = 1_000_000
	each := positions / len(fields)
	for n, field := range fields {
		t.Run(field.name, func(t *testing.T) {
			atlas := NewAtlas(field.tiles)
			subTiles := make([][]SubTile, len(field.tiles))
			for i, tile := range field.tiles {
				subTiles[i] = field.grid.SubTiles(tile)
			}
			workers := runtime.GOMAXPROCS(0)
			farthest := make([]float64, workers)
			var wg sync.WaitGroup
			for w := range workers {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(uint64(n), uint64(w)))
					for range (each + workers - 1) / workers {
						c := anywhere(r, field.zone)
						owner, ok := atlas.Owner(c)
						if !ok {
							t.Errorf("nobody owns %v", c)
							return
						}
						o, _ := atlas.planes[owner].Project(c)
						farthest[w] = max(farthest[w], math.Abs(o.Xi), math.Abs(o.Eta))
						cores := 0
						for _, s := range subTiles[owner] {
							if s.Core.Contains(o) {
								cores++
							}
						}
						if cores != 1 {
							t.Errorf("%v is in %d cores of its owner %v, at %v", c, cores, field.tiles[owner], o)
							return
						}
					}
				})
			}
			wg.Wait()
			if most := slices.Max(farthest) * 60; most >= 16 {
				t.Errorf("a position lies %.3f' from the middle of its tile", most)
			} else {
				t.Logf("%d tiles; no position farther than %.3f' from the middle of its tile", len(field.tiles), most)
			}
		})
	}
}

// The very edges and corners of cores are where a point could be lost or counted twice.
func TestEdgesHaveOneCore(t *testing.T) {
	for _, field := range fields {
		atlas := NewAtlas(field.tiles)
		for _, tile := range field.tiles {
			for _, s := range field.grid.SubTiles(tile) {
				for _, corner := range s.Core.Corners() {
					c := tile.Plane().Deproject(corner)
					if d := math.Mod(c.RA-field.zone.XiMin+720, 360); d > field.zone.XiMax-field.zone.XiMin || c.Dec < field.zone.EtaMin || c.Dec > field.zone.EtaMax {
						continue
					}
					owner, _ := atlas.Owner(c)
					o, _ := atlas.planes[owner].Project(c)
					cores := 0
					for _, s := range field.grid.SubTiles(field.tiles[owner]) {
						if s.Core.Contains(o) {
							cores++
						}
					}
					if cores != 1 {
						t.Fatalf("%s: %v, a corner of sub-tile %s of %v, is in %d cores", field.name, c, s.Name(), tile, cores)
					}
				}
			}
		}
	}
}

// Whoever owns a position of an extended area is a neighbour whose catalogue is read.
func TestOwnersOfMarginsAreNeighbours(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, field := range fields {
		atlas := NewAtlas(field.tiles)
		for range 3000 {
			c := anywhere(r, field.zone)
			i, _ := atlas.Owner(c)
			tile := field.tiles[i]
			subTiles := field.grid.SubTiles(tile)
			e := subTiles[r.IntN(len(subTiles))].Extended
			p := tile.Plane().Deproject(Offset{e.XiMin + (e.XiMax-e.XiMin)*r.Float64(), e.EtaMin + (e.EtaMax-e.EtaMin)*r.Float64()})
			owner, _ := atlas.Owner(p)
			if !slices.Contains(atlas.Within(tile.Centre, field.grid.NeighbourRadius()), owner) {
				t.Fatalf("%s: %v lies in a margin of %v; its owner %v is no neighbour", field.name, p, tile, field.tiles[owner])
			}
		}
	}
}

func TestAtlasAgainstAllTiles(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	random := make([]Tile, 500) // thinly over the whole sky, two of them at one place
	for i := range random {
		random[i] = Tile{ID: int64(1000 - i), Centre: anywhere(r, Box{0, 360, -90, 90})}
	}
	random[7].Centre = random[8].Centre
	few := []Tile{{2, Coord{10, 0}}, {1, Coord{10.5, 0}}, {3, Coord{359.9, 89.9}}}
	sets := map[string][]Tile{"random": random, "few": few, "none": nil}
	for _, f := range fields {
		sets[f.name] = f.tiles
	}
	for name, tiles := range sets {
		atlas := NewAtlas(tiles)
		check := func(c Coord, radius float64) {
			got, ok := atlas.Owner(c)
			want, wantOK := Owner(c, tiles)
			if got != want || ok != wantOK {
				t.Fatalf("%s: the owner of %v is %d %v, of all tiles %d %v", name, c, got, ok, want, wantOK)
			}
			var near []int
			for i, tile := range tiles {
				if Separation(tile.Centre, c) <= radius {
					near = append(near, i)
				}
			}
			if got := atlas.Within(c, radius); !slices.Equal(got, near) {
				t.Fatalf("%s: within %v of %v: %v, of all tiles %v", name, radius, c, got, near)
			}
		}
		for range 300 {
			check(anywhere(r, Box{0, 360, -90, 90}), 180*math.Pow(r.Float64(), 3))
			if len(tiles) > 0 { // near tiles, and at ties between them
				a, b := tiles[r.IntN(len(tiles))].Centre, tiles[r.IntN(len(tiles))].Centre
				check(Normalize(Coord{a.RA + r.NormFloat64(), math.Max(-90, math.Min(90, a.Dec+r.NormFloat64()))}), 2*r.Float64())
				check(a, Separation(a, b))
			}
		}
		for _, c := range []Coord{{0, 90}, {123, 90}, {0, -90}, {0, 0}, {359.9999999, -28}} {
			check(c, 1)
		}
	}
}

func BenchmarkOwner(b *testing.B) {
	survey := rows(-60, 60, Range{0, 360})
	atlas := NewAtlas(survey)
	r := rand.New(rand.NewPCG(9, 10))
	b.Run(fmt.Sprintf("%d tiles", len(survey)), func(b *testing.B) {
		for b.Loop() {
			atlas.Owner(anywhere(r, Box{0, 360, -59, 59}))
		}
	})
}
