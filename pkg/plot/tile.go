package plot

import (
	"fmt"
	"math"
	"strconv"

	"github.com/cosmostat/constellation/pkg/survey"
)

// DrawTile draws the scene around its first tile in that tile's tangent plane.
func DrawTile(s *Scene) *Page {
	if len(s.Tiles) == 0 {
		return newPage(s, pageWidth, top)
	}
	t := s.Tiles[0]
	b := t.reach()
	half := 60 * 1.05 * math.Max(math.Max(-b.XiMin, b.XiMax), math.Max(-b.EtaMin, b.EtaMax))
	v := newView(tangent{t.Plane()}, rect{-half, -half, half, half}, left, top, mapWidth)
	scene := *s
	if scene.Note == "" {
		scene.Note = place(t.Centre.RA, t.Centre.Dec)
	}
	p := newPage(&scene, pageWidth, v.page.y1+58)

	p.rect(v.page, rgb(0xf8fafc), Colour{}, 0)
	deep := v.footprints(p, s.Footprints)
	net := v.graticule(5)
	net.draw(p, ink.alpha(0.13))
	for _, other := range s.Tiles[1:] {
		if part := v.box(other, other.Box); part != nil {
			p.add(&Shape{Parts: [][]Point{part}, Closed: true, Stroke: grey.alpha(0.8), Width: 0.9, Dash: []float64{7, 4}})
		}
	}
	v.subTiles(p, t)
	v.sources(p, s.Sources)
	p.add(&Shape{Parts: [][]Point{v.box(t, t.Box)}, Closed: true, Stroke: ink, Width: 2})
	v.subTileNames(p, t)
	p.rect(v.page, Colour{}, ink, 1)
	v.offsets(p)
	net.label(p, v, true, true)

	l := &legend{p, v.page.x1 + legendGap, v.page.y0 - 12}
	l.head("TILE " + strconv.FormatInt(t.ID, 10))
	l.line("tile, "+angle(t.Box.EtaMax-t.Box.EtaMin)+" \u00d7 "+angle(t.Box.XiMax-t.Box.XiMin), ink, 2)
	if len(t.SubTiles) > 0 {
		sub := t.SubTiles[0]
		l.line("core, "+angle(sub.Core.EtaMax-sub.Core.EtaMin), ink.alpha(0.75), 1)
		l.line("extended, "+angle(sub.Extended.EtaMax-sub.Extended.EtaMin), margin, 0.9, 4, 2.5)
	}
	if len(s.Tiles) > 1 {
		l.line("neighbouring tile", grey, 1, 7, 4)
	}
	l.statuses(s)
	l.depth(deep)
	l.sources(s)
	l.head("COUNTS")
	l.text(counted(len(t.SubTiles), "sub-tile", "sub-tiles"))
	if len(s.Footprints) > 0 {
		l.text(counted(s.exposures(), "exposure", "exposures"))
		l.text(counted(len(s.Footprints), "quadrant", "quadrants"))
	}
	if len(s.Sources) > 0 {
		l.text(counted(len(s.Sources), "source", "sources"))
	}
	l.measures(v, 60)
	return p
}

// subTiles draws cores, by status, and extended areas.
func (v view) subTiles(p *Page, t Tile) {
	var cores, extended [][]Point
	for _, s := range t.SubTiles {
		part := v.box(t, s.Core)
		if part == nil {
			continue
		}
		cores = append(cores, part)
		if s.Status != "" && s.Status != survey.StatusOK { // that one's dot is enough
			p.add(&Shape{Parts: [][]Point{part}, Closed: true, Fill: statusColour(s.Status).alpha(statusFill(s.Status))})
		}
		if part := v.box(t, s.Extended); part != nil && s.Extended != s.Core {
			extended = append(extended, part)
		}
	}
	p.shape(Shape{Parts: extended, Closed: true, Stroke: margin.alpha(0.85), Width: 0.8, Dash: []float64{4, 2.5}})
	p.shape(Shape{Parts: cores, Closed: true, Stroke: ink.alpha(0.75), Width: 1})
}

// subTileNames writes what there is room for into the cores' upper left corners.
func (v view) subTileNames(p *Page, t Tile) {
	for _, s := range t.SubTiles {
		part := v.box(t, s.Core)
		if part == nil {
			continue
		}
		b := bounds(part)
		if b.width() < 34 {
			continue
		}
		inset := 5.0
		if m := 60 * v.unit * (s.Core.XiMin - s.Extended.XiMin); m < 20 { // clear of the neighbours' margins
			inset += m
		}
		x, y := b.x0+inset, b.y0+inset+9
		p.add(&Text{At: Point{x, y}, Size: 12, Bold: true, Fill: ink, Halo: paper.alpha(0.85), String: s.Name})
		if s.Status != "" {
			p.add(&Dots{At: []Point{{b.x1 - inset - 3, y - 4}}, Radius: 4, Fill: statusColour(s.Status)})
		}
		if s.Counted && b.width() > 80 {
			p.add(&Text{At: Point{x, y + 15}, Size: 11, Fill: ink, Halo: paper.alpha(0.85), String: counted(s.Sources, "source", "sources")})
		}
	}
}

// offsets draws ticks for the offset from the tile's centre at the left and the bottom.
func (v view) offsets(p *Page) {
	tick := 0.0
	for _, tick = range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300} {
		if v.plane.width() <= tick*9 {
			break
		}
	}
	r := v.page
	write := func(value float64) string {
		s := strconv.FormatFloat(math.Abs(math.Round(value*10)/10), 'f', -1, 64)
		if value < -tick/2 {
			s = "\u2212" + s
		}
		return s
	}
	var ticks [][]Point
	for k := math.Ceil(v.plane.x0 / tick); k*tick <= v.plane.x1; k++ {
		o := v.at(Point{k * tick, k * tick})
		ticks = append(ticks,
			[]Point{{o.X, r.y1}, {o.X, r.y1 - 6}}, []Point{{r.x0, o.Y}, {r.x0 + 6, o.Y}})
		p.add(
			&Text{At: Point{o.X, r.y1 + 17}, Size: 11, Anchor: Middle, Fill: ink, String: write(-k * tick)},
			&Text{At: Point{r.x0 - 8, o.Y + 4}, Size: 11, Anchor: End, Fill: ink, String: write(k * tick)},
		)
	}
	p.shape(Shape{Parts: ticks, Stroke: ink, Width: 1})
	p.add(
		&Text{At: Point{(r.x0 + r.x1) / 2, r.y1 + 38}, Size: 12, Anchor: Middle, Fill: ink, String: "\u03be, offset to the east (arcmin)"},
		&Text{At: Point{r.x0 - 48, r.y0 - 10}, Size: 12, Fill: ink, String: "\u03b7 (arcmin)"},
	)
}

// TileTitle is the title of a tile's page.
func TileTitle(field string, id int64) string {
	if field == "" {
		return fmt.Sprintf("Tile %d", id)
	}
	return fmt.Sprintf("%s \u00b7 tile %d", field, id)
}
