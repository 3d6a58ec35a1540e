package region

import (
	"math"

	"github.com/cosmostat/constellation/pkg/sky"
)

const deg = math.Pi / 180

// vector is a direction: x to RA 0, y to RA 90, z to the north pole.
type vector [3]float64

func unit(c sky.Coord) vector {
	sa, ca := math.Sincos(c.RA * deg)
	sd, cd := math.Sincos(c.Dec * deg)
	return vector{cd * ca, cd * sa, sd}
}

func (v vector) coord() sky.Coord {
	return sky.Normalize(sky.Coord{RA: math.Atan2(v[1], v[0]) / deg, Dec: math.Atan2(v[2], math.Hypot(v[0], v[1])) / deg})
}

func (v vector) dot(w vector) float64 { return v[0]*w[0] + v[1]*w[1] + v[2]*w[2] }

func (v vector) cross(w vector) vector {
	return vector{v[1]*w[2] - v[2]*w[1], v[2]*w[0] - v[0]*w[2], v[0]*w[1] - v[1]*w[0]}
}

func (v vector) minus(w vector) vector { return v.plus(w, -1) }

// plus is v + f w.
func (v vector) plus(w vector, f float64) vector {
	return vector{v[0] + f*w[0], v[1] + f*w[1], v[2] + f*w[2]}
}

func (v vector) unit() vector {
	return vector{}.plus(v, 1/math.Sqrt(v.dot(v)))
}
