package plot

import (
	"math"
	"strconv"

	"github.com/cosmostat/constellation/pkg/sky"
)

// DrawField draws all of the scene's tiles on one map that keeps areas.
func DrawField(s *Scene) *Page {
	if len(s.Tiles) == 0 {
		return newPage(s, pageWidth, top)
	}
	centre := middle(s.Tiles)
	frame, ok := extent(newZenithal(centre), s.Tiles, 0.07)
	if !ok { // tiles all over the sky
		return DrawSky(s)
	}
	v := newView(newZenithal(centre), frame, left, top, mapWidth)
	scene := *s
	if scene.Note == "" {
		scene.Note = "around " + place(centre.RA, centre.Dec)
	}
	p := newPage(&scene, pageWidth, v.page.y1+46)
	p.rect(v.page, rgb(0xf8fafc), Colour{}, 0)
	deep := v.footprints(p, s.Footprints)
	net := v.graticule(6)
	net.draw(p, ink.alpha(0.16))
	v.tiles(p, s)
	v.sources(p, s.Sources)
	p.rect(v.page, Colour{}, ink, 1)
	net.label(p, v, false, false)

	l := &legend{p, v.page.x1 + legendGap - 20, v.page.y0 - 12}
	tiles, aside := s.wanted()
	l.head("TILES")
	l.area(counted(tiles, "tile", "tiles"), covered.alpha(0.1), ink)
	if aside > 0 {
		l.line(counted(aside, "neighbour", "neighbours"), grey, 1, 5, 3)
	}
	l.statuses(s)
	l.depth(deep)
	l.sources(s)
	if len(s.Footprints) > 0 {
		l.head("COUNTS")
		l.text(counted(s.exposures(), "exposure", "exposures"))
		l.text(counted(len(s.Footprints), "quadrant", "quadrants"))
	}
	l.measures(v, 1)
	return p
}

// middle is the direction of the sum of the tiles' centres.
func middle(tiles []Tile) sky.Coord {
	var sum [3]float64
	for _, t := range tiles {
		for i, x := range unit(t.Centre) {
			sum[i] += x
		}
	}
	return coord(sum[0], sum[1], sum[2])
}

// extent is the part of a plane that tiles take, with some space around it;
// false where the projection does not hold them all.
func extent(pr projection, tiles []Tile, space float64) (rect, bool) {
	var all []Point
	for _, t := range tiles {
		for _, c := range t.outline(t.reach()) {
			o, ok := pr.forward(c)
			if !ok {
				return rect{}, false
			}
			all = append(all, o)
		}
	}
	r := bounds(all)
	d := space * math.Max(r.width(), r.height())
	r = rect{r.x0 - d, r.y0 - d, r.x1 + d, r.y1 + d}
	if flat := 0.72*r.width() - r.height(); flat > 0 {
		r.y0, r.y1 = r.y0-flat/2, r.y1+flat/2
	}
	if slim := 0.9*r.height() - r.width(); slim > 0 {
		r.x0, r.x1 = r.x0-slim/2, r.x1+slim/2
	}
	return r, true
}

// tiles draws tiles, as much of each as there is room for.
func (v view) tiles(p *Page, s *Scene) {
	var own, aside, cores [][]Point
	var names []*Text
	byStatus := map[string][][]Point{}
	for _, t := range s.Tiles {
		square := v.box(t, t.Box)
		if square == nil {
			continue
		}
		if t.Aside {
			aside = append(aside, square)
			continue
		}
		own = append(own, square)
		side := 0.0
		if len(t.SubTiles) > 0 {
			side = (t.SubTiles[0].Core.EtaMax - t.SubTiles[0].Core.EtaMin) * v.unit
		}
		for _, sub := range t.SubTiles {
			part := v.box(t, sub.Core)
			if part == nil {
				continue
			}
			if sub.Status != "" {
				byStatus[sub.Status] = append(byStatus[sub.Status], part)
			}
			if side > 11 {
				cores = append(cores, part)
			}
		}
		if o, ok := v.forward(t.Centre); ok {
			b := bounds(square)
			size := math.Min(12, b.width()/6.2)
			at := v.at(o)
			if size >= 5.5 {
				names = append(names, &Text{At: Point{at.X, at.Y + size/3}, Size: size, Anchor: Middle, Fill: ink, Halo: paper.alpha(0.8), String: strconv.FormatInt(t.ID, 10)})
			}
		}
	}
	p.shape(Shape{Parts: aside, Closed: true, Stroke: grey.alpha(0.8), Width: 0.8, Dash: []float64{5, 3}})
	width := 1.3
	if len(own) > 60 {
		width = 0.8
	}
	for _, part := range own { // one by one: tiles lie over each other's edges
		p.add(&Shape{Parts: [][]Point{part}, Closed: true, Fill: covered.alpha(0.06)})
	}
	for _, of := range statusStyles {
		p.shape(Shape{Parts: byStatus[of.status], Closed: true, Fill: of.colour.alpha(1.5 * statusFill(of.status))})
	}
	p.shape(Shape{Parts: cores, Closed: true, Stroke: ink.alpha(0.4), Width: 0.5})
	p.shape(Shape{Parts: own, Closed: true, Stroke: ink.alpha(0.9), Width: width})
	for _, n := range names {
		p.add(n)
	}
}
