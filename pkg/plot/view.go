package plot

import (
	"math"

	"github.com/cosmostat/constellation/pkg/sky"
)

// view puts a rectangle of a projection's plane on a rectangle of a page.
type view struct {
	projection
	plane rect // y up
	page  rect // y down
	unit  float64
}

// newView fits the plane's rectangle into the page's width.
func newView(p projection, plane rect, x, y, width float64) view {
	unit := width / plane.width()
	return view{p, plane, rect{x, y, x + width, y + plane.height()*unit}, unit}
}

func (v view) at(p Point) Point {
	return Point{v.page.x0 + (p.X-v.plane.x0)*v.unit, v.page.y1 - (p.Y-v.plane.y0)*v.unit}
}

// tolerance, in pixels, is what no eye sees.
const tolerance = 0.04

// area is what the view shows of a polygon of great circles, of which nothing
// is drawn where the projection does not hold all.
func (v view) area(outline []sky.Coord) []Point {
	polygon := make([]Point, len(outline))
	for i, c := range outline {
		p, ok := v.forward(c)
		if !ok {
			return nil
		}
		polygon[i] = p
	}
	return v.polygon(polygon)
}

// polygon puts a polygon of the plane on the page, clockwise as people see it.
func (v view) polygon(plane []Point) []Point {
	cut := clipArea(plane, v.plane.sides())
	page := make([]Point, len(cut))
	for i, p := range cut {
		page[i] = v.at(p)
	}
	if page = thinArea(page, tolerance); len(page) < 3 {
		return nil
	}
	if signedArea(page) < 0 {
		for i, j := 0, len(page)-1; i < j; i, j = i+1, j-1 {
			page[i], page[j] = page[j], page[i]
		}
	}
	return page
}

// line is what the view shows of a line of near points.
func (v view) line(points []sky.Coord) [][]Point {
	var parts [][]Point
	var plane []Point
	flush := func() {
		for _, cut := range clipLine(plane, v.plane) {
			page := make([]Point, len(cut))
			for i, p := range cut {
				page[i] = v.at(p)
			}
			parts = append(parts, thin(page, tolerance))
		}
		plane = nil
	}
	for _, c := range points {
		p, ok := v.forward(c)
		if !ok {
			flush()
			continue
		}
		plane = append(plane, p)
	}
	flush()
	return parts
}

// bend, in degrees, is how far apart points lie on a tile's edges: in no
// projection here do the great circles between them bend by a visible amount.
const bend = 0.25

// box is what the view shows of a box of a tile's plane.
func (v view) box(t Tile, b sky.Box) []Point { return v.area(dense(t.outline(b), bend)) }

// footprints draws the exposures, each as one shape, and returns the number of
// them over the deepest place.
func (v view) footprints(p *Page, all []sky.Footprint) (depth int) {
	type exposure struct {
		group int
		parts [][]Point
	}
	var exposures []*exposure
	at := map[int]*exposure{}
	smallest := math.Inf(1)
	for _, f := range all {
		polygon := v.area(f.Outline)
		if polygon == nil {
			continue
		}
		e := at[f.Group]
		if e == nil {
			e = &exposure{group: f.Group}
			at[f.Group] = e
			exposures = append(exposures, e)
		}
		e.parts = append(e.parts, polygon)
		if b := bounds(polygon); b.x0 > v.page.x0 && b.x1 < v.page.x1 && b.y0 > v.page.y0 && b.y1 < v.page.y1 {
			smallest = math.Min(smallest, math.Min(b.width(), b.height()))
		}
	}
	const samples = 48
	for i := range samples {
		for j := range samples {
			o := Point{
				v.page.x0 + v.page.width()*(float64(i)+0.5)/samples,
				v.page.y0 + v.page.height()*(float64(j)+0.5)/samples,
			}
			n := 0
			for _, e := range exposures {
				for _, part := range e.parts {
					if inside(part, o) {
						n++
						break
					}
				}
			}
			depth = max(depth, n)
		}
	}
	for _, e := range exposures {
		s := Shape{Parts: e.parts, Closed: true, Fill: exposed.alpha(shade(depth))}
		if smallest > 6 {
			s.Stroke, s.Width = exposed.alpha(math.Min(0.4, 1.6/float64(len(exposures)))), 0.5
		}
		p.shape(s)
	}
	return depth
}

func bounds(points []Point) rect {
	r := rect{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, p := range points {
		r.x0, r.x1 = math.Min(r.x0, p.X), math.Max(r.x1, p.X)
		r.y0, r.y1 = math.Min(r.y0, p.Y), math.Max(r.y1, p.Y)
	}
	return r
}

// inside counts how often a ray crosses the polygon.
func inside(polygon []Point, o Point) bool {
	in := false
	q := polygon[len(polygon)-1]
	for _, p := range polygon {
		if p.Y > o.Y != (q.Y > o.Y) && o.X < p.X+(o.Y-p.Y)/(q.Y-p.Y)*(q.X-p.X) {
			in = !in
		}
		q = p
	}
	return in
}

// sources draws those of margins under those of cores.
func (v view) sources(p *Page, all []Source) {
	radius := dotRadius(len(all))
	for _, of := range []struct {
		core bool
		fill Colour
	}{{false, lent.alpha(0.85)}, {true, core.alpha(0.9)}} {
		d := &Dots{Radius: radius, Fill: of.fill}
		for _, s := range all {
			if o, ok := v.forward(s.At); ok && s.Core == of.core && v.plane.holds(o) {
				d.At = append(d.At, v.at(o))
			}
		}
		if len(d.At) > 0 {
			p.add(d)
		}
	}
}
