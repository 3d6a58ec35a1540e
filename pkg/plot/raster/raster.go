// Package raster paints a page of package plot as a PNG, with letters from a
// font of its own, so that the same page gives the same bytes on every machine.
// It is apart from plot because of its size.
package raster

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"

	"git.sr.ht/~sbinet/gg"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

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
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	c := &canvas{Context: gg.NewContextForRGBA(img), img: img, scale: scale, faces: map[style]font.Face{}}
	c.SetColor(color.White)
	c.Clear()
	for _, m := range p.Marks {
		switch m := m.(type) {
		case *plot.Shape:
			c.shape(m)
		case *plot.Dots:
			c.dots(m)
		case *plot.Text:
			if err := c.text(m); err != nil {
				return nil, fmt.Errorf("write %q: %w", m.String, err)
			}
		}
	}
	return img, nil
}

type canvas struct {
	*gg.Context
	img   *image.RGBA
	scale float64
	faces map[style]font.Face
}

// style is what decides about a face, its size in pixels.
type style struct {
	size float64
	bold bool
}

func colour(p plot.Colour) color.NRGBA {
	return color.NRGBA{p.R, p.G, p.B, uint8(math.Round(255 * math.Min(1, math.Max(0, p.A))))}
}

func (c *canvas) shape(s *plot.Shape) {
	for _, part := range s.Parts {
		c.NewSubPath()
		for _, p := range part {
			c.LineTo(p.X*c.scale, p.Y*c.scale)
		}
		if s.Closed {
			c.ClosePath()
		}
	}
	if s.Closed && s.Fill.A > 0 {
		c.SetColor(colour(s.Fill))
		c.FillPreserve()
	}
	if s.Stroke.A > 0 && s.Width > 0 {
		c.SetColor(colour(s.Stroke))
		c.SetLineWidth(s.Width * c.scale)
		dash := make([]float64, len(s.Dash))
		for i, d := range s.Dash {
			dash[i] = math.Max(0.1, d*c.scale)
		}
		c.SetDash(dash...)
		if c.SetLineCapButt(); s.Closed && len(dash) == 0 { // where the ring begins there is a joint, too
			c.SetLineCapRound()
		}
		c.StrokePreserve()
	}
	c.ClearPath()
}

func (c *canvas) dots(d *plot.Dots) {
	for _, at := range d.At {
		c.DrawCircle(at.X*c.scale, at.Y*c.scale, d.Radius*c.scale)
	}
	c.SetColor(colour(d.Fill))
	c.Fill()
}

// text paints the halo under the letters: the same ones, moved all around.
func (c *canvas) text(t *plot.Text) error {
	face, err := c.face(style{t.Size * c.scale, t.Bold})
	if err != nil {
		return err
	}
	x, y := t.At.X*c.scale, t.At.Y*c.scale
	x -= float64(font.MeasureString(face, t.String)) / 64 * float64(t.Anchor) / 2
	write := func(p plot.Colour, dx, dy float64) {
		at := fixed.Point26_6{X: fixed.Int26_6(math.Round((x + dx) * 64)), Y: fixed.Int26_6(math.Round((y + dy) * 64))}
		d := font.Drawer{Dst: c.img, Src: image.NewUniform(colour(p)), Face: face, Dot: at}
		d.DrawString(t.String)
	}
	if t.Halo.A > 0 {
		const around = 24
		radius := plot.HaloWidth * c.scale / 2
		for i := range around {
			sin, cos := math.Sincos(2 * math.Pi * float64(i) / around)
			write(t.Halo, radius*cos, radius*sin)
		}
	}
	write(t.Fill, 0, 0)
	return nil
}

// face is one of the Go fonts' faces.
func (c *canvas) face(s style) (font.Face, error) {
	if f, ok := c.faces[s]; ok {
		return f, nil
	}
	parsed, err := parse(s.bold)
	if err != nil {
		return nil, err
	}
	f, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: s.size, DPI: 72, Hinting: font.HintingNone})
	c.faces[s] = f
	return f, err
}

func parse(bold bool) (*opentype.Font, error) {
	if bold {
		return opentype.Parse(gobold.TTF)
	}
	return opentype.Parse(goregular.TTF)
}
