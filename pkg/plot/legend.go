package plot

import (
	"math"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/survey"
)

// newPage starts a page with its title and note.
func newPage(s *Scene, width, height float64) *Page {
	p := &Page{Width: width, Height: height, Title: s.Title}
	p.add(&Text{At: Point{left, 40}, Size: 23, Bold: true, Fill: ink, String: s.Title})
	if s.Note != "" {
		p.add(&Text{At: Point{left, 62}, Size: 13, Fill: grey, String: s.Note})
	}
	return p
}

// The measures of a page with one map and a legend beside it.
const (
	left        = 66.0
	top         = 100.0
	mapWidth    = 700.0
	legendGap   = 62.0
	legendWidth = 176.0
	pageWidth   = left + mapWidth + legendGap + legendWidth
)

// legend is written downwards beside a map.
type legend struct {
	p    *Page
	x, y float64
}

func (l *legend) head(s string) {
	l.y += 12
	l.p.add(&Text{At: Point{l.x, l.y + 11}, Size: 11, Bold: true, Fill: ink, String: s})
	l.y += 23
}

const keyWidth = 26.0

// entry writes a key's label; the key is drawn in the rectangle that it returns.
func (l *legend) entry(s string) rect {
	l.p.add(&Text{At: Point{l.x + keyWidth + 9, l.y + 10}, Size: 12, Fill: ink, String: s})
	r := rect{l.x, l.y, l.x + keyWidth, l.y + 13}
	l.y += 21
	return r
}

func (l *legend) line(s string, stroke Colour, width float64, dash ...float64) {
	r := l.entry(s)
	y := (r.y0 + r.y1) / 2
	l.p.add(&Shape{Parts: [][]Point{{{r.x0, y}, {r.x1, y}}}, Stroke: stroke, Width: width, Dash: dash})
}

func (l *legend) area(s string, fill, stroke Colour) { l.p.rect(l.entry(s), fill, stroke, 1) }

func (l *legend) dot(s string, fill Colour, radius float64) {
	r := l.entry(s)
	l.p.add(&Dots{At: []Point{{(r.x0 + r.x1) / 2, (r.y0 + r.y1) / 2}}, Radius: radius, Fill: fill})
}

func (l *legend) text(s string) {
	l.p.add(&Text{At: Point{l.x, l.y + 10}, Size: 12, Fill: grey, String: s})
	l.y += 18
}

// depth shows how dark any number of exposures is.
func (l *legend) depth(deep int) {
	if deep == 0 {
		return
	}
	l.head("EXPOSURES OVER A PLACE")
	n := min(deep, 8)
	w := (legendWidth - 6) / float64(max(n, 4))
	for i := range n {
		k := 1 + int(math.Round(float64(i)*float64(deep-1)/math.Max(1, float64(n-1))))
		x := l.x + float64(i)*w
		l.p.rect(rect{x, l.y, x + w, l.y + 14}, exposed.alpha(1-math.Pow(1-shade(deep), float64(k))), exposed.alpha(0.5), 0.5)
		l.p.add(&Text{At: Point{x + w/2, l.y + 28}, Size: 11, Anchor: Middle, Fill: grey, String: strconv.Itoa(k)})
	}
	l.y += 38
}

// statuses shows the colours of the sub-tiles' results.
func (l *legend) statuses(s *Scene) {
	n := s.statuses()
	if len(n) == 0 {
		return
	}
	l.head("RESULTS")
	for _, of := range statusStyles {
		if n[of.status] > 0 {
			l.area(strconv.Itoa(n[of.status])+" "+of.label, of.colour.alpha(statusFill(of.status)), of.colour)
		}
	}
}

// statusFill lets what went wrong stand out.
func statusFill(status string) float64 {
	if status == survey.StatusOK {
		return 0.1
	}
	return 0.3
}

func (l *legend) sources(s *Scene) {
	if len(s.Sources) == 0 {
		return
	}
	l.head("SOURCES")
	radius := math.Max(1.6, dotRadius(len(s.Sources)))
	n := s.cores()
	l.dot(counted(n, "in a core", "in cores"), core, radius)
	if rest := len(s.Sources) - n; rest > 0 {
		l.dot(counted(rest, "in margins only", "in margins only"), lent, radius)
	}
}

// scaleBar draws a length of the plane, about a quarter of the view at most,
// from a point to the right, and says it above. A degree is so many of the
// plane's units.
func (v view) scaleBar(p *Page, at Point, perDegree float64) {
	span := math.Min(v.plane.width()/4, legendWidth/v.unit)
	length, label := 0.0, ""
	for _, d := range []float64{1. / 60, 2. / 60, 5. / 60, 10. / 60, 0.5, 1, 2, 5, 10, 20} {
		if d*perDegree <= span || length == 0 {
			length, label = d*perDegree, angle(d)
		}
	}
	w := length * v.unit
	p.line(ink, 1.4, Point{at.X, at.Y - 5}, at, Point{at.X + w, at.Y}, Point{at.X + w, at.Y - 5})
	p.add(&Text{At: Point{at.X + w/2, at.Y - 8}, Size: 12, Anchor: Middle, Fill: ink, Halo: paper.alpha(0.85), String: label})
}

// angle writes degrees as people say them.
func angle(d float64) string {
	if d < 1 {
		return strconv.FormatFloat(math.Round(d*600)/10, 'f', -1, 64) + "\u2032"
	}
	return strconv.FormatFloat(d, 'f', -1, 64) + "\u00b0"
}

// compass draws north and east.
func compass(p *Page, at Point) {
	const arm = 26.0
	x, y := at.X, at.Y
	p.line(ink, 1.4, Point{x, y - arm}, Point{x, y}, Point{x - arm, y})
	p.add(
		&Shape{Parts: [][]Point{
			{{x - 3.2, y - arm}, {x, y - arm - 6.5}, {x + 3.2, y - arm}},
			{{x - arm, y + 3.2}, {x - arm - 6.5, y}, {x - arm, y - 3.2}},
		}, Closed: true, Fill: ink},
		&Text{At: Point{x, y - arm - 10}, Size: 11, Bold: true, Anchor: Middle, Fill: ink, String: "N"},
		&Text{At: Point{x - arm - 10, y + 4}, Size: 11, Bold: true, Anchor: End, Fill: ink, String: "E"},
	)
}

// measures draws the compass and a scale at the legend's foot, beside the map's.
func (l *legend) measures(v view, perDegree float64) {
	compass(l.p, Point{l.x + 50, v.page.y1 - 44})
	v.scaleBar(l.p, Point{l.x, v.page.y1 - 1}, perDegree)
}

// place writes a direction.
func place(ra, dec float64) string {
	sign := "+"
	if dec < 0 {
		sign = "\u2212"
	}
	return strings.Join([]string{
		"RA " + strconv.FormatFloat(ra, 'f', 4, 64) + "\u00b0",
		"Dec " + sign + strconv.FormatFloat(math.Abs(dec), 'f', 4, 64) + "\u00b0",
	}, "  ")
}
