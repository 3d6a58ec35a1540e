package reference

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/survey"
	"github.com/cosmostat/constellation/pkg/wcs"
)

// files are the open FITS files of a sub-tile, each once, with their HDUs by
// name. Reads at a place of them may run at the same time.
type files struct {
	dir  string
	mu   sync.Mutex
	open map[string]*file
}

type file struct {
	*os.File
	path    string
	primary *fits.HDU
	hdus    map[string]*fits.HDU
}

func (f *files) close() {
	for _, o := range f.open {
		o.Close()
	}
}

// get opens a file of the sub-tile.
func (f *files) get(name string) (*file, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o, ok := f.open[name]; ok {
		return o, nil
	}
	path := filepath.Join(f.dir, name)
	if !filepath.IsLocal(name) {
		return nil, fault.Data(CodeSubTile, "%q is not a path below the sub-tile's directory", name).On(f.dir).Fix("give it the local manifest, %s", survey.LocalManifestFile)
	}
	h, err := os.Open(path)
	if err != nil {
		return nil, fault.Data(CodeSubTile, "%w", err).On(path).Fix("prepare the tile again")
	}
	o := &file{File: h, path: path, hdus: map[string]*fits.HDU{}}
	f.open[name] = o
	info, err := h.Stat()
	if err != nil {
		return nil, err
	}
	err = fits.Scan(h, info.Size(), func(u *fits.HDU) (bool, error) {
		if u.Index == 0 {
			o.primary = u
		}
		if u.Name != "" {
			o.hdus[u.Name] = u
		}
		return true, nil
	})
	return o, on(err, path)
}

// on names the file of an error that has none.
func on(err error, path string) error {
	var e *fault.Error
	if errors.As(err, &e) && e.Object == "" {
		e.Object = path
	}
	return err
}

// plane is one image in a file: 32 bits a pixel.
type plane struct {
	*file
	hdu         *fits.HDU
	nx, ny      int
	scale, zero float64 // BSCALE and BZERO: a pixel is zero + scale times what is stored
}

// plane finds an image by the name of its extension.
func (f *files) plane(name, extension string, bitpix int64) (*plane, error) {
	o, err := f.get(name)
	if err != nil {
		return nil, err
	}
	h, ok := o.hdus[extension]
	if !ok {
		return nil, fault.Data(CodeSubTile, "there is no extension %s", extension).On(o.path).Fix("prepare the tile again")
	}
	p := &plane{file: o, hdu: h}
	for _, k := range []struct {
		key       string
		low, high int64
		to        *int
	}{{"BITPIX", bitpix, bitpix, nil}, {"NAXIS", 2, 2, nil}, {"NAXIS1", 1, 1 << 20, &p.nx}, {"NAXIS2", 1, 1 << 20, &p.ny}} {
		v, err := h.Header.Int(k.key)
		if err != nil {
			return nil, on(err, o.path)
		}
		if v < k.low || v > k.high {
			return nil, fault.Data(CodeSubTile, "%s is %d, which no image of this kind has", k.key, v).On(o.path).At("%s", h).
				Fix("ask who made the file for one as the survey describes it, or leave the exposure out")
		}
		if k.to != nil {
			*k.to = int(v)
		}
	}
	return p, on(p.readScale(bitpix), o.path)
}

// readScale reads what turns stored pixels into values. Flags are bits, which
// nothing may turn into others; BLANK is of integers only.
func (p *plane) readScale(bitpix int64) (err error) {
	p.scale, p.zero = 1, 0
	for _, k := range []struct {
		key string
		to  *float64
	}{{"BSCALE", &p.scale}, {"BZERO", &p.zero}} {
		if p.hdu.Header.Has(k.key) {
			if *k.to, err = p.hdu.Header.Float(k.key); err != nil {
				return err
			}
		}
	}
	const remedy = "ask who made the file for one as the survey describes it, or leave the exposure out"
	switch {
	case p.scale == 0:
		return fault.Data(CodeSubTile, "BSCALE is 0, which leaves nothing of the pixels").At("%s, BSCALE", p.hdu).Fix(remedy)
	case bitpix > 0 && (p.scale != 1 || p.zero != 0):
		return fault.Data(CodeSubTile, "BSCALE %v and BZERO %v of flags: bits can't be scaled", p.scale, p.zero).At("%s, BZERO", p.hdu).Fix(remedy)
	case bitpix > 0 && p.hdu.Header.Has("BLANK"):
		return fault.Data(CodeSubTile, "flags have BLANK: they say that a pixel is invalid by a bit").At("%s, BLANK", p.hdu).Fix(remedy)
	}
	return nil
}

// decode turns stored pixels into values.
func (p *plane) decode(raw []byte, to []float32) {
	fits.DecodeFloat32(raw, to)
	if p.scale == 1 && p.zero == 0 {
		return
	}
	for i, v := range to {
		to[i] = float32(p.zero + p.scale*float64(v))
	}
}

// rows reads part of some rows, raw, one after the other. x and y count from 0.
func (p *plane) rows(to []byte, x, y, nx, ny int) ([]byte, error) {
	if need := 4 * nx * ny; cap(to) < need {
		to = make([]byte, need)
	} else {
		to = to[:need]
	}
	for i := range ny {
		at := p.hdu.DataOffset() + 4*(int64(y+i)*int64(p.nx)+int64(x))
		if _, err := p.ReadAt(to[4*nx*i:4*nx*(i+1)], at); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fault.Data(CodeSubTile, "read pixels: %w", err).On(p.path).At("%s", p.hdu)
		}
	}
	return to, nil
}

// quadrant is one quadrant of one exposure, opened.
type quadrant struct {
	exposure           string // observation, dither and number
	name               string
	sci, rms, flg, bkg *plane
	wcs                *wcs.WCS
	scale              float64 // ADU a uJy
	psf                *psfImage
}

// quadrant opens a quadrant of the manifest.
func (f *files) quadrant(m manifest.Quadrant) (*quadrant, error) {
	q := &quadrant{exposure: m.Obs + "_" + m.Dither + "_" + m.CCD, name: m.Quadrant}
	var psf *plane
	for _, p := range []struct {
		to              **plane
		file, extension string
		bitpix          int64
	}{
		{&q.sci, m.SCI, m.Quadrant + ".SCI", -32}, {&q.rms, m.RMS, m.Quadrant + ".RMS", -32},
		{&q.flg, m.FLG, m.Quadrant + ".FLG", 32}, {&q.bkg, m.BKG, m.Quadrant, -32}, {&psf, m.PSF, m.Quadrant, -32},
	} {
		var err error
		if *p.to, err = f.plane(p.file, p.extension, p.bitpix); err != nil {
			return nil, err
		}
	}
	for _, p := range []*plane{q.rms, q.flg, q.bkg} {
		if p.nx != q.sci.nx || p.ny != q.sci.ny {
			return nil, fault.Data(CodeSubTile, "%d x %d pixels, the image has %d x %d", p.nx, p.ny, q.sci.nx, q.sci.ny).On(p.path).At("%s", p.hdu)
		}
	}
	const side = stampGrid * stampSide
	if psf.nx != side || psf.ny != side {
		return nil, fault.Data(CodeSubTile, "%d x %d pixels, not %d x %d stamps of %d x %d", psf.nx, psf.ny, stampGrid, stampGrid, stampSide, stampSide).On(psf.path).At("%s", psf.hdu)
	}
	raw, err := psf.rows(nil, 0, 0, side, side)
	if err != nil {
		return nil, err
	}
	pixels := make([]float32, side*side)
	psf.decode(raw, pixels)
	for i, v := range pixels {
		if v != v || math.IsInf(float64(v), 0) {
			return nil, fault.Data(CodeSubTile, "pixel %d is not finite", i).On(psf.path).At("%s", psf.hdu)
		}
	}
	q.psf = newPSF(pixels, q.sci.nx, q.sci.ny)
	if q.wcs, err = wcs.New(q.sci.hdu.Header); err != nil {
		return nil, on(err, q.sci.path)
	}
	q.scale, err = q.sci.fluxScale(m.ExpTime)
	return q, err
}

// fluxScale is ADU a uJy: m_AB = -2.5 log10(ADU) + MAGZEROP + 2.5 log10(EXPTIME)
// = 23.9 - 2.5 log10(uJy). Keywords that an extension lacks stand in the
// primary header; the manifest has the exposure time, too.
func (p *plane) fluxScale(exposureTime float64) (float64, error) {
	value := func(key string) (float64, error) {
		h := p.hdu.Header
		if !h.Has(key) && p.primary != nil {
			h = p.primary.Header
		}
		return h.Float(key)
	}
	zero, err := value("MAGZEROP")
	if err != nil {
		return 0, on(err, p.path)
	}
	seconds, err := value("EXPTIME")
	if err != nil {
		if seconds = exposureTime; !(seconds > 0) {
			return 0, on(err, p.path)
		}
	}
	scale := seconds * math.Pow(10, 0.4*(zero-23.9))
	if !(scale > 0) || math.IsInf(scale, 0) {
		return 0, fault.Data(CodeSubTile, "MAGZEROP %g and EXPTIME %g make no flux scale", zero, seconds).On(p.path).At("%s", p.hdu)
	}
	return scale, nil
}

// stamp is the pixels around a source in a quadrant: background-subtracted
// values in ADU, and their inverse variance, 0 where a pixel is masked.
type stamp struct {
	x0, y0, nx, ny int // first pixel, in FITS's counting
	value, weight  []float64
	masked         float64 // fraction of the pixels
}

// flagInvalid is the bit of FLG to mask by.
const flagInvalid = 1

// buffers are what reading stamps takes, to be used again.
type buffers struct {
	raw            []byte
	sci, rms, back []float32
	flags          []int32
}

// read fills a stamp from the window whose place it has.
func (q *quadrant) read(s *stamp, b *buffers) error {
	n := s.nx * s.ny
	s.value, s.weight = zeros(s.value, n), zeros(s.weight, n)
	for _, p := range []struct {
		plane *plane
		to    *[]float32
	}{{q.sci, &b.sci}, {q.rms, &b.rms}, {q.bkg, &b.back}} {
		raw, err := p.plane.rows(b.raw, s.x0-1, s.y0-1, s.nx, s.ny)
		if err != nil {
			return err
		}
		b.raw = raw
		if cap(*p.to) < n {
			*p.to = make([]float32, n)
		}
		*p.to = (*p.to)[:n]
		p.plane.decode(raw, *p.to)
	}
	raw, err := q.flg.rows(b.raw, s.x0-1, s.y0-1, s.nx, s.ny)
	if err != nil {
		return err
	}
	if b.raw = raw; cap(b.flags) < n {
		b.flags = make([]int32, n)
	}
	b.flags = b.flags[:n]
	fits.DecodeInt32(raw, b.flags)
	masked := 0
	for i := range n {
		v, sigma := float64(b.sci[i])-float64(b.back[i]), float64(b.rms[i])
		w := 1 / (sigma * sigma)
		if b.flags[i]&flagInvalid != 0 || !(sigma > 0) || !(w > 0) || math.IsInf(w, 0) || math.IsNaN(v) || math.IsInf(v, 0) {
			masked++
			continue
		}
		s.value[i], s.weight[i] = v, w
	}
	s.masked = float64(masked) / float64(n)
	return nil
}

// openQuadrants opens all quadrants of the manifest, the PSFs' mean mixtures
// fitted by as many goroutines as there are workers.
func openQuadrants(dir string, m *manifest.Manifest, each func(n int, work func(i int) error) error) (*files, []*quadrant, error) {
	f := &files{dir: dir, open: map[string]*file{}}
	quadrants := make([]*quadrant, len(m.Quadrants))
	err := each(len(m.Quadrants), func(i int) error {
		q := m.Quadrants[i]
		var err error
		quadrants[i], err = f.quadrant(q)
		if err != nil {
			return fmt.Errorf("quadrant %s of exposure %s_%s_%s: %w", q.Quadrant, q.Obs, q.Dither, q.CCD, err)
		}
		return nil
	})
	if err != nil {
		f.close()
		return nil, nil, err
	}
	return f, quadrants, nil
}
