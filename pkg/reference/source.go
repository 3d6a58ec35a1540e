package reference

import (
	"math"

	"github.com/cosmostat/constellation/pkg/sky"
)

// Parameters of a source, in this order: offset from the catalogue's position
// along u and v in arcsec, flux in uJy, and the log covariance of [ellipse] in
// (u, v), with the half-light radius in arcsec.
const parameters = 6

type model struct {
	u, v, flux float64
	shape      ellipse
}

func (m *model) vector() []float64 {
	return []float64{m.u, m.v, m.flux, m.shape.a, m.shape.b, m.shape.c}
}

func modelOf(p []float64) model {
	return model{p[0], p[1], p[2], ellipse{p[3], p[4], p[5]}}
}

// Bounds of the parameters. Fits that end at one are flagged.
const (
	smallest = 0.005 // half-light radius in arcsec
	largest  = 4.0
	furthest = 1.0 // from the catalogue's position, arcsec
	extreme  = 3.0 // hypot(b, c): an ellipticity of 0.905, an axis ratio of 1 to 20
)

// source is a row of the catalogue that is fitted, and what it looks like so far.
type source struct {
	id      int64
	pos     sky.Coord
	core    bool
	flags   int32  // by the catalogue
	guess   model  // by the catalogue
	half    int    // half side of its stamps, pixels
	near    []near // sources whose light may reach its stamps
	views   []view
	covered int // exposures
}

// near is another source and its offset along u and v, arcsec.
type near struct {
	index int
	u, v  float64
}

// view is a source in a quadrant of an exposure: the local frame around it.
type view struct {
	quadrant int
	x, y     float64       // of the catalogue's position, FITS pixels
	turn     [2][2]float64 // d(x, y)/d(u, v), pixels an arcsec
	scale    float64       // ADU a uJy
	psf      [psfTerms]gaussian
	miss     float64 // of the PSF's mixture
	window   stamp   // place only
}

// newView sets the local frame: the inverse of the WCS's Jacobian, whose xi
// points east, against u.
func newView(index int, q *quadrant, x, y float64) (view, bool) {
	j := q.wcs.Jacobian(x, y)
	det := j[0][0]*j[1][1] - j[0][1]*j[1][0]
	v := view{quadrant: index, x: x, y: y, scale: q.scale, turn: [2][2]float64{
		{-j[1][1] / det, -j[0][1] / det},
		{j[1][0] / det, j[0][0] / det},
	}}
	var ok bool
	v.psf, v.miss, ok = q.psf.at(x, y)
	return v, ok
}

// place is where a model of unit flux lies: pixel position and covariance.
func (v *view) place(u, w float64, m [3]float64) (x, y, xx, xy, yy float64) {
	t := &v.turn
	x, y = v.x+t[0][0]*u+t[0][1]*w, v.y+t[1][0]*u+t[1][1]*w
	c := v.rotate(m)
	return x, y, c[0], c[1], c[2]
}

// rotate takes a covariance from (u, v) to pixels: T M T'.
func (v *view) rotate(m [3]float64) [3]float64 {
	t := &v.turn
	return [3]float64{
		t[0][0]*t[0][0]*m[0] + 2*t[0][0]*t[0][1]*m[1] + t[0][1]*t[0][1]*m[2],
		t[0][0]*t[1][0]*m[0] + (t[0][0]*t[1][1]+t[0][1]*t[1][0])*m[1] + t[0][1]*t[1][1]*m[2],
		t[1][0]*t[1][0]*m[0] + 2*t[1][0]*t[1][1]*m[1] + t[1][1]*t[1][1]*m[2],
	}
}

// Fit is what was measured of one source.
type Fit struct {
	model
	ID         int64
	Covariance []float64 // 6 x 6, of (u, v, flux, a, b, c); nil where there is none
	E          [2]float64
	EErr       [2]float64
	SNR        float64 // of the model in the noise: sqrt(sum (m/sigma)^2)
	Chi2       float64
	DOF        int
	Exposures  int
	Masked     float64 // fraction of the pixels
	Flags      int32

	disturbed bool // neighbours matter: to be fitted again when they are known better

	RoundErr float64 // error of a component of E if the source were round
	RoundSNR float64
}

// Radius is the half-light radius in arcsec, of the circle of equal area.
func (f *Fit) Radius() float64 { return f.shape.radius() }

// Flux in uJy, and Offset from the catalogue's position along u and v in arcsec.
func (f *Fit) Flux() float64             { return f.flux }
func (f *Fit) Offset() (du, dv float64)  { return f.u, f.v }
func (f *Fit) err(parameter int) float64 { return math.Sqrt(f.Covariance[(parameters+1)*parameter]) }
func (f *Fit) has(flags int32) bool      { return f.Flags&flags != 0 }
func (f *Fit) set(flag int32, set bool) {
	if set {
		f.Flags |= flag
	}
}
