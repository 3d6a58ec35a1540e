package simulate

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/cosmostat/constellation/pkg/sky"
)

const (
	pixelScale = 0.1 // arcsec

	// Gaps between CCDs as fractions of a CCD's sides: 19" and 71" at full size.
	gapX, gapY = 0.046, 0.172

	nominalTime, shortTime = 560.52, 89.52 // seconds of exposure
)

// exposure is one exposure of the focal plane.
type exposure struct {
	obs, dither, number int       // number 1 is nominal, 2 is short
	time                float64   // seconds
	start               time.Time // of the exposure
	pointing            sky.Coord
	pa                  float64 // of the focal plane's y axis, degrees from north to east
}

// String is the exposure as file names spell it, and the key of its random streams.
func (e exposure) String() string { return fmt.Sprintf("%06d-%02d-%d", e.obs, e.dither, e.number) }

// exposures are all exposures in the order of their names.
func (s Survey) exposures() []exposure {
	tiles := s.Tiles()
	begin := time.Date(2024, 3, 25, 2, 14, 6, 0, time.UTC)
	var all []exposure
	for o := range s.Observations {
		centre := sky.NewTangent(tiles[o%len(tiles)].Centre)
		for d := range s.Dithers {
			e := exposure{
				obs: s.FirstObs + o, dither: d, number: 1, time: nominalTime,
				start: begin.Add(time.Duration(o)*90*time.Minute + time.Duration(d)*1000*time.Second),
				pa:    s.PA + 3*float64(o),
			}
			// Steps a little longer than the gaps, so that no gap meets itself.
			dx := (float64(d) - float64(s.Dithers-1)/2) * 1.3 * gapX * s.ccdWidth()
			dy := (float64(d%2) - 0.5) * 1.3 * gapY * s.ccdHeight()
			if s.Dithers == 1 {
				dy = 0
			}
			xi, eta := turn(e.pa, dx, dy)
			e.pointing = centre.Deproject(sky.Offset{Xi: xi / 3600, Eta: eta / 3600})
			all = append(all, e)
			if d == 0 && o < s.Short {
				e.number, e.time, e.start = 2, shortTime, e.start.Add(700*time.Second)
				all = append(all, e)
			}
		}
	}
	return all
}

// turn rotates focal plane coordinates (x, y) into (xi, eta). At pa = 0, y
// points north and x west: seen from inside, the sky's handedness is negative.
func turn(pa, x, y float64) (xi, eta float64) {
	sin, cos := math.Sincos(pa * math.Pi / 180)
	return -cos*x + sin*y, sin*x + cos*y
}

// Sides of a CCD in arcsec.
func (s Survey) ccdWidth() float64  { return 2 * float64(s.Width) * pixelScale }
func (s Survey) ccdHeight() float64 { return 2 * float64(s.Height) * pixelScale }

// quadrant is a quarter of a CCD, which lies at row and column (from 1) of the focal plane.
type quadrant struct {
	row, col int
	letter   byte // E to H, counter-clockwise from the CCD's first pixel
}

// String is the quadrant's name, e.g. 3-4.F.
func (q quadrant) String() string { return fmt.Sprintf("%d-%d.%c", q.row, q.col, q.letter) }

// ccd is the CCD's name, e.g. 3-4.
func (q quadrant) ccd() string { return strconv.Itoa(q.row) + "-" + strconv.Itoa(q.col) }

// quadrants are all quadrants of the focal plane in the order of the files.
func (s Survey) quadrants() []quadrant {
	var all []quadrant
	for r := range s.CCDRows {
		for c := range s.CCDCols {
			for _, l := range []byte("EFGH") {
				all = append(all, quadrant{r + 1, c + 1, l})
			}
		}
	}
	return all
}

// rotated says whether the quadrant's CCD is mounted turned by 180 degrees:
// those in the second half of the columns are.
func (s Survey) rotated(q quadrant) bool { return 2*q.col > s.CCDCols+1 }

// place is where pixel (x, y) of a quadrant lies in the focal plane, in arcsec from its centre.
func (s Survey) place(q quadrant, x, y float64) (fx, fy float64) {
	if q.letter == 'F' || q.letter == 'G' {
		x += float64(s.Width)
	}
	if q.letter == 'G' || q.letter == 'H' {
		y += float64(s.Height)
	}
	x = (x - float64(s.Width) - 0.5) * pixelScale
	y = (y - float64(s.Height) - 0.5) * pixelScale
	if s.rotated(q) {
		x, y = -x, -y
	}
	fx = x + (float64(q.col)-float64(s.CCDCols+1)/2)*(1+gapX)*s.ccdWidth()
	fy = y + (float64(q.row)-float64(s.CCDRows+1)/2)*(1+gapY)*s.ccdHeight()
	return fx, fy
}

// field is [Survey.place] in units of the focal plane's half sides: both from -1 to 1.
func (s Survey) field(q quadrant, x, y float64) (fx, fy float64) {
	fx, fy = s.place(q, x, y)
	n, m := float64(s.CCDCols), float64(s.CCDRows)
	return fx / (s.ccdWidth() * (n + (n-1)*gapX) / 2), fy / (s.ccdHeight() * (m + (m-1)*gapY) / 2)
}

// reach is the angle in degrees from the pointing within which the focal plane lies.
func (s Survey) reach() float64 {
	n, m := float64(s.CCDCols), float64(s.CCDRows)
	return math.Hypot(s.ccdWidth()*(n+n*gapX), s.ccdHeight()*(m+m*gapY)) / 2 / 3600
}

// solution is a quadrant's astrometric solution: what its WCS keywords hold.
type solution struct {
	crval sky.Coord
	crpix [2]float64
	cd    [2][2]float64  // degrees per pixel
	pv    [2][11]float64 // by term; 0 and 3 are unused
}

// solve makes the solution of a quadrant of an exposure: a linear part that is
// exact at the reference pixel, and a cubic distortion on top of it, other for
// each quadrant, that moves the corners by up to half a pixel.
func (s Survey) solve(e exposure, q quadrant) solution {
	var w solution
	// A reference pixel off the centre, as fits of real frames have.
	r := random(s.Seed, "wcs", q.String())
	w.crpix = [2]float64{
		round(float64(s.Width)*(0.5+0.1*(r.Float64()-0.5)), 1e4),
		round(float64(s.Height)*(0.5+0.1*(r.Float64()-0.5)), 1e4),
	}
	plane := sky.NewTangent(e.pointing)
	at := func(x, y float64) sky.Coord {
		fx, fy := s.place(q, x, y)
		xi, eta := turn(e.pa, fx, fy)
		return plane.Deproject(sky.Offset{Xi: xi / 3600, Eta: eta / 3600})
	}
	w.crval = at(w.crpix[0], w.crpix[1])
	local := sky.NewTangent(w.crval)
	const step = 8 // pixels, for the derivative
	for axis, d := range [2][2]float64{{step, 0}, {0, step}} {
		low, _ := local.Project(at(w.crpix[0]-d[0], w.crpix[1]-d[1]))
		high, _ := local.Project(at(w.crpix[0]+d[0], w.crpix[1]+d[1]))
		w.cd[0][axis] = (high.Xi - low.Xi) / (2 * step)
		w.cd[1][axis] = (high.Eta - low.Eta) / (2 * step)
	}
	// Coefficients in degrees: half a side to the power of the order gives the
	// amplitude at an edge, so many pixels.
	half := float64(max(s.Width, s.Height)) / 2 * pixelScale / 3600
	pixel := pixelScale / 3600
	for i := range w.pv {
		amplitude := func(pixels float64) float64 { return pixels * pixel * (2*r.Float64() - 1) }
		w.pv[i][1] = 1 + 2e-4*(2*r.Float64()-1)
		w.pv[i][2] = 2e-4 * (2*r.Float64() - 1)
		for t := 4; t <= 6; t++ {
			w.pv[i][t] = amplitude(0.12) / (half * half)
		}
		for t := 7; t <= 10; t++ {
			w.pv[i][t] = amplitude(0.05) / (half * half * half)
		}
	}
	return w
}

func round(v, to float64) float64 { return math.Round(v*to) / to }
