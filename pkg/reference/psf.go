package reference

import (
	"math"
)

// The PSF product: 9 x 9 stamps of 21 x 21 pixels a quadrant.
const (
	stampGrid = 9
	stampSide = 21
	psfTerms  = 3
)

// psfImage is a quadrant's PSF stamps, and the mixture of their mean, from
// which the fits to single stamps start.
type psfImage struct {
	pixels        []float32
	width, height int // of the quadrant
	start         []float64
}

func newPSF(pixels []float32, width, height int) *psfImage {
	p := &psfImage{pixels: pixels, width: width, height: height}
	mean := make([]float64, stampSide*stampSide)
	for j := range stampGrid {
		for i := range stampGrid {
			p.add(mean, i, j, 1.0/(stampGrid*stampGrid))
		}
	}
	p.start = firstMixture(mean)
	return p
}

// firstMixture fits a stamp from several sizes, since least squares of mixtures
// have local minima: a core of VIS's size with the pixel in it, a skirt, and
// wings, all of the shape that the core's moments have.
func firstMixture(stamp []float64) []float64 {
	total, shape := 0.0, moments(stamp)
	for _, v := range stamp {
		total += v
	}
	var best []float64
	least := math.Inf(1)
	for _, size := range []float64{1, 0.8, 1.25, 1.5} {
		start := make([]float64, 0, 6*psfTerms)
		for _, t := range [psfTerms][2]float64{{0.7, 0.8}, {0.2, 2}, {0.1, 8}} {
			start = append(start, t[0]*total, 0, 0, 2*math.Log(t[1]*size), shape[0], shape[1])
		}
		s := newSystem(6 * psfTerms)
		minimize(&stampFit{pixels: stamp}, start, s, 1e-12*square(stamp), 200)
		if s.chi2 < least {
			best, least = start, s.chi2
		}
		if least < 1e-8*square(stamp) {
			break
		}
	}
	return best
}

// moments is (b, c) of [ellipse] of a stamp's core, under a window of 2 pixels.
func moments(stamp []float64) [2]float64 {
	var xx, xy, yy float64
	for i, v := range stamp {
		x, y := float64(i%stampSide-stampSide/2), float64(i/stampSide-stampSide/2)
		v *= math.Exp(-(x*x + y*y) / 8)
		xx, xy, yy = xx+v*x*x, xy+v*x*y, yy+v*y*y
	}
	if !(xx > 0 && yy > 0) {
		return [2]float64{}
	}
	return [2]float64{(xx - yy) / (xx + yy), 2 * xy / (xx + yy)}
}

func square(v []float64) (sum float64) {
	for _, x := range v {
		sum += x * x
	}
	return sum
}

// add adds so much of stamp (i, j).
func (p *psfImage) add(to []float64, i, j int, weight float64) {
	const side = stampGrid * stampSide
	for row := range stampSide {
		from := p.pixels[(j*stampSide+row)*side+i*stampSide:][:stampSide]
		for k, v := range from {
			to[row*stampSide+k] += weight * float64(v)
		}
	}
}

// stamp is the PSF at a pixel of the quadrant: bilinear between the stamps
// around it, each of which stands in the middle of its ninth, and continued
// beyond the outermost.
func (p *psfImage) stamp(x, y float64) []float64 {
	i, fx := cell(x, p.width)
	j, fy := cell(y, p.height)
	out := make([]float64, stampSide*stampSide)
	p.add(out, i, j, (1-fx)*(1-fy))
	p.add(out, i+1, j, fx*(1-fy))
	p.add(out, i, j+1, (1-fx)*fy)
	p.add(out, i+1, j+1, fx*fy)
	return out
}

// cell is the stamp before a position, and how far on the way to the next one it is.
func cell(x float64, n int) (i int, fraction float64) {
	at := (x-0.5)/float64(n)*stampGrid - 0.5
	i = min(max(int(math.Floor(at)), 0), stampGrid-2)
	return i, at - float64(i)
}

// at is the PSF at a pixel of the quadrant as a mixture around (0, 0), and the
// root mean square of what it misses, over the PSF's own. The mixture has the
// stamps' normalization: what they hold of the flux, and the wings beyond them.
func (p *psfImage) at(x, y float64) (terms [psfTerms]gaussian, miss float64, ok bool) {
	stamp := p.stamp(x, y)
	fit, s := append([]float64(nil), p.start...), newSystem(6*psfTerms)
	power := square(stamp)
	minimize(&stampFit{pixels: stamp}, fit, s, 1e-10*power, 60)
	flux := 0.0
	for i := range terms {
		q := fit[6*i:]
		m, _ := ellipse{q[3], q[4], q[5]}.covariance()
		terms[i] = gaussian{q[0], q[1], q[2], m[0], m[1], m[2]}
		flux += q[0]
	}
	return terms, math.Sqrt(s.chi2 / power), flux > 0
}

// stampFit fits a mixture to a stamp, all pixels alike. Parameters of each
// term: flux, centre from the middle pixel, log covariance.
type stampFit struct{ pixels []float64 }

func (f *stampFit) confine(p []float64) {
	for i := range psfTerms {
		q := p[6*i : 6*i+6]
		q[0] = max(q[0], 0)
		for j := 1; j <= 2; j++ {
			q[j] = min(max(q[j], -3), 3)
		}
		q[3] = min(max(q[3], 2*math.Log(0.3)), 2*math.Log(15))
		q[4], q[5] = min(max(q[4], -1), 1), min(max(q[5], -1), 1)
	}
}

func (f *stampFit) evaluate(p []float64, s *system) {
	s.clear()
	var inverse [psfTerms][3]float64
	var slopes [psfTerms][3][3]float64
	var norm [psfTerms]float64
	for k := range psfTerms {
		q := p[6*k:]
		m, d := ellipse{q[3], q[4], q[5]}.covariance()
		det := m[0]*m[2] - m[1]*m[1]
		inverse[k] = [3]float64{m[2] / det, -m[1] / det, m[0] / det}
		slopes[k], norm[k] = d, 1/(2*math.Pi*math.Sqrt(det))
	}
	var g [6 * psfTerms]float64
	for i, v := range f.pixels {
		x, y := float64(i%stampSide-stampSide/2), float64(i/stampSide-stampSide/2)
		model := 0.0
		for k := range psfTerms {
			q, a, out := p[6*k:6*k+6], &inverse[k], g[6*k:6*k+6]
			dx, dy := x-q[1], y-q[2]
			tx, ty := a[0]*dx+a[1]*dy, a[1]*dx+a[2]*dy
			unit := norm[k] * math.Exp(-0.5*(dx*tx+dy*ty))
			value := q[0] * unit
			model += value
			out[0], out[1], out[2] = unit, value*tx, value*ty
			xx, xy, yy := 0.5*value*(tx*tx-a[0]), value*(tx*ty-a[1]), 0.5*value*(ty*ty-a[2])
			for j, d := range slopes[k] {
				out[3+j] = xx*d[0] + xy*d[1] + yy*d[2]
			}
		}
		s.add(v-model, 1, g[:])
	}
	s.mirror()
}
