package extract

import (
	"math"

	"github.com/cosmostat/constellation/pkg/sky"
)

// coverageDigits is far coarser than the computation, so that every machine
// writes the same bytes and slivers between neighbouring quadrants don't count,
// and as fine as outlines are known: a millionth of a sub-tile is 0.2 arcsec2.
const coverageDigits = 1e-6

// measure computes how many exposures lie over a sub-tile's core and extended
// area, by the quadrants that it was given.
func (d *directory) measure() {
	var footprints []sky.Footprint
	group := -1
	for i, u := range d.quadrants { // in the order of the exposures
		if i == 0 || u.Exposure != d.quadrants[i-1].Exposure {
			group++
		}
		footprints = append(footprints, sky.Footprint{Group: group, Outline: u.Outline})
	}
	plane := d.sub.Tile.Plane()
	d.coverage = newCoverage(plane.Depth(d.sub.Core, footprints))
	d.extended = newCoverage(plane.Depth(d.sub.Extended, footprints))
}

func newCoverage(d sky.Depth) *sky.Coverage {
	d = d.Round(coverageDigits)
	c := &sky.Coverage{ByDepth: d, Fraction: rounded(d.Coverage()), Mean: rounded(d.Mean())}
	c.Min, c.Max = d.Range()
	return c
}

func rounded(v float64) float64 {
	const inverse = 1 / coverageDigits
	return math.Round(v*inverse) / inverse
}
