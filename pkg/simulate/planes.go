package simulate

import (
	"fmt"
	"math"
	"slices"

	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/wcs"
)

// Bits of FLG.
const (
	flagInvalid    = 1 << 0 // the one to mask by: set along with what spoils a pixel
	flagHot        = 1 << 1
	flagSaturated  = 1 << 3
	flagCosmic     = 1 << 4
	flagEdge       = 1 << 6
	flagBadColumn  = 1 << 7
	flagStarSignal = 1 << 18
	flagObjects    = 1 << 24
)

// sight is one quadrant of one exposure: what it takes to fill its pixels.
type sight struct {
	Survey
	e       exposure
	q       quadrant
	sources []*source // at least all that reach into it
}

// background is the sky's level in ADU: 22.35 mag/arcsec^2, a little other in
// each exposure and with a gradient over the field of view.
func (v sight) background(x, y float64) float64 {
	r := random(v.Seed, "sky", v.e.String())
	level, slope, tilt := 43*(1+0.04*r.NormFloat64()), 0.01*r.NormFloat64(), 0.01*r.NormFloat64()
	fx, fy := v.field(v.q, x, y)
	return level * v.e.time / nominalTime * (1 + slope*fx + tilt*fy)
}

// slope is the background's plane over the quadrant, which it is to far below
// a photon: its value at the first pixel and its steps in x and y.
func (v sight) slope() (corner, dx, dy float64) {
	corner = v.background(1, 1)
	dx = (v.background(float64(v.Width), 1) - corner) / float64(v.Width-1)
	dy = (v.background(1, float64(v.Height)) - corner) / float64(v.Height-1)
	return corner, dx, dy
}

// backgrounds is the BKG image.
func (v sight) backgrounds() []float32 {
	corner, dx, dy := v.slope()
	image := make([]float32, v.Width*v.Height)
	for y := range v.Height {
		row, start := image[y*v.Width:(y+1)*v.Width], corner+float64(y)*dy
		for x := range row {
			row[x] = float32(start + float64(x)*dx)
		}
	}
	return image
}

// level is the background's median over the quadrant, which is its value in
// the middle, and the median absolute deviation, from a grid of samples.
func (v sight) level() (median, deviation float64) {
	corner, dx, dy := v.slope()
	dx, dy = dx*float64(v.Width-1), dy*float64(v.Height-1)
	const n = 32
	var sample []float64
	for i := range n * n {
		sample = append(sample, math.Abs(dx*(float64(i%n)/(n-1)-0.5)+dy*(float64(i/n)/(n-1)-0.5)))
	}
	slices.Sort(sample)
	return round(corner+(dx+dy)/2, 1e6), round(sample[len(sample)/2], 1e6)
}

// defects are the detector's own flaws, the same in all exposures: hot pixels and bad columns.
func (v sight) defects() []int32 {
	flags := make([]int32, v.Width*v.Height)
	r := random(v.Seed, "defects", v.q.String())
	for range 2 + poisson(r, 2e-5*float64(len(flags))) {
		flags[r.IntN(len(flags))] |= flagHot | flagInvalid
	}
	for range poisson(r, 0.3) {
		x, from := r.IntN(v.Width), r.IntN(v.Height)
		for y := from; y < v.Height; y++ {
			flags[y*v.Width+x] |= flagBadColumn | flagInvalid
		}
	}
	return flags
}

// weights is the WGT image: the small-scale flat field, and 0 where the detector is of no use.
func (v sight) weights() []float32 {
	flags := v.defects()
	r := random(v.Seed, "flat", v.q.String())
	image := make([]float32, len(flags))
	for i, f := range flags {
		if f&flagInvalid == 0 {
			image[i] = float32(1 + 0.008*r.NormFloat64())
		}
	}
	return image
}

// scene is the sources' image in ADU, without sky and noise, and marks pixels near bright stars.
func (v sight) scene(flags []int32) (*canvas, error) {
	h := v.extension(v.e, v.q, v.q.String()+".SCI", "ADU", -32)
	w, err := wcs.New(h)
	if err != nil {
		return nil, fmt.Errorf("quadrant %s of %s: %w", v.q, v.e, err)
	}
	_, zero := v.zeropoint(v.e)
	perMicrojansky := v.e.time * math.Pow(10, 0.4*(zero-23.9))
	c := newCanvas(1, 1, v.Width, v.Height)
	for _, src := range v.sources {
		x, y, err := w.ToPixel(src.sky)
		if err != nil {
			continue // far off this quadrant: not in its plane
		}
		c.draw(src, src.flux*perMicrojansky, x, y, w.Jacobian(x, y), v.psf(v.q, x, y))
		if src.kind == star && src.magnitude() < 19.5 {
			c.mark(flags, flagStarSignal, x, y, 30*math.Pow(10, -0.15*(src.magnitude()-17)))
		}
	}
	return c, nil
}

// mark sets a flag within a radius of a place.
func (c *canvas) mark(flags []int32, flag int32, x, y, radius float64) {
	x1, x2 := window(x, radius, c.x0, c.width)
	y1, y2 := window(y, radius, c.y0, c.height)
	for py := y1; py < y2; py++ {
		for px := x1; px < x2; px++ {
			if math.Hypot(float64(px)-x, float64(py)-y) <= radius {
				flags[(py-c.y0)*c.width+px-c.x0] |= flag
			}
		}
	}
}

// expose makes SCI, RMS and FLG: sources on the sky, with the noise of photons
// and read-out that RMS states, cosmic rays, saturation and the detector's flaws.
func (v sight) expose() (sci, rms []float32, flg []int32, err error) {
	flg = v.defects()
	c, err := v.scene(flg)
	if err != nil {
		return nil, nil, nil, err
	}
	sci = v.backgrounds()
	rms = make([]float32, len(sci))
	cam := v.camera(v.q)
	read := cam.noise * cam.noise / (cam.gain * cam.gain)
	r := random(v.Seed, "noise", v.e.String(), v.q.String())
	for i, model := range c.pixels {
		if float64(model)*cam.gain > 5 {
			flg[i] |= flagObjects
		}
		level := float64(sci[i]) + float64(model)
		sigma := math.Sqrt(level/cam.gain + read)
		value := level + sigma*r.NormFloat64()
		if flg[i]&flagHot != 0 {
			value += 2000 * (1 + r.Float64())
		}
		if flg[i]&flagBadColumn != 0 {
			value = level * 0.2
		}
		if value >= saturation {
			value = saturation
			flg[i] |= flagSaturated | flagInvalid
		}
		sci[i], rms[i] = float32(value), float32(sigma)
	}
	v.cosmics(sci, flg)
	for x := range v.Width {
		flg[x] |= flagEdge
		flg[len(flg)-1-x] |= flagEdge
	}
	for y := range v.Height {
		flg[y*v.Width] |= flagEdge
		flg[(y+1)*v.Width-1] |= flagEdge
	}
	return sci, rms, flg, nil
}

// cosmics strikes the image with tracks of cosmic rays: 300 for a full-size
// quadrant in a nominal exposure.
func (v sight) cosmics(sci []float32, flg []int32) {
	r := random(v.Seed, "cosmics", v.e.String(), v.q.String())
	mean := 300 * float64(len(sci)) / (2048 * 2066) * v.e.time / nominalTime
	for range 1 + poisson(r, mean) {
		x, y := r.Float64()*float64(v.Width), r.Float64()*float64(v.Height)
		sin, cos := math.Sincos(2 * math.Pi * r.Float64())
		energy, length := 150*math.Exp(1.2*r.NormFloat64()), 1+int(math.Round(-8*math.Log(1-r.Float64())))
		for range length {
			px, py := int(math.Floor(x)), int(math.Floor(y))
			if px < 0 || py < 0 || px >= v.Width || py >= v.Height {
				break
			}
			i := py*v.Width + px
			sci[i] = min(sci[i]+float32(energy*(0.5+r.Float64())), saturation)
			flg[i] |= flagCosmic | flagInvalid
			x, y = x+cos, y+sin
		}
	}
}

// encode makes an HDU of a header and float pixels.
func encode(h *fits.Header, pixels []float32) (piece, error) {
	return hdu(h, 4*len(pixels), func(b []byte) []byte { return fits.AppendFloat32(b, pixels) })
}

// encodeInts makes an HDU of a header and integer pixels.
func encodeInts(h *fits.Header, pixels []int32) (piece, error) {
	return hdu(h, 4*len(pixels), func(b []byte) []byte { return fits.AppendInt32(b, pixels) })
}

func hdu(h *fits.Header, size int, data func([]byte) []byte) (piece, error) {
	if err := h.Err(); err != nil {
		return piece{}, err
	}
	header := h.Encode()
	total := len(header) + int(fits.Pad(int64(size)))
	b := append(make([]byte, 0, total), header...)
	return piece{bytes: data(b)[:total]}, nil
}
