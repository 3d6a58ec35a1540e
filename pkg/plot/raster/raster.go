// Package raster paints a page of package plot as a PNG: areas and lines by
// exact coverage of pixels, letters from a font of its own, so that the same
// page gives the same bytes on every machine. It is apart from plot because of
// its size.
package raster

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/vector"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/plot"
)

// maxSide bounds the image: 400 MB of pixels.
const maxSide = 10000

// WritePNG writes the page as an image of a width in pixels; 0 is the page's own.
func WritePNG(w io.Writer, p *plot.Page, width int) error {
	img, err := Paint(p, width)
	if err != nil {
		return err
	}
	e := png.Encoder{CompressionLevel: png.BestCompression}
	return e.Encode(w, img)
}

// Paint makes the image of a page.
func Paint(p *plot.Page, width int) (*image.RGBA, error) {
	if width == 0 {
		width = int(math.Ceil(p.Width))
	}
	scale := float64(width) / p.Width
	height := int(math.Ceil(p.Height * scale))
	if width < 1 || height < 1 || width > maxSide || height > maxSide {
		return nil, fault.Input("SizeInvalid", "an image of %d x %d pixels", width, height).Fix("its sides are from 1 to %d", maxSide)
	}
	letters, err := newLetters()
	if err != nil {
		return nil, err
	}
	c := &canvas{scale: scale, img: image.NewRGBA(image.Rect(0, 0, width, height)), letters: letters}
	draw.Draw(c.img, c.img.Bounds(), image.White, image.Point{}, draw.Src)
	for _, m := range p.Marks {
		switch m := m.(type) {
		case *plot.Shape:
			c.shape(m)
		case *plot.Dots:
			c.dots(m)
		case *plot.Text:
			if err := c.text(m); err != nil {
				return nil, err
			}
		}
	}
	return c.img, nil
}

type canvas struct {
	scale   float64
	img     *image.RGBA
	letters *letters
	cover   vector.Rasterizer
}

// fill paints areas as one. Points are in pixels; rings that run the other way
// round are holes.
func (c *canvas) fill(rings [][]plot.Point, paint plot.Colour) {
	if paint.A <= 0 {
		return
	}
	low, high := plot.Point{X: math.Inf(1), Y: math.Inf(1)}, plot.Point{X: math.Inf(-1), Y: math.Inf(-1)}
	for _, ring := range rings {
		for _, p := range ring {
			low.X, low.Y = math.Min(low.X, p.X), math.Min(low.Y, p.Y)
			high.X, high.Y = math.Max(high.X, p.X), math.Max(high.Y, p.Y)
		}
	}
	at := image.Rect(int(math.Floor(low.X)), int(math.Floor(low.Y)), int(math.Ceil(high.X)), int(math.Ceil(high.Y))).Intersect(c.img.Bounds())
	if at.Empty() {
		return
	}
	c.cover.Reset(at.Dx(), at.Dy())
	x, y := float64(at.Min.X), float64(at.Min.Y)
	for _, ring := range rings {
		if len(ring) < 3 {
			continue
		}
		c.cover.MoveTo(float32(ring[0].X-x), float32(ring[0].Y-y))
		for _, p := range ring[1:] {
			c.cover.LineTo(float32(p.X-x), float32(p.Y-y))
		}
		c.cover.ClosePath()
	}
	src := image.NewUniform(color.NRGBA{paint.R, paint.G, paint.B, uint8(math.Round(255 * math.Min(1, paint.A)))})
	c.cover.Draw(c.img, at, src, image.Point{})
}

func (c *canvas) shape(s *plot.Shape) {
	parts := c.scaled(s.Parts)
	if s.Closed {
		c.fill(parts, s.Fill)
	}
	if s.Stroke.A <= 0 || s.Width <= 0 {
		return
	}
	var rings [][]plot.Point
	for _, part := range parts {
		for _, line := range c.dashes(part, s.Closed, s.Dash) {
			rings = append(rings, ribbon(line, s.Closed && len(s.Dash) == 0, s.Width*c.scale/2)...)
		}
	}
	c.fill(rings, s.Stroke)
}

func (c *canvas) dots(d *plot.Dots) {
	const corners = 24
	var rings [][]plot.Point
	for _, at := range d.At {
		ring := make([]plot.Point, corners)
		for i := range ring {
			s, k := math.Sincos(2 * math.Pi * float64(i) / corners)
			ring[i] = plot.Point{X: (at.X + d.Radius*k) * c.scale, Y: (at.Y + d.Radius*s) * c.scale}
		}
		rings = append(rings, ring)
	}
	c.fill(rings, d.Fill)
}

func (c *canvas) scaled(parts [][]plot.Point) [][]plot.Point {
	out := make([][]plot.Point, len(parts))
	for i, part := range parts {
		out[i] = make([]plot.Point, len(part))
		for k, p := range part {
			out[i][k] = plot.Point{X: p.X * c.scale, Y: p.Y * c.scale}
		}
	}
	return out
}
