package simulate

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/sky"
)

// Sizes of headers in blocks of 2880 bytes, as Q1 files have them.
const (
	primaryBlocks   = 6
	extensionBlocks = 3
	mosaicBlocks    = 2
)

// fill adds comments to a header that is shorter than so many blocks.
func fill(h *fits.Header, blocks int) *fits.Header {
	const perBlock = fits.Block / 80
	used := (len(bytes.TrimRight(h.Encode(), " ")) + 79) / 80
	for ; used <= (blocks-1)*perBlock; used++ {
		h.Comment("")
	}
	return h
}

// camera is what the keywords say of a quadrant's electronics.
type camera struct {
	gain  float64 // e-/ADU
	noise float64 // of the read-out, e-
}

func (s Survey) camera(q quadrant) camera {
	r := random(s.Seed, "camera", q.String())
	return camera{round(3.48+0.04*(2*r.Float64()-1), 1e4), round(3.2+0.3*r.Float64(), 1e4)}
}

// saturation of a pixel in ADU.
const saturation = 65000

// zeropoint is the AB magnitude of 1 ADU/s in an observation: MAGZEROP, which
// Euclid writes as a string.
func (s Survey) zeropoint(e exposure) (text string, value float64) {
	r := random(s.Seed, "zeropoint", strconv.Itoa(e.obs))
	text = strconv.FormatFloat(24.56605+0.01*(2*r.Float64()-1), 'f', 5, 64)
	value, _ = strconv.ParseFloat(text, 64)
	return text, value
}

// primary is the first header of a VIS file of an exposure.
func (s Survey) primary(e exposure, product, name string, processed time.Time, software string) *fits.Header {
	zero, _ := s.zeropoint(e)
	mjd := float64(e.start.UnixMicro())/86400e6 + 40587
	h := fits.NewPrimary().
		SetText("TELESCOP", "Euclid", "").
		SetText("INSTRUME", "VIS", "").
		SetText("ORIGIN", "simulation", "not an observation").
		SetText("FILENAME", name, "").
		SetText("DATE", processed.Format("2006-01-02T15:04:05.000"), "when this file was made").
		SetText("PRODUCT", product, "kind of this file").
		SetText("SOFTNAME", "constellation simulate", "").
		SetText("SOFTVERS", software, "").
		SetInt("OBS_ID", int64(e.obs), "observation").
		SetInt("DITHOBS", int64(s.ditherOf(e)), "dither of the observation, from 0").
		SetInt("EXPNUM", int64(e.number), "exposure of the dither: 1 nominal, 2 short").
		SetInt("PTGID", int64(20000+4*e.obs+e.dither), "pointing").
		SetText("OBSMODE", "WIDE", "").
		SetFloat("EXPTIME", e.time, "[s]").
		SetText("DATE-OBS", e.start.Format("2006-01-02T15:04:05.000"), "start of the exposure").
		SetFloat("MJD-OBS", round(mjd, 1e9), "start of the exposure").
		SetText("TIMESYS", "UTC", "").
		SetFloat("RA", round(e.pointing.RA, 1e9), "[deg] of the pointing").
		SetFloat("DEC", round(e.pointing.Dec, 1e9), "[deg] of the pointing").
		SetFloat("PA", e.pa, "[deg] of the focal plane's y axis, north to east").
		SetText("RADESYS", "ICRS", "").
		SetText("MAGZEROP", zero, "AB magnitude of 1 ADU/s").
		SetInt("N_CCD", int64(s.CCDRows*s.CCDCols), "").
		SetText("FILTER", "VIS", "").
		SetText("SHUTTER", "OPEN", "")
	// Housekeeping of all 36 CCDs, whatever number of them was simulated: it
	// is what makes the header as long as a real one.
	r := random(s.Seed, "housekeeping", e.String())
	for row := 1; row <= 6; row++ {
		for col := 1; col <= 6; col++ {
			at := fmt.Sprintf("%d_%d", row, col)
			h.SetFloat("CCDT"+at, round(153+r.Float64(), 1e3), "[K] temperature of CCD "+at).
				SetFloat("ROET"+at, round(265+4*r.Float64(), 1e3), "[K] temperature of its electronics").
				SetFloat("BIAS"+at, round(2000+20*r.NormFloat64(), 1e2), "[ADU] level of its bias").
				SetInt("NCOS"+at, r.Int64N(4000)+1000, "hits by cosmic rays")
		}
	}
	h.Comment("Simulated data in the structure of Euclid Q1 products. The truth lies in")
	h.Comment("truth/truth.csv of the survey that this file belongs to.")
	return fill(h, primaryBlocks)
}

// extension is the header of an image of a quadrant of an exposure.
func (s Survey) extension(e exposure, q quadrant, name, unit string, bitpix int) *fits.Header {
	zero, _ := s.zeropoint(e)
	cam := s.camera(q)
	r := random(s.Seed, "calibration", q.String())
	h := fits.NewImage(bitpix, s.Width, s.Height).
		SetText("EXTNAME", name, "").
		SetText("DETID", q.String(), "quadrant").
		SetText("CCDID", q.ccd(), "row and column of the CCD").
		SetText("QUADID", string(q.letter), "quadrant of the CCD").
		SetText("BUNIT", unit, "")
	s.solve(e, q).put(h)
	h.SetFloat("GAIN", cam.gain, "[e-/ADU]").
		SetFloat("RDNOISE", cam.noise, "[e-] noise of the read-out").
		SetFloat("EXPTIME", e.time, "[s]").
		SetFloat("SATLEVEL", 200000, "[e-] full well").
		SetFloat("SATURATE", saturation, "[ADU]").
		SetText("MAGZEROP", zero, "AB magnitude of 1 ADU/s").
		SetFloat("FLXSCALE", 1, "relative flux scale").
		SetInt("LTV1", 0, "").SetInt("LTV2", 0, "").
		SetFloat("LTM1_1", 1, "").SetFloat("LTM2_2", 1, "").
		SetInt("ASTNREF", 40+r.Int64N(200), "stars of the astrometric solution").
		SetFloat("ASTRMS1", round(1.5e-6*(1+r.Float64()), 1e12), "[deg] its scatter in RA").
		SetFloat("ASTRMS2", round(1.5e-6*(1+r.Float64()), 1e12), "[deg] its scatter in Dec").
		SetFloat("FWHM", round(0.16+0.01*r.Float64(), 1e4), "[arcsec] of stars").
		SetFloat("PRESCAN", round(2000+30*r.NormFloat64(), 1e2), "[ADU] level of the prescan").
		SetFloat("OVERSCAN", round(2000+30*r.NormFloat64(), 1e2), "[ADU] level of the overscan").
		SetFloat("DARKCUR", round(0.001*r.Float64(), 1e6), "[e-/s]").
		SetFloat("CTI_PAR", round(1e-5*r.Float64(), 1e9), "charge transfer inefficiency").
		SetFloat("CTI_SER", round(1e-5*r.Float64(), 1e9), "")
	for i := range 8 {
		h.SetFloat(fmt.Sprintf("NLCOEF%d", i), round(1e-3*r.NormFloat64(), 1e9), "non-linearity")
	}
	return h
}

// put writes the solution as WCS keywords.
func (w solution) put(h *fits.Header) {
	h.SetInt("WCSAXES", 2, "").
		SetText("CTYPE1", "RA---TPV", "").SetText("CTYPE2", "DEC--TPV", "").
		SetText("CUNIT1", "deg", "").SetText("CUNIT2", "deg", "").
		SetText("RADESYS", "ICRS", "").
		SetFloat("CRVAL1", w.crval.RA, "").SetFloat("CRVAL2", w.crval.Dec, "").
		SetFloat("CRPIX1", w.crpix[0], "").SetFloat("CRPIX2", w.crpix[1], "").
		SetFloat("CD1_1", w.cd[0][0], "").SetFloat("CD1_2", w.cd[0][1], "").
		SetFloat("CD2_1", w.cd[1][0], "").SetFloat("CD2_2", w.cd[1][1], "")
	for i, terms := range w.pv {
		for _, t := range []int{1, 2, 4, 5, 6, 7, 8, 9, 10} {
			h.SetFloat(fmt.Sprintf("PV%d_%d", i+1, t), terms[t], "")
		}
	}
}

// putTangent writes an undistorted solution with north up: that of a mosaic.
func putTangent(h *fits.Header, centre sky.Coord, width, height int) {
	h.SetInt("WCSAXES", 2, "").
		SetText("CTYPE1", "RA---TAN", "").SetText("CTYPE2", "DEC--TAN", "").
		SetText("CUNIT1", "deg", "").SetText("CUNIT2", "deg", "").
		SetText("RADESYS", "ICRS", "").SetFloat("EQUINOX", 2000, "").
		SetFloat("CRVAL1", centre.RA, "").SetFloat("CRVAL2", centre.Dec, "").
		SetFloat("CRPIX1", float64(width+1)/2, "").SetFloat("CRPIX2", float64(height+1)/2, "").
		SetFloat("CD1_1", -pixelScale/3600, "").SetFloat("CD1_2", 0, "").
		SetFloat("CD2_1", 0, "").SetFloat("CD2_2", pixelScale/3600, "")
}
