package wcs

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Keywords is a header, as far as this package needs it. [fits.Header] is one.
type Keywords interface {
	Has(key string) bool
	Text(key string) (string, error)
	Float(key string) (float64, error)
}

// New reads the coordinate system of an image's header.
func New(k Keywords) (*WCS, error) {
	h := reader{k: k}
	tpv := h.axes()
	w := &WCS{}
	w.crpix = [2]float64{h.float("CRPIX1"), h.float("CRPIX2")}
	w.crval = [2]float64{h.float("CRVAL1"), h.float("CRVAL2")}
	if math.Abs(w.crval[1]) > 90 {
		h.refuse(CodeInvalid, "CRVAL2", "declination %v is beyond a pole", w.crval[1])
	}
	w.sinDec, w.cosDec = sincosDeg(w.crval[1])
	w.sinRoll, w.cosRoll = sincosDeg(h.lonpole(w.crval[1]) - 180)
	w.cd = h.matrix()
	h.distortion(w, tpv)
	if h.err != nil {
		return nil, h.err
	}
	det := w.cd[0][0]*w.cd[1][1] - w.cd[0][1]*w.cd[1][0]
	w.inverse = [2][2]float64{{w.cd[1][1] / det, -w.cd[0][1] / det}, {-w.cd[1][0] / det, w.cd[0][0] / det}}
	w.scale = math.Sqrt(math.Abs(det))
	return w, nil
}

// reader reads keywords and keeps the first failure.
type reader struct {
	k   Keywords
	err error
}

func (h *reader) refuse(code, key, format string, a ...any) {
	if h.err == nil {
		h.err = fault.Data(code, format, a...).At("%s", key)
	}
}

// float reads a finite number.
func (h *reader) float(key string) float64 {
	v, err := h.k.Float(key)
	if err != nil && h.err == nil {
		h.err = fmt.Errorf("world coordinates: %w", err)
	}
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		h.refuse(CodeInvalid, key, "%v is not a finite number", v)
	}
	return v
}

// floatOr reads a number that has a default.
func (h *reader) floatOr(key string, missing float64) float64 {
	if !h.k.Has(key) {
		return missing
	}
	return h.float(key)
}

func (h *reader) text(key string) string {
	s, err := h.k.Text(key)
	if err != nil && h.err == nil {
		h.err = fmt.Errorf("world coordinates: %w", err)
	}
	return strings.TrimRight(s, " ")
}

// axes checks the kind of the axes and says whether they have TPV distortion.
func (h *reader) axes() (tpv bool) {
	lon, lat := h.text("CTYPE1"), h.text("CTYPE2")
	if h.err != nil {
		return false
	}
	switch lon {
	case "RA---TAN", "RA---TPV":
	default:
		h.refuse(CodeUnsupported, "CTYPE1", "%q is not supported: need RA---TAN or RA---TPV", lon)
	}
	if want := "DEC--" + lon[max(0, len(lon)-3):]; lat != want {
		h.refuse(CodeUnsupported, "CTYPE2", "%q doesn't go with CTYPE1 %q: need %q", lat, lon, want)
	}
	if n := h.floatOr("WCSAXES", 2); n != 2 {
		h.refuse(CodeUnsupported, "WCSAXES", "%v axes, need 2", n)
	}
	for _, key := range []string{"CUNIT1", "CUNIT2"} {
		if h.k.Has(key) {
			if unit := h.text(key); unit != "deg" && unit != "" {
				h.refuse(CodeUnsupported, key, "unit %q is not supported: need deg", unit)
			}
		}
	}
	for _, key := range []string{"A_ORDER", "B_ORDER", "CPDIS1", "CPDIS2", "CQDIS1", "CQDIS2"} {
		if h.k.Has(key) {
			h.refuse(CodeUnsupported, key, "this kind of distortion is not supported")
		}
	}
	h.frame()
	return lon == "RA---TPV"
}

// frame accepts ICRS and FK5 J2000, which agree to 0.03 arcsec. Without
// RADESYS the equinox tells (Paper II, section 3.1).
func (h *reader) frame() {
	system := "ICRS"
	if h.k.Has("RADESYS") {
		system = h.text("RADESYS")
	}
	if system != "ICRS" && system != "FK5" {
		h.refuse(CodeUnsupported, "RADESYS", "frame %q is not supported: need ICRS or FK5", system)
	}
	if !h.k.Has("RADESYS") || system == "FK5" {
		if equinox := h.floatOr("EQUINOX", 2000); equinox != 2000 {
			h.refuse(CodeUnsupported, "EQUINOX", "equinox %v is not supported: need 2000", equinox)
		}
	}
}

// lonpole returns the native longitude of the celestial pole. Its default for
// zenithal projections is 180 degrees, but 0 where the reference point is the
// north pole (Paper II, equation 8).
func (h *reader) lonpole(dec float64) float64 {
	missing := 180.0
	if dec >= 90 {
		missing = 0
	}
	return h.floatOr("LONPOLE", missing)
}

// matrix reads the linear terms, degrees a pixel.
func (h *reader) matrix() (m [2][2]float64) {
	cd := h.any("CD1_1", "CD1_2", "CD2_1", "CD2_2")
	pc := h.any("PC1_1", "PC1_2", "PC2_1", "PC2_2")
	switch {
	case cd != "" && pc != "":
		h.refuse(CodeInvalid, pc, "the header has both %s and %s", cd, pc)
	case cd != "":
		for i := range m {
			for j := range m[i] {
				m[i][j] = h.floatOr(fmt.Sprintf("CD%d_%d", i+1, j+1), 0)
			}
		}
	case h.any("CDELT1", "CDELT2") == "":
		h.refuse(CodeInvalid, "CD1_1", "neither a CD matrix nor CDELT is there")
	default:
		for _, key := range []string{"CROTA1", "CROTA2"} {
			if h.floatOr(key, 0) != 0 {
				h.refuse(CodeUnsupported, key, "rotation by CROTA is not supported: need PC or CD")
			}
		}
		for i := range m {
			delta := h.float(fmt.Sprintf("CDELT%d", i+1))
			for j := range m[i] {
				identity := 0.0
				if i == j {
					identity = 1
				}
				m[i][j] = delta * h.floatOr(fmt.Sprintf("PC%d_%d", i+1, j+1), identity)
			}
		}
		cd = "CDELT1"
	}
	// A determinant this small against the terms is rounding of a singular matrix.
	a, b := m[0][0]*m[1][1], m[0][1]*m[1][0]
	if math.Abs(a-b) <= 1e-14*(math.Abs(a)+math.Abs(b)) || math.IsInf(a-b, 0) {
		h.refuse(CodeInvalid, cd, "the linear terms %v have no inverse", m)
	}
	return m
}

// any returns the first of keys that is there, or "".
func (h *reader) any(keys ...string) string {
	for _, key := range keys {
		if h.k.Has(key) {
			return key
		}
	}
	return ""
}

// distortion reads the PV terms. Missing ones are 0, but PV1_1 and PV2_1 are 1
// (wcslib takes 0 for these too, which collapses the image). With TAN they would be other parameters by the
// standard and TPV's by old habit of one program, so they are refused there.
func (h *reader) distortion(w *WCS, tpv bool) {
	for i := range w.pv {
		w.pv[i].set(1, 1)
		for m := range 100 {
			key := "PV" + strconv.Itoa(i+1) + "_" + strconv.Itoa(m)
			switch {
			case !h.k.Has(key):
			case !tpv:
				h.refuse(CodeUnsupported, key, "PV terms with CTYPE1 RA---TAN are ambiguous: RA---TPV has them")
			case m >= termCount:
				h.refuse(CodeInvalid, key, "TPV has terms 0 to %d only", termCount-1)
			default:
				w.pv[i].set(m, h.float(key))
			}
		}
	}
	w.distorted = tpv
	if j := w.derivative(0, 0); tpv && (math.Abs(det(j)) < 1e-6 || math.IsNaN(det(j))) {
		h.refuse(CodeInvalid, "PV1_1", "the distortion has no inverse at the reference point: its linear terms are %v", j)
	}
}
