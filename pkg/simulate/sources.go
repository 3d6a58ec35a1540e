package simulate

import (
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

// source is a galaxy, a star, or a catalogue row without either.
type source struct {
	id       int64
	tile     int // its owner, by index
	kind     string
	sky      sky.Coord  // where it is
	measured sky.Coord  // where the catalogue has it
	flux     float64    // uJy
	hlr      float64    // arcsec, 0 for stars
	e, g     [2]float64 // intrinsic shape, applied shear
}

const (
	galaxy   = "galaxy"
	star     = "star"
	spurious = "spurious"
)

func (s *source) magnitude() float64 { return 23.9 - 2.5*math.Log10(s.flux) }

// shape is the second moment of the sheared source, of variance one before it
// was sheared, in (u, v).
func (s *source) shape() gaussian {
	e, g := s.e, s.g
	// M = S(g) S(e) takes the round disc to the sheared galaxy: M M' is its moment.
	a, b := 1+e[0], e[1]
	d := 1 - e[0]
	m := [2][2]float64{
		{(1+g[0])*a + g[1]*b, (1+g[0])*b + g[1]*d},
		{g[1]*a + (1-g[0])*b, g[1]*b + (1-g[0])*d},
	}
	k := 1 / ((1 - e[0]*e[0] - e[1]*e[1]) * (1 - g[0]*g[0] - g[1]*g[1]))
	return gaussian{
		xx: k * (m[0][0]*m[0][0] + m[0][1]*m[0][1]),
		xy: k * (m[0][0]*m[1][0] + m[0][1]*m[1][1]),
		yy: k * (m[1][0]*m[1][0] + m[1][1]*m[1][1]),
	}
}

// objectID is Euclid's: the digits of RA, then those of |Dec|, both in units of
// 1e-7 degrees, with the sign of Dec.
func objectID(c sky.Coord) int64 {
	ra, dec := int64(math.Round(c.RA*1e7)), int64(math.Round(math.Abs(c.Dec)*1e7))
	id := ra*1_000_000_000 + dec
	if c.Dec < 0 {
		return -id
	}
	return id
}

// sources fills the tiles. Each source lies in the core of the tile that owns it.
func (s Survey) sources() ([]source, error) {
	tiles := s.Tiles()
	field := &placer{survey: s, tiles: tiles, taken: map[int64]bool{}, near: map[[3]int][]sky.Coord{}}
	var all []source
	for i, tile := range tiles {
		r := random(s.Seed, "sources", strconv.FormatInt(tile.ID, 10))
		var opposite [2]float64
		for n := range s.Galaxies + s.Stars + s.Spurious {
			src := source{tile: i}
			switch {
			case n < s.Galaxies:
				src.kind = galaxy
				s.makeGalaxy(&src, r)
				src.g = s.Shears[i%len(s.Shears)]
				if s.PairedShapes && n%2 == 1 {
					src.e = opposite
				}
				opposite = [2]float64{-src.e[0], -src.e[1]}
			case n < s.Galaxies+s.Stars:
				src.kind = star
				src.flux = flux(17 + 5.5*math.Sqrt(r.Float64()))
			default:
				src.kind = spurious
				src.flux = flux(23.5 + r.Float64())
			}
			if err := field.place(&src, tile, r); err != nil {
				return nil, err
			}
			all = append(all, src)
		}
	}
	return all, nil
}

func flux(magnitude float64) float64 { return math.Pow(10, 0.4*(23.9-magnitude)) }

// makeGalaxy draws what a galaxy is: number counts that grow as 10^(0.3 m),
// sizes that shrink with magnitude, shapes of 0.2 a component.
func (s Survey) makeGalaxy(src *source, r *rand.Rand) {
	const slope = 0.3
	low, high := math.Pow(10, slope*s.Bright), math.Pow(10, slope*s.Faint)
	m := math.Log10(low+r.Float64()*(high-low)) / slope
	src.flux = flux(m)
	src.hlr = 0.38 * math.Pow(10, -0.09*(m-23)) * math.Exp(0.25*r.NormFloat64())
	src.hlr = min(max(src.hlr, 0.15), 1.5)
	for {
		src.e = [2]float64{0.2 * r.NormFloat64(), 0.2 * r.NormFloat64()}
		if math.Hypot(src.e[0], src.e[1]) < 0.7 {
			return
		}
	}
}

// placer finds places that are inside a tile's core, owned by the tile, far
// enough from all others and of an id of their own.
type placer struct {
	survey Survey
	tiles  []sky.Tile
	taken  map[int64]bool
	near   map[[3]int][]sky.Coord // by cell of the unit sphere, of the separation's side or more
}

func (p *placer) place(src *source, tile sky.Tile, r *rand.Rand) error {
	plane, half := tile.Plane(), p.survey.CoreArcmin/120
	const scatter = 0.01 / 3600 // degrees, of the measured position
	for range 10_000 {
		o := sky.Offset{Xi: half * (2*r.Float64() - 1), Eta: half * (2*r.Float64() - 1)}
		m := sky.Offset{Xi: o.Xi + scatter*r.NormFloat64(), Eta: o.Eta + scatter*r.NormFloat64()}
		if math.Abs(m.Xi) >= half || math.Abs(m.Eta) >= half {
			continue
		}
		src.sky, src.measured = plane.Deproject(o), plane.Deproject(m)
		src.id = objectID(src.measured)
		owner, _ := sky.Owner(src.measured, p.tiles)
		if owner != src.tile || p.taken[src.id] || p.crowded(src.sky) {
			continue
		}
		p.taken[src.id] = true
		if p.survey.MinSeparation > 0 {
			cell := p.cell(src.sky)
			p.near[cell] = append(p.near[cell], src.sky)
		}
		return nil
	}
	return fault.Input("SurveyInvalid", "no room for one more source in tile %d", tile.ID).
		At("min_separation").Fix("fewer sources, or nearer to each other than %g\"", p.survey.MinSeparation)
}

// cell is the cube of the unit sphere's space that a direction falls into.
func (p *placer) cell(c sky.Coord) [3]int {
	side := p.survey.MinSeparation / 3600 * math.Pi / 180
	sa, ca := math.Sincos(c.RA * math.Pi / 180)
	sd, cd := math.Sincos(c.Dec * math.Pi / 180)
	return [3]int{int(math.Floor(cd * ca / side)), int(math.Floor(cd * sa / side)), int(math.Floor(sd / side))}
}

func (p *placer) crowded(c sky.Coord) bool {
	if p.survey.MinSeparation == 0 {
		return false
	}
	centre := p.cell(c)
	for i := range 27 {
		cell := [3]int{centre[0] + i%3 - 1, centre[1] + i/3%3 - 1, centre[2] + i/9 - 1}
		for _, other := range p.near[cell] {
			if sky.Separation(c, other)*3600 < p.survey.MinSeparation {
				return true
			}
		}
	}
	return false
}

// spill is how far a source's light goes, in degrees, with room to spare.
const spill = 25.0 / 3600

// visible returns the sources that have an image.
func visible(all []source) []*source {
	var some []*source
	for i := range all {
		if all[i].kind != spurious {
			some = append(some, &all[i])
		}
	}
	return some
}

// near returns the sources within some degrees of a place.
func near(all []*source, centre sky.Coord, radius float64) []*source {
	var some []*source
	for _, src := range all {
		if sky.Separation(src.sky, centre) < radius {
			some = append(some, src)
		}
	}
	return some
}
