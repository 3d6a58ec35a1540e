package plot

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/cosmostat/constellation/pkg/sky"
)

// The measures of the whole sky's page.
const (
	skyWidth  = 1000.0
	skyMargin = 66.0
	insetGap  = 54.0
	maxInsets = 4
)

// DrawSky draws the scene's tiles on the whole sky, RA 0 in the middle, with
// the larger of the fields that they form enlarged below it.
func DrawSky(s *Scene) *Page {
	m := mollweide{}
	half := mollweideWidth
	v := newView(m, rect{-half, -half / 2, half, half / 2}, skyMargin, 96, skyWidth-2*skyMargin)
	fields := groups(s.Tiles)
	shown := insets(fields, v)
	height := v.page.y1 + 40
	side := (skyWidth - 2*skyMargin - insetGap*float64(max(3, len(shown))-1)) / float64(max(3, len(shown)))
	if len(shown) > 0 {
		height += side + 72
	}
	p := newPage(&Scene{Title: s.Title}, skyWidth, height)
	v.globe(p, m)

	tiles := map[string][][]Point{}
	for _, t := range s.Tiles {
		if t.Aside {
			continue
		}
		for _, part := range m.area(t.outline(t.Box)) {
			page := v.polygon(part)
			if page == nil {
				continue
			}
			tiles[t.worst()] = append(tiles[t.worst()], page)
		}
	}
	p.shape(Shape{Parts: tiles[""], Closed: true, Fill: covered, Stroke: covered, Width: 0.4})
	for _, of := range statusStyles {
		p.shape(Shape{Parts: tiles[of.status], Closed: true, Fill: of.colour, Stroke: of.colour, Width: 0.4})
	}
	v.outline(p, m, Colour{}, ink)

	const y = 66.0
	x := left
	for _, key := range []struct {
		label  string
		stroke Colour
		width  float64
		dash   []float64
	}{{"galactic plane, |b| < 15\u00b0", galactic.alpha(0.45), 10, nil}, {"ecliptic", ecliptic, 1.4, []float64{6, 4}}, {"tiles", covered, 10, nil}} {
		p.add(&Shape{Parts: [][]Point{{{x, y - 4}, {x + 28, y - 4}}}, Stroke: key.stroke, Width: key.width, Dash: key.dash})
		t := Text{At: Point{x + 36, y}, Size: 12, Fill: ink, String: key.label}
		p.add(&t)
		x = t.box().x1 + 30
	}
	n, _ := s.wanted()
	p.add(&Text{At: Point{skyWidth - skyMargin, y}, Size: 12, Anchor: End, Fill: grey,
		String: counted(n, "tile", "tiles") + " in " + counted(len(fields), "field", "fields") + "  \u00b7  Mollweide, equal areas, ICRS"})
	for i, f := range shown {
		x := skyMargin + float64(i)*(side+insetGap)
		f.draw(p, v, rect{x, v.page.y1 + 76, x + side, v.page.y1 + 76 + side})
	}
	return p
}

// worst is the status that a tile is coloured by.
func (t Tile) worst() string {
	worst := ""
	for _, of := range statusStyles { // from good to bad
		for _, s := range t.SubTiles {
			if s.Status == of.status {
				worst = of.status
			}
		}
	}
	return worst
}

// globe draws the sky without tiles.
func (v view) globe(p *Page, m mollweide) {
	v.outline(p, m, rgb(0xf8fafc), Colour{})
	onPage := func(parts [][]Point) (out [][]Point) {
		for _, part := range parts {
			page := make([]Point, len(part))
			for i, o := range part {
				page[i] = v.at(o)
			}
			if page = thin(page, tolerance); len(page) > 1 {
				out = append(out, page)
			}
		}
		return out
	}
	var band [][]Point
	for l := 0.0; l < 360; l += 3 {
		var strip []sky.Coord
		for _, corner := range [][2]float64{{l, -15}, {l + 3, -15}, {l + 3, 15}, {l, 15}} {
			strip = append(strip, fromGalactic(corner[0], corner[1]))
		}
		for _, part := range m.area(strip) {
			if page := v.polygon(part); page != nil {
				band = append(band, page)
			}
		}
	}
	p.shape(Shape{Parts: band, Closed: true, Fill: galactic.alpha(0.16)})

	var net [][]Point
	for ra := 0.0; ra < 360; ra += 30 {
		if ra != 180 {
			net = append(net, onPage(m.line(meridian(ra, -90, 90, 1)))...)
		}
	}
	for dec := -60.0; dec <= 60; dec += 30 {
		net = append(net, onPage(m.line(parallel(dec, -179.999999, 179.999999, 1)))...)
	}
	p.shape(Shape{Parts: net, Stroke: ink.alpha(0.16), Width: 0.7})

	var plane, path []sky.Coord
	for i := range 721 {
		a := float64(i) / 2
		plane = append(plane, fromGalactic(a, 0))
		path = append(path, fromEcliptic(a))
	}
	p.shape(Shape{Parts: onPage(m.line(plane)), Stroke: galactic.alpha(0.9), Width: 1})
	p.shape(Shape{Parts: onPage(m.line(path)), Stroke: ecliptic.alpha(0.9), Width: 1.1, Dash: []float64{6, 4}})

	for ra := 0.0; ra < 360; ra += 30 {
		if o, ok := m.forward(sky.Coord{RA: ra}); ok && ra != 180 {
			at := v.at(o)
			p.add(&Text{At: Point{at.X + 4, at.Y - 4}, Size: 11, Fill: grey, Halo: paper.alpha(0.7), String: degrees(ra, 30, false)})
		}
	}
	for dec := -60.0; dec <= 60; dec += 30 {
		at := v.at(m.at(180, dec))
		p.add(&Text{At: Point{at.X - 8, at.Y + 4 - dec/8}, Size: 11, Anchor: End, Fill: grey, String: degrees(dec, 30, true)})
	}
}

// outline draws the ellipse.
func (v view) outline(p *Page, m mollweide, fill, stroke Colour) {
	var edge []Point
	for dec := -90.0; dec <= 90; dec++ {
		edge = append(edge, v.at(m.at(180, dec)))
	}
	for dec := 89.0; dec > -90; dec-- {
		edge = append(edge, v.at(m.at(-180, dec)))
	}
	p.add(&Shape{Parts: [][]Point{edge}, Closed: true, Fill: fill, Stroke: stroke, Width: 1.2})
}

// fromGalactic is the direction of a galactic longitude and latitude in
// degrees, by the IAU's north galactic pole as Hipparcos has it in ICRS.
func fromGalactic(l, b float64) sky.Coord {
	const poleRA, poleDec, lNode = 192.85948, 27.12825, 122.93192
	return fromPole(poleRA, poleDec, lNode, l, b)
}

// fromEcliptic is the direction of an ecliptic longitude on the ecliptic of J2000.
func fromEcliptic(l float64) sky.Coord {
	const obliquity = 23.4392911
	return fromPole(270, 90-obliquity, 90, l, 0)
}

// fromPole turns coordinates of a system whose north pole is at (ra, dec) and
// in which the north celestial pole has the longitude node.
func fromPole(ra, dec, node, l, b float64) sky.Coord {
	sp, cp := math.Sincos(dec * deg)
	sb, cb := math.Sincos(b * deg)
	sl, cl := math.Sincos((node - l) * deg)
	z := sb*sp + cb*cp*cl
	x, y := sb*cp-cb*sp*cl, cb*sl
	return sky.Normalize(sky.Coord{RA: ra + math.Atan2(y, x)/deg, Dec: math.Atan2(z, math.Hypot(x, y)) / deg})
}

// group is tiles that lie together.
type group struct {
	tiles  []Tile
	centre sky.Coord
	frame  rect // in the zenithal projection around the centre
}

// groups joins tiles whose centres are at most a degree and a bit apart, the
// largest group first.
func groups(tiles []Tile) []group {
	var own []Tile
	var at []sky.Tile
	for _, t := range tiles {
		if !t.Aside {
			own = append(own, t)
			at = append(at, t.Tile)
		}
	}
	const apart = 1.2
	atlas := sky.NewAtlas(at)
	seen := make([]bool, len(own))
	var out []group
	for i := range own {
		if seen[i] {
			continue
		}
		var g group
		seen[i] = true
		for queue := []int{i}; len(queue) > 0; queue = queue[1:] {
			g.tiles = append(g.tiles, own[queue[0]])
			for _, j := range atlas.Within(own[queue[0]].Centre, apart) {
				if !seen[j] {
					seen[j] = true
					queue = append(queue, j)
				}
			}
		}
		g.centre = middle(g.tiles)
		out = append(out, g)
	}
	slices.SortStableFunc(out, func(a, b group) int { return cmp.Compare(len(b.tiles), len(a.tiles)) })
	return out
}

// insets are the groups to enlarge, from the page's left to its right: large
// fields need none.
func insets(all []group, v view) []group {
	var out []group
	for _, g := range all {
		frame, ok := extent(newZenithal(g.centre), g.tiles, 0.11)
		if !ok || frame.width() > 25 || frame.height() > 25 {
			continue
		}
		half := math.Max(frame.width(), frame.height()) / 2
		x, y := (frame.x0+frame.x1)/2, (frame.y0+frame.y1)/2
		g.frame = rect{x - half, y - half, x + half, y + half}
		if out = append(out, g); len(out) == maxInsets {
			break
		}
	}
	slices.SortStableFunc(out, func(a, b group) int {
		p, _ := v.forward(a.centre)
		q, _ := v.forward(b.centre)
		return cmp.Or(cmp.Compare(p.X, q.X), cmp.Compare(p.Y, q.Y))
	})
	return out
}

// draw draws a field enlarged, and a line to its place.
func (g group) draw(p *Page, globe view, r rect) {
	v := newView(newZenithal(g.centre), g.frame, r.x0, r.y0, r.width())
	if o, ok := globe.forward(g.centre); ok {
		at := globe.at(o)
		radius := 9.0
		for _, t := range g.tiles {
			if o, ok := globe.forward(t.Centre); ok {
				o = globe.at(o)
				radius = math.Max(radius, math.Hypot(o.X-at.X, o.Y-at.Y)+4)
			}
		}
		radius = math.Min(radius, 26) // tiles at a pole or a seam are torn far apart
		ring := make([]Point, 48)
		for i := range ring {
			s, c := math.Sincos(2 * math.Pi * float64(i) / float64(len(ring)))
			ring[i] = Point{at.X + radius*c, at.Y + radius*s}
		}
		p.add(&Shape{Parts: [][]Point{ring}, Closed: true, Stroke: ink, Width: 1})
		to := Point{(r.x0 + r.x1) / 2, r.y0 - 26}
		d := math.Hypot(to.X-at.X, to.Y-at.Y)
		p.line(ink.alpha(0.55), 0.8, between(at, to, radius/d), to)
	}
	net := v.graticule(4)
	y := r.y0 - 8
	if net.pole { // meridians have their labels there
		y -= 17
	}
	p.add(
		&Text{At: Point{r.x0, y}, Size: 13, Bold: true, Fill: ink, String: g.name()},
		&Text{At: Point{r.x1, y}, Size: 11, Anchor: End, Fill: grey, String: counted(len(g.tiles), "tile", "tiles")},
	)
	p.rect(r, rgb(0xf8fafc), Colour{}, 0)
	net.draw(p, ink.alpha(0.16))
	v.tiles(p, &Scene{Tiles: g.tiles})
	v.scaleBar(p, Point{r.x0 + 12, r.y1 - 12}, 1)
	p.rect(r, Colour{}, ink, 1)
	net.label(p, v, false, true)
}

// deepFields are Euclid's, by their nominal centres.
var deepFields = []struct {
	name   string
	centre sky.Coord
}{
	{"EDF North", sky.Coord{RA: 269.73, Dec: 66.02}},
	{"EDF Fornax", sky.Coord{RA: 52.93, Dec: -28.09}},
	{"EDF South", sky.Coord{RA: 61.24, Dec: -48.42}},
}

// name is a deep field's, or the place.
func (g group) name() string {
	for _, f := range deepFields {
		if sky.Separation(f.centre, g.centre) < 4 {
			return f.name
		}
	}
	return strconv.FormatFloat(g.centre.RA, 'f', 1, 64) + "\u00b0 " + degrees(math.Round(g.centre.Dec*10)/10, 0.1, true)
}
