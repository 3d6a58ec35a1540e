package plot

import (
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
)

// WriteSVG writes the page as SVG 1.1 that stands alone and can also be put
// into an HTML page as it is.
func (p *Page) WriteSVG(w io.Writer) error {
	_, err := w.Write(p.SVG())
	return err
}

// SVG is the page as text. Places are rounded to hundredths of a pixel.
func (p *Page) SVG() []byte {
	b := fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%[1]s" height="%[2]s" font-family="%s" role="img" style="max-width:100%%;height:auto">`+"\n<title>%s</title>\n",
		number(p.Width), number(p.Height), fonts, html.EscapeString(p.Title))
	b = fmt.Appendf(b, `<rect width="%s" height="%s" fill="#fff"/>`+"\n", number(p.Width), number(p.Height))
	for _, m := range p.Marks {
		switch m := m.(type) {
		case *Shape:
			b = m.svg(b)
		case *Dots:
			b = m.svg(b)
		case *Text:
			b = m.svg(b)
		}
	}
	return append(b, "</svg>\n"...)
}

const fonts = "'Helvetica Neue',Helvetica,Arial,'Liberation Sans',sans-serif"

func (s *Shape) svg(b []byte) []byte {
	b = append(b, `<path d="`...)
	for _, part := range s.Parts {
		b = path(b, part)
		if s.Closed {
			b = append(b, 'z')
		}
	}
	b = append(b, '"')
	b = s.Fill.svg(b, "fill")
	if s.Stroke.A > 0 {
		b = s.Stroke.svg(b, "stroke")
		b = attribute(b, "stroke-width", number(s.Width))
	}
	if len(s.Dash) > 0 {
		text := ""
		for i, d := range s.Dash {
			if i > 0 {
				text += " "
			}
			text += number(d)
		}
		b = attribute(b, "stroke-dasharray", text)
	}
	return append(b, "/>\n"...)
}

// path is relative after its first point: that takes half the space.
func path(b []byte, points []Point) []byte {
	var x, y int // of the last point, in hundredths: rounding does not add up
	for i, p := range points {
		px, py := hundredths(p.X), hundredths(p.Y)
		switch {
		case i == 0:
			b = pair(append(b, 'M'), px, py)
		case i == 1:
			b = pair(append(b, 'l'), px-x, py-y)
		case px != x || py != y:
			if px-x >= 0 {
				b = append(b, ' ')
			}
			b = pair(b, px-x, py-y)
		}
		x, y = px, py
	}
	return b
}

// svg draws discs as the round ends of lines without length.
func (d *Dots) svg(b []byte) []byte {
	b = append(b, `<path d="`...)
	for _, p := range d.At {
		b = append(pair(append(b, 'M'), hundredths(p.X), hundredths(p.Y)), "h0"...)
	}
	b = append(b, `" fill="none" stroke-linecap="round"`...)
	b = d.Fill.svg(b, "stroke")
	return append(attribute(b, "stroke-width", number(2*d.Radius)), "/>\n"...)
}

func (t *Text) svg(b []byte) []byte {
	b = attribute(append(b, "<text"...), "x", number(t.At.X))
	b = attribute(b, "y", number(t.At.Y))
	b = attribute(b, "font-size", number(t.Size))
	if t.Bold {
		b = attribute(b, "font-weight", "bold")
	}
	if t.Anchor != Start {
		b = attribute(b, "text-anchor", []string{"start", "middle", "end"}[t.Anchor])
	}
	b = t.Fill.svg(b, "fill")
	if t.Halo.A > 0 {
		b = t.Halo.svg(b, "stroke")
		b = attribute(b, "stroke-width", number(HaloWidth))
		b = append(b, ` stroke-linejoin="round" paint-order="stroke"`...)
	}
	return fmt.Appendf(b, ">%s</text>\n", html.EscapeString(t.String))
}

// HaloWidth is the width of the line around letters with a halo; half of it shows.
const HaloWidth = 3

func (c Colour) svg(b []byte, name string) []byte {
	if c.A <= 0 {
		return attribute(b, name, "none")
	}
	b = attribute(b, name, fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B))
	if c.A < 1 {
		b = attribute(b, name+"-opacity", strconv.FormatFloat(c.A, 'g', 3, 64))
	}
	return b
}

func attribute(b []byte, name, value string) []byte { return fmt.Appendf(b, ` %s="%s"`, name, value) }

// hundredths is a length as it is written. What is not finite has no place: no
// projection gives such a point, and the page's edge is as good as any.
func hundredths(v float64) int {
	if math.IsNaN(v) || math.Abs(v) > 1e7 {
		return 0
	}
	return int(math.Round(v * 100))
}

func pair(b []byte, x, y int) []byte {
	b = decimal(b, x)
	if y >= 0 {
		b = append(b, ' ')
	}
	return decimal(b, y)
}

func decimal(b []byte, v int) []byte { return strconv.AppendFloat(b, float64(v)/100, 'f', -1, 64) }

func number(v float64) string { return string(decimal(nil, hundredths(v))) }
