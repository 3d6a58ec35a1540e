package plot

import (
	"math"

	"github.com/cosmostat/constellation/pkg/sky"
)

// rect is an upright rectangle of a plane, of which y may grow up or down.
type rect struct{ x0, y0, x1, y1 float64 }

func (r rect) width() float64  { return r.x1 - r.x0 }
func (r rect) height() float64 { return r.y1 - r.y0 }

func (r rect) holds(p Point) bool { return p.X >= r.x0 && p.X <= r.x1 && p.Y >= r.y0 && p.Y <= r.y1 }

// sides are the rectangle's half-planes: distances that are negative outside.
func (r rect) sides() []func(Point) float64 {
	return []func(Point) float64{
		func(p Point) float64 { return p.X - r.x0 }, func(p Point) float64 { return r.x1 - p.X },
		func(p Point) float64 { return p.Y - r.y0 }, func(p Point) float64 { return r.y1 - p.Y },
	}
}

func between(p, q Point, t float64) Point { return Point{p.X + t*(q.X-p.X), p.Y + t*(q.Y-p.Y)} }

// clipArea cuts a polygon to half-planes (Sutherland and Hodgman). A concave
// one may come back with edges along the cut.
func clipArea(polygon []Point, sides []func(Point) float64) []Point {
	for _, inside := range sides {
		if len(polygon) == 0 {
			return nil
		}
		var cut []Point
		p := polygon[len(polygon)-1]
		dp := inside(p)
		for _, q := range polygon {
			dq := inside(q)
			if dp < 0 != (dq < 0) {
				cut = append(cut, between(p, q, dp/(dp-dq)))
			}
			if dq >= 0 {
				cut = append(cut, q)
			}
			p, dp = q, dq
		}
		polygon = cut
	}
	if len(polygon) < 3 {
		return nil
	}
	return polygon
}

// clipLine cuts a line to a rectangle, into as many parts as lie inside.
func clipLine(line []Point, r rect) [][]Point {
	var parts [][]Point
	var part []Point
	end := func() {
		if len(part) > 1 {
			parts = append(parts, part)
		}
		part = nil
	}
	for i := 1; i < len(line); i++ {
		p, q := line[i-1], line[i]
		from, to := 0.0, 1.0
		for _, inside := range r.sides() {
			switch dp, dq := inside(p), inside(q); {
			case dp < 0 && dq < 0:
				from, to = 1, 0
			case dp < 0:
				from = math.Max(from, dp/(dp-dq))
			case dq < 0:
				to = math.Min(to, dp/(dp-dq))
			}
		}
		if from >= to {
			end()
			continue
		}
		if from > 0 {
			end()
		}
		if part == nil {
			part = []Point{between(p, q, from)}
		}
		part = append(part, between(p, q, to))
		if to < 1 {
			end()
		}
	}
	end()
	return parts
}

// thin leaves out points that lie within a tolerance of the line between the
// ones that are kept (Douglas and Peucker).
func thin(line []Point, tolerance float64) []Point {
	if len(line) < 3 {
		return line
	}
	p, q := line[0], line[len(line)-1]
	far, at := tolerance, 0
	dx, dy := q.X-p.X, q.Y-p.Y
	length := math.Hypot(dx, dy)
	for i, o := range line[1 : len(line)-1] {
		d := math.Hypot(o.X-p.X, o.Y-p.Y)
		if length > 0 {
			d = math.Abs((o.X-p.X)*dy-(o.Y-p.Y)*dx) / length
		}
		if d > far {
			far, at = d, i+1
		}
	}
	if at == 0 {
		return []Point{p, q}
	}
	head := thin(line[:at+1], tolerance)
	return append(head[:len(head)-1:len(head)-1], thin(line[at:], tolerance)...)
}

// thinArea is thin for a polygon: its first point stays.
func thinArea(polygon []Point, tolerance float64) []Point {
	if len(polygon) < 4 {
		return polygon
	}
	half := len(polygon) / 2 // so that neither line has its ends at one place
	a := thin(polygon[:half+1], tolerance)
	b := thin(append(append([]Point(nil), polygon[half:]...), polygon[0]), tolerance)
	out := append(append([]Point(nil), a[:len(a)-1]...), b[:len(b)-1]...)
	if len(out) < 3 {
		return nil
	}
	return out
}

// arc is the great circle's shorter way from a to b in steps of at most some
// degrees, without b.
func arc(a, b sky.Coord, step float64) []sky.Coord {
	n := max(1, int(math.Ceil(sky.Separation(a, b)/step)))
	if n == 1 {
		return []sky.Coord{a}
	}
	v, w := unit(a), unit(b)
	out := make([]sky.Coord, n)
	total := sky.Separation(a, b) * deg
	for i := range out {
		f := total * float64(i) / float64(n)
		p, q := math.Sin(total-f), math.Sin(f)
		out[i] = coord(p*v[0]+q*w[0], p*v[1]+q*w[1], p*v[2]+q*w[2])
	}
	out[0] = a
	return out
}

func unit(c sky.Coord) [3]float64 {
	sa, ca := math.Sincos(c.RA * deg)
	sd, cd := math.Sincos(c.Dec * deg)
	return [3]float64{cd * ca, cd * sa, sd}
}

func coord(x, y, z float64) sky.Coord {
	return sky.Normalize(sky.Coord{RA: math.Atan2(y, x) / deg, Dec: math.Atan2(z, math.Hypot(x, y)) / deg})
}

// dense puts points along a polygon's great circles.
func dense(outline []sky.Coord, step float64) []sky.Coord {
	var out []sky.Coord
	for i, c := range outline {
		out = append(out, arc(c, outline[(i+1)%len(outline)], step)...)
	}
	return out
}

// skyStep, in degrees, is how far apart points are on the whole sky's seam and
// on long edges: a great circle's bend in between is far below a pixel.
const skyStep = 1

// turn appends points between a and b, which are near to each other, as near a
// pole as it takes for RA to change little from one to the next.
func turn(points []sky.Coord, a, b sky.Coord) []sky.Coord {
	const enough, nearest = 1, 1e-3
	if math.Abs(math.Remainder(b.RA-a.RA, 360)) <= enough {
		return points
	}
	d := sky.Separation(a, b)
	if d < nearest {
		return points
	}
	middle := arc(a, b, d/2)[1]
	points = append(turn(points, a, middle), middle)
	return turn(points, middle, b)
}

// area maps a polygon of great circles to the ellipse. It is cut where it
// crosses the seam, and filled up to a pole that it holds.
func (m mollweide) area(outline []sky.Coord) [][]Point {
	if len(outline) < 3 {
		return nil
	}
	var points []sky.Coord
	for _, c := range dense(outline, skyStep) {
		if len(points) > 0 {
			points = turn(points, points[len(points)-1], c)
		}
		points = append(points, c)
	}
	points = turn(points, points[len(points)-1], points[0])
	var plane []Point // longitude, unwrapped, and latitude
	mean, lambda := 0.0, math.Remainder(points[0].RA-m.ra, 360)
	for i, c := range points {
		if i > 0 {
			lambda += math.Remainder(c.RA-points[i-1].RA, 360)
		}
		plane = append(plane, Point{lambda, c.Dec})
		mean += c.Dec
	}
	first, last := plane[0], Point{lambda + math.Remainder(points[0].RA-points[len(points)-1].RA, 360), points[0].Dec}
	if math.Abs(last.X-first.X) > 180 { // once round a pole: the one on the polygon's side
		pole := math.Copysign(90, mean)
		plane = append(plane, last, Point{last.X, pole}, Point{first.X, pole})
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range plane {
		low, high = math.Min(low, p.X), math.Max(high, p.X)
	}
	var parts [][]Point
	for turn := math.Ceil((low - 180) / 360); turn <= math.Floor((high+180)/360); turn++ {
		middle := 360 * turn
		part := clipArea(plane, []func(Point) float64{
			func(p Point) float64 { return p.X - middle + 180 },
			func(p Point) float64 { return middle + 180 - p.X },
		})
		var mapped []Point
		for i, p := range part {
			q := part[(i+1)%len(part)]
			n := max(1, int(math.Ceil(math.Max(math.Abs(q.Y-p.Y), math.Abs(q.X-p.X))/skyStep)))
			p.X, q.X = p.X-middle, q.X-middle
			for k := range n {
				mapped = m.bend(mapped, between(p, q, float64(k)/float64(n)), between(p, q, float64(k+1)/float64(n)), 12)
			}
		}
		if size := math.Abs(signedArea(mapped)); size > 0 {
			parts = append(parts, mapped)
		}
	}
	return parts
}

// bend appends the line between two points of the (longitude, latitude) plane,
// without its end, with as many points as its curve takes: meridians turn
// sharply at the poles.
func (m mollweide) bend(mapped []Point, p, q Point, halvings int) []Point {
	const flat = 1e-3
	o := between(p, q, 0.5)
	a, b, c := m.at(p.X, p.Y), m.at(o.X, o.Y), m.at(q.X, q.Y)
	if halvings == 0 || math.Hypot(b.X-(a.X+c.X)/2, b.Y-(a.Y+c.Y)/2) < flat {
		return append(mapped, a)
	}
	return m.bend(m.bend(mapped, p, o, halvings-1), o, q, halvings-1)
}

// line maps a line of near points to the ellipse and cuts it at the seam.
func (m mollweide) line(points []sky.Coord) [][]Point {
	var parts [][]Point
	var part []Point
	last := 0.0
	for i, c := range points {
		lambda := math.Remainder(c.RA-m.ra, 360)
		if i > 0 && math.Abs(lambda-last) > 180 {
			side := math.Copysign(180, last)
			gap := 360 - math.Abs(lambda-last)
			dec := points[i-1].Dec
			if gap > 0 {
				dec += (c.Dec - dec) * (180 - math.Abs(last)) / gap
			}
			parts = append(parts, append(part, m.at(side, dec)))
			part = []Point{m.at(-side, dec)}
		}
		part = append(part, m.at(lambda, c.Dec))
		last = lambda
	}
	return append(parts, part)
}

// signedArea is positive for a polygon that runs counter-clockwise where y grows up.
func signedArea(polygon []Point) float64 {
	var sum float64
	for i, p := range polygon {
		q := polygon[(i+1)%len(polygon)]
		sum += p.X*q.Y - q.X*p.Y
	}
	return sum / 2
}
