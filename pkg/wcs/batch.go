package wcs

import (
	"math"

	"github.com/cosmostat/constellation/pkg/sky"
)

// Pixel is a pixel position: the first pixel's centre is (1, 1).
type Pixel struct{ X, Y float64 }

// ToSkyBatch appends to dst the directions that pixel positions show. It
// allocates nothing where dst has room for them.
func (w *WCS) ToSkyBatch(dst []sky.Coord, pixels []Pixel) []sky.Coord {
	for _, p := range pixels {
		dst = append(dst, w.ToSky(p.X, p.Y))
	}
	return dst
}

// ToPixelBatch appends to dst the pixel positions that show directions, and
// counts those that no pixel shows (see [WCS.ToPixel]): their position is NaN.
// It allocates nothing where dst has room, failures or not.
func (w *WCS) ToPixelBatch(dst []Pixel, directions []sky.Coord) (pixels []Pixel, missed int) {
	for _, c := range directions {
		x, y, reason := w.pixel(c)
		if reason != "" {
			x, y = math.NaN(), math.NaN()
			missed++
		}
		dst = append(dst, Pixel{x, y})
	}
	return dst, missed
}
