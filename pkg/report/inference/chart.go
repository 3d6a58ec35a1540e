package inference

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// axis maps numbers to a stretch of the page.
type axis struct {
	label    string
	log      bool
	low, top float64 // values at the ends
	from, to float64 // of the page
}

// newAxis spans the values, with some room; those that it can't show don't count.
func newAxis(label string, log bool, from, to float64, values ...[]float64) axis {
	a := axis{label: label, log: log, low: math.Inf(1), top: math.Inf(-1), from: from, to: to}
	for _, vs := range values {
		for _, v := range vs {
			if a.shows(v) {
				a.low, a.top = min(a.low, v), max(a.top, v)
			}
		}
	}
	if a.low > a.top {
		a.low, a.top = 1, 10
	}
	l, h := a.scale(a.low), a.scale(a.top)
	room := 0.04 * (h - l)
	if room == 0 {
		room = math.Max(0.1*math.Abs(h), 0.1)
	}
	if log {
		a.low, a.top = math.Pow(10, l-room), math.Pow(10, h+room)
	} else {
		a.low, a.top = l-room, h+room
	}
	return a
}

func (a axis) shows(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) && (!a.log || v > 0) }

func (a axis) scale(v float64) float64 {
	if a.log {
		return math.Log10(v)
	}
	return v
}

func (a axis) at(v float64) float64 {
	l, h := a.scale(a.low), a.scale(a.top)
	return a.from + (a.scale(v)-l)/(h-l)*(a.to-a.from)
}

// ticks are a few round values within the axis.
func (a axis) ticks() (out []float64) {
	if a.log {
		for _, steps := range [][]float64{{1}, {1, 3}, {1, 2, 5}} {
			out = out[:0]
			for e := math.Floor(a.scale(a.low)); e <= a.scale(a.top); e++ {
				for _, s := range steps {
					if v := s * math.Pow(10, e); v >= a.low && v <= a.top {
						out = append(out, v)
					}
				}
			}
			if len(out) >= 3 {
				return out
			}
		}
	}
	span := a.top - a.low
	step := math.Pow(10, math.Floor(math.Log10(span/4)))
	for _, s := range []float64{5, 2} {
		if span/(step*s) >= 3 {
			step *= s
			break
		}
	}
	out = out[:0]
	for n := math.Ceil(a.low / step); n*step <= a.top; n++ {
		out = append(out, n*step+0) // no -0
	}
	return out
}

// chart is a figure with two axes, drawn by parts.
type chart struct {
	x, y axis
	body strings.Builder
}

const (
	chartWidth, chartHeight = 620.0, 300.0
	leftEdge, rightEdge     = 78.0, 606.0
	topEdge, bottomEdge     = 12.0, 252.0
)

func newChart(x, y axis) *chart {
	x.from, x.to, y.from, y.to = leftEdge, rightEdge, bottomEdge, topEdge
	return &chart{x: x, y: y}
}

// line joins points, in order.
func (c *chart) line(xs, ys []float64, colour string) {
	pen := "M"
	fmt.Fprintf(&c.body, `<path fill="none" stroke="%s" stroke-width="1.5" d="`, colour)
	for i := range xs {
		if !c.x.shows(xs[i]) || !c.y.shows(ys[i]) {
			pen = "M"
			continue
		}
		fmt.Fprintf(&c.body, "%s%.1f %.1f", pen, c.x.at(xs[i]), c.y.at(ys[i]))
		pen = "L"
	}
	c.body.WriteString("\"/>\n")
}

// points are dots: one path, whatever their number.
func (c *chart) points(xs, ys []float64, colour string) (drawn int) {
	fmt.Fprintf(&c.body, `<path fill="none" stroke="%s" stroke-width="4" stroke-linecap="round" stroke-opacity=".6" d="`, colour)
	for i := range xs {
		if c.x.shows(xs[i]) && c.y.shows(ys[i]) {
			fmt.Fprintf(&c.body, "M%.1f %.1fh0", c.x.at(xs[i]), c.y.at(ys[i]))
			drawn++
		}
	}
	c.body.WriteString("\"/>\n")
	return drawn
}

// svg is the whole figure; the title is for those who can't see it.
func (c *chart) svg(title string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%[1]g" height="%[2]g" role="img" aria-label="%[3]s" font-family="system-ui,sans-serif" font-size="12">`,
		chartWidth, chartHeight, html.EscapeString(title))
	fmt.Fprintf(&b, "\n<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"#fff\" stroke=\"#888\"/>\n", leftEdge, topEdge, rightEdge-leftEdge, bottomEdge-topEdge)
	xs, ys := c.x.ticks(), c.y.ticks()
	names := labels(ys)
	for i, v := range ys {
		fmt.Fprintf(&b, `<path stroke="#e4e4e4" d="M%g %.1fH%g"/><text x="%g" y="%.1f" text-anchor="end">%s</text>`+"\n", leftEdge, c.y.at(v), rightEdge, leftEdge-6, c.y.at(v)+4, names[i])
	}
	names = labels(xs)
	for i, v := range xs {
		fmt.Fprintf(&b, `<path stroke="#e4e4e4" d="M%.1f %gV%g"/><text x="%.1f" y="%g" text-anchor="middle">%s</text>`+"\n", c.x.at(v), bottomEdge, topEdge, c.x.at(v), bottomEdge+17, names[i])
	}
	fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="middle">%s</text>`, (leftEdge+rightEdge)/2, bottomEdge+38, html.EscapeString(c.x.label))
	fmt.Fprintf(&b, `<text transform="translate(14 %g) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (topEdge+bottomEdge)/2, html.EscapeString(c.y.label))
	b.WriteString(c.body.String())
	b.WriteString("</svg>\n")
	return b.String()
}

// labels writes ticks with as many digits as tell them apart.
func labels(ticks []float64) []string {
	out := make([]string, len(ticks))
	for digits := 3; digits <= 12; digits++ {
		seen := map[string]bool{}
		for i, v := range ticks {
			if math.Abs(v) >= 1e6 || v != 0 && math.Abs(v) < 1e-3 {
				out[i] = fmt.Sprintf("%.*g", digits, v)
			} else {
				out[i] = fmt.Sprint(math.Round(v*1e9) / 1e9)
			}
			seen[out[i]] = true
		}
		if len(seen) == len(ticks) {
			break
		}
	}
	return out
}
