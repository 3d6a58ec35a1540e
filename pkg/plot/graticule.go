package plot

import (
	"math"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/sky"
)

// steps are the distances, in degrees, at which graticules have lines.
var steps = []float64{0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45, 90}

// step divides a span into at most n parts.
func step(span float64, n int) float64 {
	for _, s := range steps {
		if span <= s*float64(n) {
			return s
		}
	}
	return steps[len(steps)-1]
}

// graticule is what a view shows of the net of RA and Dec.
type graticule struct {
	raStep, decStep float64
	pole            bool // the view shows one
	meridians       []coordinate
	parallels       []coordinate
}

// coordinate is one line of a graticule, on the page.
type coordinate struct {
	value float64
	parts [][]Point
}

func (v view) graticule(lines int) graticule {
	centre, ok := v.inverse(Point{(v.plane.x0 + v.plane.x1) / 2, (v.plane.y0 + v.plane.y1) / 2})
	if !ok {
		return graticule{}
	}
	ra, dec := rect{}, rect{y0: 90, y1: -90}
	const samples = 32
	for i := range samples + 1 {
		for j := range samples + 1 {
			c, ok := v.inverse(Point{
				v.plane.x0 + v.plane.width()*float64(i)/samples,
				v.plane.y0 + v.plane.height()*float64(j)/samples,
			})
			if !ok {
				continue
			}
			d := math.Remainder(c.RA-centre.RA, 360)
			ra.x0, ra.x1 = math.Min(ra.x0, d), math.Max(ra.x1, d)
			dec.y0, dec.y1 = math.Min(dec.y0, c.Dec), math.Max(dec.y1, c.Dec)
		}
	}
	var g graticule
	for _, pole := range []float64{-90, 90} {
		if o, ok := v.forward(sky.Coord{Dec: pole}); ok && v.plane.holds(o) {
			g.pole = true
			ra.x0, ra.x1 = -180, 180
			dec.y0, dec.y1 = math.Min(dec.y0, pole), math.Max(dec.y1, pole)
		}
	}
	g.decStep, g.raStep = step(dec.height(), lines), step(ra.width(), lines)
	if g.pole {
		g.raStep = 30
	}
	low, high := math.Max(-90, dec.y0-g.decStep), math.Min(90, dec.y1+g.decStep)
	first := math.Ceil((centre.RA + ra.x0) / g.raStep)
	for k := first; k*g.raStep <= centre.RA+ra.x1 && k*g.raStep < first*g.raStep+360; k++ {
		a := sky.Normalize(sky.Coord{RA: k * g.raStep}).RA
		if parts := v.line(meridian(a, low, high, (high-low)/200)); len(parts) > 0 {
			g.meridians = append(g.meridians, coordinate{a, parts})
		}
	}
	for k := math.Ceil(dec.y0 / g.decStep); k*g.decStep <= dec.y1; k++ {
		d := k * g.decStep
		if math.Abs(d) > 89.999999 {
			continue
		}
		from, to := centre.RA+ra.x0-g.raStep, centre.RA+ra.x1+g.raStep
		if to-from > 360 {
			from, to = centre.RA-180, centre.RA+180
		}
		if parts := v.line(parallel(d, from, to, (to-from)/400)); len(parts) > 0 {
			g.parallels = append(g.parallels, coordinate{d, parts})
		}
	}
	return g
}

func meridian(ra, low, high, step float64) []sky.Coord {
	n := max(1, int(math.Ceil((high-low)/step)))
	out := make([]sky.Coord, 0, n+1)
	for i := range n + 1 {
		out = append(out, sky.Coord{RA: ra, Dec: low + (high-low)*float64(i)/float64(n)})
	}
	return out
}

func parallel(dec, from, to, step float64) []sky.Coord {
	n := max(1, int(math.Ceil((to-from)/step)))
	out := make([]sky.Coord, 0, n+1)
	for i := range n + 1 {
		out = append(out, sky.Normalize(sky.Coord{RA: from + (to-from)*float64(i)/float64(n), Dec: dec}))
	}
	return out
}

// draw draws the lines.
func (g graticule) draw(p *Page, stroke Colour) {
	for _, lines := range [][]coordinate{g.meridians, g.parallels} {
		var parts [][]Point
		for _, l := range lines {
			parts = append(parts, l.parts...)
		}
		p.shape(Shape{Parts: parts, Stroke: stroke, Width: 0.6})
	}
}

// label writes the lines' values where they leave the view: those of meridians
// at the bottom, or with top at the top, those of parallels at the left, or
// with right at the right. Where there is a pole, meridians may also leave at
// the sides, and parallels that don't leave are named on the page.
func (g graticule) label(p *Page, v view, top, right bool) {
	var taken []rect
	put := func(t Text) bool {
		box := t.box()
		for _, o := range taken {
			if o.meets(rect{box.x0 - 4, box.y0, box.x1 + 4, box.y1}) {
				return false
			}
		}
		taken = append(taken, box)
		p.add(&t)
		return true
	}
	const near = 0.02
	r := v.page
	leaves := func(c coordinate, on func(Point) bool) (Point, bool) {
		for _, part := range c.parts {
			for _, o := range []Point{part[0], part[len(part)-1]} {
				if on(o) {
					return o, true
				}
			}
		}
		return Point{}, false
	}
	below := func(o Point) bool { return math.Abs(o.Y-r.y1) < near }
	above := func(o Point) bool { return math.Abs(o.Y-r.y0) < near }
	left := func(o Point) bool { return math.Abs(o.X-r.x0) < near }
	beyond := func(o Point) bool { return math.Abs(o.X-r.x1) < near }
	text := func(o Point, dx, dy float64, anchor int, s string) Text {
		return Text{At: Point{o.X + dx, o.Y + dy}, Size: 11, Anchor: anchor, Fill: grey, String: s}
	}
	for _, m := range g.meridians {
		s := degrees(m.value, g.raStep, false)
		o, ok := leaves(m, below)
		if ok && !top && put(text(o, 0, 17, Middle, s)) {
			continue
		}
		if o, ok = leaves(m, above); ok && (top || g.pole) && put(text(o, 0, -8, Middle, s)) || !g.pole {
			continue
		}
		if o, ok = leaves(m, left); ok && put(text(o, -7, 4, End, s)) {
			continue
		}
		if o, ok = leaves(m, beyond); ok {
			put(text(o, 7, 4, Start, s))
		}
	}
	for _, l := range g.parallels {
		s := degrees(l.value, g.decStep, true)
		if o, ok := leaves(l, left); ok && !right && !g.pole && put(text(o, -8, 4, End, s)) {
			continue
		}
		if o, ok := leaves(l, beyond); ok && right && put(text(o, 8, 4, Start, s)) {
			continue
		}
		if g.pole {
			part := l.parts[len(l.parts)/2]
			t := text(part[len(part)/2], 3, -3, Start, s)
			t.Halo = paper.alpha(0.85)
			if r.holds(Point{t.box().x1, t.At.Y}) {
				put(t)
			}
		}
	}
}

// degrees writes a value that is a multiple of a step.
func degrees(v, step float64, signed bool) string {
	if math.Abs(v) < step/2 {
		v = 0 // not -0
	}
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	s := strconv.FormatFloat(v, 'f', digits, 64)
	s = strings.Replace(s, "-", "\u2212", 1)
	if signed && v > step/2 {
		s = "+" + s
	}
	return s + "\u00b0"
}
