// Package indextest makes footprints of surveys that are as large as one
// likes, fast: for tests and benchmarks of the quadrant index.
package indextest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/sky"
)

const (
	quadrants = 144
	dithers   = 4
	edge      = 4 // segments of a quadrant's edge
	pixel     = 0.1 / 3600
	nx, ny    = 2048, 2066
	// CCDs are 4096 x 4132 px, with gaps.
	pitchX, pitchY = 4240 * pixel, 4800 * pixel
	cubic          = 0.02 // of a distortion r' = r (1 + cubic r^2), r in degrees: ~10 px at the edge of the field
	block          = 2880
	image          = 3*block + 16_925_760 // an HDU of DET, BKG and WGT
	stamp          = 2*block + 144_000    // and of PSF
)

// Survey is a part of the sky seen by four dithers everywhere.
type Survey struct {
	Exposures int
	Centre    sky.Coord // of the area, which is a circle
	AreaDeg2  float64
}

// plane is the focal plane of one exposure, in the tangent plane of its pointing.
type plane struct {
	names    [quadrants]string
	outlines [quadrants][]sky.Offset
}

func newPlane() *plane {
	p := &plane{}
	for i := range quadrants {
		row, col, corner := i/24, i/4%6, i%4
		p.names[i] = fmt.Sprintf("%d-%d.%c", row+1, col+1, 'E'+corner)
		x0 := (float64(col)-3)*pitchX + float64(corner%2)*nx*pixel
		y0 := (float64(row)-3)*pitchY + float64(corner/2)*ny*pixel
		for k := range 4 * edge {
			f := float64(k%edge) / edge
			u := [...]float64{f, 1, 1 - f, 0}[k/edge]
			v := [...]float64{0, f, 1, 1 - f}[k/edge]
			x, y := x0+u*nx*pixel, y0+v*ny*pixel
			bend := 1 + cubic*(x*x+y*y)
			p.outlines[i] = append(p.outlines[i], sky.Offset{Xi: -x * bend, Eta: y * bend})
		}
	}
	return p
}

// Each visits the footprints of the exposures from one up to, not including,
// another. The slice is used again; what it holds is not.
func (s Survey) Each(from, to int, visit func([]euclid.Quadrant) error) error {
	focal, qs := newPlane(), make([]euclid.Quadrant, quadrants)
	for i := from; i < to; i++ {
		s.exposure(i, focal, qs)
		if err := visit(qs); err != nil {
			return err
		}
	}
	return nil
}

// Pointing is where the i-th exposure looks, before its dither of up to 2'. It spreads the observations evenly over the area, by a Fibonacci spiral.
func (s Survey) Pointing(i int) sky.Coord {
	n := (s.Exposures + dithers - 1) / dithers
	area := s.AreaDeg2 * (math.Pi / 180) * (math.Pi / 180)
	cosine := 1 - (float64(i/dithers)+0.5)/float64(n)*area/(2*math.Pi)
	r := math.Acos(max(cosine, -1)) * 180 / math.Pi
	angle := math.Pi * (3 - math.Sqrt(5)) * float64(i/dithers)
	// A gnomonic plane holds half of the sky: go there in two steps.
	at := s.Centre
	for range 2 {
		step := math.Tan(r/2*math.Pi/180) * 180 / math.Pi
		from := sky.NewTangent(at)
		next := from.Deproject(sky.Offset{Xi: step * math.Sin(angle), Eta: step * math.Cos(angle)})
		if back, ok := sky.NewTangent(next).Project(at); ok && r > 0 {
			angle = math.Atan2(-back.Xi, -back.Eta) // straight on
		}
		at = next
	}
	return at
}

// exposure fills the footprints of the i-th exposure.
func (s Survey) exposure(i int, focal *plane, qs []euclid.Quadrant) {
	rnd := rand.New(rand.NewPCG(uint64(i), 1))
	dither := i % dithers
	at := sky.NewTangent(s.Pointing(i)).Deproject(sky.Offset{
		Xi: float64(dither%2)*50.0/3600 + rnd.Float64()/3600, Eta: float64(dither/2)*100.0/3600 + rnd.Float64()/3600})
	tangent := sky.NewTangent(at)
	sin, cos := math.Sincos(rnd.Float64() * 2 * math.Pi)
	id := euclid.ExposureID{Obs: fmt.Sprintf("%06d", i/dithers), Dither: fmt.Sprintf("%02d", dither), Number: "1"}
	primary := int64(6+rnd.IntN(3)) * block
	outlines := make([]sky.Coord, quadrants*4*edge)
	for k := range qs {
		// Astrometric solutions differ by some mas over a quadrant.
		wobble := 1 + 2e-5*rnd.NormFloat64()
		outline := outlines[k*4*edge:][: 4*edge : 4*edge]
		for m, o := range focal.outlines[k] {
			outline[m] = tangent.Deproject(sky.Offset{Xi: wobble * (cos*o.Xi - sin*o.Eta), Eta: sin*o.Xi + cos*o.Eta})
		}
		det, other := primary+int64(3*k)*image, primary+int64(k)*image
		qs[k] = euclid.Quadrant{
			Exposure: id, Name: focal.names[k], ExpTime: 560.52, Outline: outline,
			SCI: euclid.Segment{Offset: det, Length: image},
			RMS: euclid.Segment{Offset: det + image, Length: image},
			FLG: euclid.Segment{Offset: det + 2*image, Length: image},
			BKG: euclid.Segment{Offset: other, Length: image}, WGT: euclid.Segment{Offset: other, Length: image},
			PSF: euclid.Segment{Offset: primary + int64(k)*stamp, Length: stamp},
		}
	}
}
