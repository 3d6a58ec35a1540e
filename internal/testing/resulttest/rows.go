package resulttest

import (
	"math"
	"math/rand/v2"
	"sync"

	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Method is that of all measurements.
const Method = "map"

const (
	flagged  = 10 // one source of so many is not used
	unplaced = 20 // and of so many nothing could be measured
	inside   = 0.499
)

// normals are many numbers of a normal distribution: drawing each anew takes longer
// than writing it to a file.
var normals = sync.OnceValue(func() []float32 {
	r, all := rand.New(rand.NewPCG(1, 1)), make([]float32, 1<<14)
	for i := range all {
		all[i] = float32(r.NormFloat64())
	}
	return all
})

// draws are the numbers of one sub-tile.
type draws struct {
	*rand.Rand
	normals []float32
}

func (s Survey) draws(sub sky.SubTile) draws {
	seed := uint64(sub.Tile.ID)<<16 | uint64(sub.Row)<<8 | uint64(sub.Col)
	return draws{rand.New(rand.NewPCG(seed, s.Again)), normals()}
}

func (d draws) normal() float32 { return d.normals[d.Uint32()%uint32(len(d.normals))] }

// positive is a number that is scattered about a size, but for its sign.
func (d draws) positive(size float32) float32 {
	return size * (0.1 + float32(math.Abs(float64(1+0.2*d.normal()))))
}

// Rows are the results of a sub-tile: of its i-th tile, and its sources in the
// order of OBJECT_ID, appended to those given.
func (s Survey) Rows(sub sky.SubTile, sources []results.Source) (results.Shear, []results.Source) {
	d := s.draws(sub)
	ids, places := s.Core(sub)
	const measured = 11
	values, used := make([]float32, 0, measured*len(ids)+5), int32(0)
	value := func(v float32) *float32 {
		values = append(values, v)
		return &values[len(values)-1]
	}
	for i, id := range ids {
		row := results.Source{TileID: sub.Tile.ID, Row: int32(sub.Row), Col: int32(sub.Col), ObjectID: id, RA: places[i].RA, Dec: places[i].Dec, NExposures: 3 + int32(i%2)}
		if i%flagged == flagged-1 {
			row.Flags = 1 << (i % 5)
		} else {
			used++
		}
		if i%unplaced != unplaced-1 {
			row.Flux, row.FluxErr = value(d.positive(3)), value(d.positive(0.1))
			row.HLR, row.HLRErr = value(d.positive(0.3)), value(d.positive(0.02))
			row.E1, row.E2 = value(0.3*tamed(d.normal())), value(0.3*tamed(d.normal()))
			row.E1Err, row.E2Err = value(d.positive(0.05)), value(d.positive(0.05))
			row.DX, row.DY = value(0.01*d.normal()), value(0.01*d.normal())
			row.SNR = value(*row.Flux / *row.FluxErr)
		}
		sources = append(sources, row)
	}
	at := sub.Centre()
	return results.Shear{TileID: sub.Tile.ID, Row: int32(sub.Row), Col: int32(sub.Col), RA: at.RA, Dec: at.Dec,
		G1: value(0.02 * d.normal()), G2: value(0.02 * d.normal()), G1Err: value(d.positive(0.008)), G2Err: value(d.positive(0.008)),
		NSources: used, Method: Method, Convergence: value(d.positive(1e-3)), Status: survey.StatusOK}, sources
}

// Used is how many of a sub-tile's sources have no flag.
func (s Survey) Used() int { return s.Sources - s.Sources/flagged }

// tamed keeps shapes below 1.
func tamed(v float32) float32 { return max(-2, min(2, v)) }

// Core are the ids and places of the sources that a sub-tile reports.
func (s Survey) Core(sub sky.SubTile) (ids []int64, places []sky.Coord) {
	d := s.draws(sub)
	d.Rand = rand.New(rand.NewPCG(uint64(sub.Tile.ID), uint64(sub.Row*s.Grid.Cols+sub.Col))) // whatever run it is
	plane, centre, box := sub.Tile.Plane(), sub.Core.Centre(), sub.Core
	first := sub.Tile.ID*10_000_000 + int64(sub.Row*s.Grid.Cols+sub.Col)*100_000
	ids, places = make([]int64, s.Sources), make([]sky.Coord, s.Sources)
	for i := range ids {
		ids[i] = first + int64(i)*7
		places[i] = plane.Deproject(sky.Offset{
			Xi:  centre.Xi + inside*(2*d.Float64()-1)*(box.XiMax-box.XiMin),
			Eta: centre.Eta + inside*(2*d.Float64()-1)*(box.EtaMax-box.EtaMin),
		})
	}
	return ids, places
}
