package raster

import (
	"math"

	"github.com/cosmostat/constellation/pkg/plot"
)

// dashes cuts a line into its dashes; without any it is the line itself.
func (c *canvas) dashes(line []plot.Point, closed bool, pattern []float64) [][]plot.Point {
	if len(pattern) == 0 || len(line) == 0 {
		return [][]plot.Point{line}
	}
	if closed {
		line = append(line[:len(line):len(line)], line[0])
	}
	var out [][]plot.Point
	dash := []plot.Point{line[0]}
	k, rest := 0, pattern[0]*c.scale
	for i := 1; i < len(line); i++ {
		p, q := line[i-1], line[i]
		length := math.Hypot(q.X-p.X, q.Y-p.Y)
		at := 0.0
		for length-at > rest {
			at += rest
			cut := plot.Point{X: p.X + (q.X-p.X)*at/length, Y: p.Y + (q.Y-p.Y)*at/length}
			if k%2 == 0 {
				out = append(out, append(dash, cut))
			}
			k++
			dash, rest = []plot.Point{cut}, math.Max(0.1, pattern[k%len(pattern)]*c.scale)
		}
		rest -= length - at
		dash = append(dash, q)
	}
	if k%2 == 0 {
		out = append(out, dash)
	}
	return out
}

// sharpest is the cosine of the turn beyond which a corner is not mitred.
const sharpest = -0.6

// ribbon is the outline of a line of some width: one ring for an open line,
// two for a closed one. It is one area without overlaps at its joints, which
// the sum of coverages would show as beads. A line that turns back on itself
// is cut there.
func ribbon(line []plot.Point, closed bool, half float64) [][]plot.Point {
	points := distinct(line, closed)
	n := len(points)
	if n < 2 {
		return nil
	}
	if closed && n < 3 {
		closed = false
	}
	turn := func(i int) float64 {
		ax, ay := direction(points[(i+n-1)%n], points[i])
		bx, by := direction(points[i], points[(i+1)%n])
		return ax*bx + ay*by
	}
	first, last := 1, n-1
	if closed {
		first, last = 0, n
	}
	for i := first; i < last; i++ {
		if turn(i) >= sharpest {
			continue
		}
		if closed { // open it at the sharp corner
			open := append(append([]plot.Point(nil), points[i:]...), points[:i+1]...)
			return ribbon(open, false, half)
		}
		return append(ribbon(points[:i+1], false, half), ribbon(points[i:], false, half)...)
	}
	left, right := make([]plot.Point, n), make([]plot.Point, n)
	for i, p := range points {
		var ax, ay, bx, by float64
		if closed || i > 0 {
			ax, ay = direction(points[(i+n-1)%n], p)
		}
		if closed || i < n-1 {
			bx, by = direction(p, points[(i+1)%n])
		}
		if !closed && i == 0 {
			ax, ay = bx, by
		}
		if !closed && i == n-1 {
			bx, by = ax, ay
		}
		// The mitre lies along the sum of the normals, 1/cos(half the turn) away.
		k := half / (1 + ax*bx + ay*by)
		dx, dy := -(ay+by)*k, (ax+bx)*k
		left[i] = plot.Point{X: p.X + dx, Y: p.Y + dy}
		right[n-1-i] = plot.Point{X: p.X - dx, Y: p.Y - dy}
	}
	if closed {
		return [][]plot.Point{left, right}
	}
	return [][]plot.Point{oriented(append(left, right...))}
}

// oriented makes all rings of open lines run the same way, so that lines of one
// shape that cross don't cancel.
func oriented(ring []plot.Point) []plot.Point {
	area := 0.0
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		area += p.X*q.Y - q.X*p.Y
	}
	if area < 0 {
		for i, j := 0, len(ring)-1; i < j; i, j = i+1, j-1 {
			ring[i], ring[j] = ring[j], ring[i]
		}
	}
	return ring
}

func direction(p, q plot.Point) (x, y float64) {
	d := math.Hypot(q.X-p.X, q.Y-p.Y)
	return (q.X - p.X) / d, (q.Y - p.Y) / d
}

// distinct leaves out points too near to the one before to have a direction.
func distinct(line []plot.Point, closed bool) []plot.Point {
	const near = 1e-3
	var out []plot.Point
	for _, p := range line {
		if len(out) == 0 || math.Hypot(p.X-out[len(out)-1].X, p.Y-out[len(out)-1].Y) > near {
			out = append(out, p)
		}
	}
	for closed && len(out) > 1 && math.Hypot(out[0].X-out[len(out)-1].X, out[0].Y-out[len(out)-1].Y) <= near {
		out = out[:len(out)-1]
	}
	return out
}
