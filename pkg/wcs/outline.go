package wcs

import (
	"math"

	"github.com/cosmostat/constellation/pkg/sky"
)

// Outline returns the edge of an image of nx times ny pixels on the sky: along
// the outer edges of its outermost pixels, perEdge points for each of the four
// edges, starting at (0.5, 0.5) and along x first. It is not closed.
func (w *WCS) Outline(nx, ny, perEdge int) []sky.Coord {
	perEdge = max(perEdge, 1)
	corners := cornersOf(nx, ny)
	out := make([]sky.Coord, 0, 4*perEdge)
	for e := range 4 {
		from, to := corners[e], corners[e+1]
		for i := range perEdge {
			p := between(from, to, float64(i)/float64(perEdge))
			out = append(out, w.ToSky(p.X, p.Y))
		}
	}
	return out
}

// OutlineTo is [WCS.Outline] with as many points on each edge as it takes for
// the great circles between neighbours to stay within a tolerance, in arcsec, of
// the true edge. An undistorted image has its four corners and no more. It puts
// no two points closer than a pixel, whatever the tolerance.
func (w *WCS) OutlineTo(nx, ny int, toleranceArcsec float64) []sky.Coord {
	corners := cornersOf(nx, ny)
	out := make([]sky.Coord, 0, 8)
	for e := range 4 {
		out = w.appendEdge(out, corners[e], corners[e+1], toleranceArcsec*arcsec)
	}
	return out
}

func cornersOf(nx, ny int) [5]Pixel {
	left, right, bottom, top := 0.5, float64(nx)+0.5, 0.5, float64(ny)+0.5
	return [...]Pixel{{left, bottom}, {right, bottom}, {right, top}, {left, top}, {left, bottom}}
}

func between(a, b Pixel, t float64) Pixel { return Pixel{a.X + t*(b.X-a.X), a.Y + t*(b.Y-a.Y)} }

// appendEdge appends the edge from a pixel position to another, without the
// latter. The deviation from a chord falls with the square of the number of
// parts, which tells how many to try; each is then looked at again.
func (w *WCS) appendEdge(out []sky.Coord, from, to Pixel, tolerance float64) []sky.Coord {
	const most = 64 // parts at once
	length := math.Hypot(to.X-from.X, to.Y-from.Y)
	deviation := w.sagitta(from, to)
	if !(deviation > tolerance) || length < 2 {
		return append(out, w.ToSky(from.X, from.Y))
	}
	parts := int(math.Ceil(min(math.Sqrt(deviation/max(tolerance, 0)), length, most)))
	parts = max(parts, 2)
	for i := range parts {
		a, b := between(from, to, float64(i)/float64(parts)), between(from, to, float64(i+1)/float64(parts))
		out = w.appendEdge(out, a, b, tolerance)
	}
	return out
}

// sagitta is how far the true line between two pixel positions departs from the
// great circle through their directions, degrees. In the tangent plane great
// circles are straight, and angles on the sky are at most distances there. The
// line is looked at in 15 places and the rest is allowed for by a tenth.
func (w *WCS) sagitta(from, to Pixel) (deviation float64) {
	if w.sip == nil && w.tpv == nil {
		return 0
	}
	const places, allowance = 16, 1.1
	x0, y0 := w.plane(from.X, from.Y)
	x1, y1 := w.plane(to.X, to.Y)
	dx, dy := x1-x0, y1-y0
	norm := 1 / math.Hypot(dx, dy)
	for i := 1; i < places; i++ {
		p := between(from, to, float64(i)/places)
		x, y := w.plane(p.X, p.Y)
		deviation = max(deviation, math.Abs(dx*(y-y0)-dy*(x-x0))*norm)
	}
	return allowance * deviation
}
