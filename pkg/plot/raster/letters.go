package raster

import (
	"fmt"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"github.com/cosmostat/constellation/pkg/plot"
)

// letters are the outlines of the Go fonts' letters.
type letters struct {
	regular, bold *sfnt.Font
	buffer        sfnt.Buffer
}

func newLetters() (*letters, error) {
	l := new(letters)
	for _, f := range []struct {
		data []byte
		to   **sfnt.Font
	}{{goregular.TTF, &l.regular}, {gobold.TTF, &l.bold}} {
		parsed, err := sfnt.Parse(f.data)
		if err != nil {
			return nil, fmt.Errorf("read the font: %w", err)
		}
		*f.to = parsed
	}
	return l, nil
}

// text paints the halo under the letters.
func (c *canvas) text(t *plot.Text) error {
	rings, width, err := c.letters.outline(t.String, t.Size*c.scale, t.Bold)
	if err != nil {
		return fmt.Errorf("write %q: %w", t.String, err)
	}
	x, y := t.At.X*c.scale-width*float64(t.Anchor)/2, t.At.Y*c.scale
	var around [][]plot.Point
	for _, ring := range rings {
		for i := range ring {
			ring[i].X += x
			ring[i].Y += y
		}
		if t.Halo.A > 0 {
			around = append(around, halo(ring, plot.HaloWidth*c.scale/2)...)
		}
	}
	c.fill(around, t.Halo)
	c.fill(rings, t.Fill)
	return nil
}

// halo is discs and bars along a ring: they run the same way round and may
// lie over each other, which opaque paint does not show.
func halo(ring []plot.Point, radius float64) [][]plot.Point {
	const corners = 12
	var out [][]plot.Point
	for i, p := range ring {
		disc := make([]plot.Point, corners)
		for k := range disc {
			s, co := math.Sincos(2 * math.Pi * float64(k) / corners)
			disc[k] = plot.Point{X: p.X + radius*co, Y: p.Y + radius*s}
		}
		out = append(out, disc)
		out = append(out, ribbon([]plot.Point{p, ring[(i+1)%len(ring)]}, false, radius)...)
	}
	return out
}

// outline is the letters' rings, the baseline starting at (0, 0), and the
// line's width.
func (l *letters) outline(s string, size float64, bold bool) (rings [][]plot.Point, width float64, err error) {
	f := l.regular
	if bold {
		f = l.bold
	}
	em := f.UnitsPerEm()
	ppem := fixed.I(int(em)) // outlines in the font's units: nothing is rounded
	unit := size / float64(em)
	place := func(p fixed.Point26_6) plot.Point {
		return plot.Point{X: width + float64(p.X)/64*unit, Y: float64(p.Y) / 64 * unit}
	}
	var last sfnt.GlyphIndex
	for i, r := range []rune(s) {
		g, err := f.GlyphIndex(&l.buffer, r)
		if err != nil {
			return nil, 0, err
		}
		if i > 0 {
			if k, err := f.Kern(&l.buffer, last, g, ppem, font.HintingNone); err == nil {
				width += float64(k) / 64 * unit
			}
		}
		segments, err := f.LoadGlyph(&l.buffer, g, ppem, nil)
		if err != nil {
			return nil, 0, err
		}
		var ring []plot.Point
		for _, seg := range segments {
			if seg.Op == sfnt.SegmentOpMoveTo {
				if len(ring) > 2 {
					rings = append(rings, ring)
				}
				ring = []plot.Point{place(seg.Args[0])}
				continue
			}
			ring = curve(ring, seg, place)
		}
		if len(ring) > 2 {
			rings = append(rings, ring)
		}
		advance, err := f.GlyphAdvance(&l.buffer, g, ppem, font.HintingNone)
		if err != nil {
			return nil, 0, err
		}
		width += float64(advance) / 64 * unit
		last = g
	}
	return rings, width, nil
}

// curve appends a segment as chords.
func curve(ring []plot.Point, s sfnt.Segment, place func(fixed.Point26_6) plot.Point) []plot.Point {
	const chords = 6
	p := ring[len(ring)-1]
	switch s.Op {
	case sfnt.SegmentOpLineTo:
		return append(ring, place(s.Args[0]))
	case sfnt.SegmentOpQuadTo:
		a, q := place(s.Args[0]), place(s.Args[1])
		for i := 1; i <= chords; i++ {
			t := float64(i) / chords
			u := 1 - t
			ring = append(ring, plot.Point{X: u*u*p.X + 2*u*t*a.X + t*t*q.X, Y: u*u*p.Y + 2*u*t*a.Y + t*t*q.Y})
		}
	case sfnt.SegmentOpCubeTo:
		a, b, q := place(s.Args[0]), place(s.Args[1]), place(s.Args[2])
		for i := 1; i <= chords; i++ {
			t := float64(i) / chords
			u := 1 - t
			ring = append(ring, plot.Point{
				X: u*u*u*p.X + 3*u*u*t*a.X + 3*u*t*t*b.X + t*t*t*q.X,
				Y: u*u*u*p.Y + 3*u*u*t*a.Y + 3*u*t*t*b.Y + t*t*t*q.Y,
			})
		}
	}
	return ring
}
