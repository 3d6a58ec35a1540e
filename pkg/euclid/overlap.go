package euclid

import (
	"math"

	"github.com/cosmostat/constellation/pkg/sky"
)

// Overlapping returns the quadrants that may reach into a circle: a cheap and
// coarse filter that keeps every quadrant that does, and some that only come
// near. The exact test is sky.SubTile's.
func Overlapping(qs []Quadrant, centre sky.Coord, radiusDeg float64) []Quadrant {
	var near []Quadrant
	for _, q := range qs {
		middle, reach := q.circle()
		if sky.Separation(middle, centre) <= radiusDeg+reach {
			near = append(near, q)
		}
	}
	return near
}

// circle holds all of the quadrant. Its radius is a hundredth larger than the
// farthest point of the outline, because edges bend between the points.
func (q Quadrant) circle() (middle sky.Coord, radius float64) {
	middle = mean(q.Outline)
	for _, c := range q.Outline {
		radius = max(radius, sky.Separation(middle, c))
	}
	return middle, 1.01 * radius
}

// mean is the direction of the sum of unit vectors.
func mean(cs []sky.Coord) sky.Coord {
	const deg = math.Pi / 180
	var x, y, z float64
	for _, c := range cs {
		sa, ca := math.Sincos(c.RA * deg)
		sd, cd := math.Sincos(c.Dec * deg)
		x, y, z = x+cd*ca, y+cd*sa, z+sd
	}
	return sky.Normalize(sky.Coord{RA: math.Atan2(y, x) / deg, Dec: math.Atan2(z, math.Hypot(x, y)) / deg})
}
