package plot

// Page is a drawing: marks in the order in which they lie over each other. Its
// unit is the pixel of an SVG at its natural size.
type Page struct {
	Width, Height float64
	Title         string
	Marks         []Mark
}

// Colour is red, green, blue and opacity, the last from 0 to 1. The zero
// colour draws nothing.
type Colour struct {
	R, G, B uint8
	A       float64
}

func rgb(v uint32) Colour { return Colour{uint8(v >> 16), uint8(v >> 8), uint8(v), 1} }

// alpha is the colour with another opacity.
func (c Colour) alpha(a float64) Colour { c.A = a; return c }

// Mark is one thing on a page: a [*Shape], a [*Dots] or a [*Text].
type Mark interface{ mark() }

// Shape is areas or lines of one look. Areas of one shape are filled as one:
// where they lie over each other, the opacity counts once.
type Shape struct {
	Parts  [][]Point
	Closed bool
	Fill   Colour
	Stroke Colour
	Width  float64
	Dash   []float64 // lengths on and off
}

// Dots are discs of one look.
type Dots struct {
	At     []Point
	Radius float64
	Fill   Colour
}

// Anchors of a text.
const (
	Start = iota
	Middle
	End
)

// Text is one line; its baseline starts, is centred or ends at a point.
type Text struct {
	At     Point
	Size   float64
	Bold   bool
	Anchor int
	Fill   Colour
	Halo   Colour // around the letters, so that they can be read on anything
	String string
}

func (*Shape) mark() {}
func (*Dots) mark()  {}
func (*Text) mark()  {}

func (p *Page) add(m ...Mark) { p.Marks = append(p.Marks, m...) }

// shape adds areas or lines if there are any.
func (p *Page) shape(s Shape) {
	if len(s.Parts) > 0 {
		p.add(&s)
	}
}

func (p *Page) line(stroke Colour, width float64, points ...Point) {
	p.add(&Shape{Parts: [][]Point{points}, Stroke: stroke, Width: width})
}

func (p *Page) rect(r rect, fill, stroke Colour, width float64) {
	p.add(&Shape{Parts: [][]Point{r.corners()}, Closed: true, Fill: fill, Stroke: stroke, Width: width})
}

func (r rect) corners() []Point {
	return []Point{{r.x0, r.y0}, {r.x1, r.y0}, {r.x1, r.y1}, {r.x0, r.y1}}
}

// letterWidth is a sans-serif letter's mean width, of its size: for layout only.
const letterWidth = 0.54

func (t Text) box() rect {
	w := letterWidth * t.Size * float64(len([]rune(t.String)))
	x := t.At.X - w*float64(t.Anchor)/2
	return rect{x, t.At.Y - t.Size*0.8, x + w, t.At.Y + t.Size*0.25}
}

func (r rect) meets(o rect) bool { return r.x0 < o.x1 && o.x0 < r.x1 && r.y0 < o.y1 && o.y0 < r.y1 }
