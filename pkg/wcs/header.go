package wcs

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Keywords is a header, as far as this package needs it. [fits.Header] is one.
type Keywords interface {
	Keys() []string // that have values
	Has(key string) bool
	Text(key string) (string, error)
	Number(key string) (float64, error) // not one in quotes: wcslib passes these over
}

// New reads the coordinate system of an image's header.
func New(k Keywords) (*WCS, error) {
	h := reader{k: k}
	lon, lat, projection := h.axes()
	h.strays()
	h.frame()
	if h.err != nil {
		return nil, h.err
	}
	w := &WCS{}
	w.crpix = [2]float64{h.float("CRPIX1"), h.float("CRPIX2")}
	w.crval = [2]float64{h.float(numbered("CRVAL", lon)), h.float(numbered("CRVAL", lat))}
	if math.Abs(w.crval[1]) > 90 {
		h.refuse(CodeInvalid, numbered("CRVAL", lat), "declination %v is beyond a pole", w.crval[1])
	}
	w.sinDec, w.cosDec = sincosDeg(w.crval[1])
	w.sinRoll, w.cosRoll = sincosDeg(h.lonpole(w.crval[1]) - 180)
	w.cd = h.matrix(lon, lat)
	h.otherDistortions(projection)
	switch projection {
	case "TPV":
		w.tpv = h.tpv()
	case "TAN-SIP":
		w.sip = h.sip()
	}
	if h.err != nil {
		return nil, h.err
	}
	d := det(w.cd)
	w.inverse = [2][2]float64{{w.cd[1][1] / d, -w.cd[0][1] / d}, {-w.cd[1][0] / d, w.cd[0][0] / d}}
	w.scale = math.Sqrt(math.Abs(d))
	return w, nil
}

func numbered(key string, axis int) string { return key + strconv.Itoa(axis) }

// reader reads keywords and keeps the first failure.
type reader struct {
	k   Keywords
	err error
}

func (h *reader) refuse(code, key, format string, a ...any) {
	if h.err == nil {
		remedy := "ask who made the file for one that is mended, or leave it out"
		if code == CodeUnsupported {
			remedy = "Euclid's images are RA---TPV or RA---TAN in ICRS degrees: take them from the survey's archive, or leave this one out"
		}
		h.err = fault.Data(code, format, a...).At("%s", key).Fix("%s", remedy)
	}
}

// float reads a finite number.
func (h *reader) float(key string) float64 {
	v, err := h.k.Number(key)
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

// axes says which axis is the longitude and which the latitude, 1 or 2, and
// returns their projection. TPV has to have the longitude first: by the
// convention each axis counts its own coordinate first, but wcslib the longitude.
func (h *reader) axes() (lon, lat int, projection string) {
	var kinds, projections [2]string
	for i := range kinds {
		key := numbered("CTYPE", i+1)
		ctype := h.text(key)
		if h.err != nil {
			return 0, 0, ""
		}
		kinds[i], projections[i] = splitCTYPE(ctype)
		switch {
		case kinds[i] != "RA" && kinds[i] != "DEC":
			h.refuse(CodeUnsupported, key, "axis %q is not supported: need RA---TAN, RA---TAN-SIP or RA---TPV, and the same of DEC", ctype)
		case projections[i] != "TAN" && projections[i] != "TAN-SIP" && projections[i] != "TPV":
			h.refuse(CodeUnsupported, key, "projection %s of %q is not supported: need TAN, TAN-SIP or TPV", projections[i], ctype)
		}
		if unit := numbered("CUNIT", i+1); h.k.Has(unit) {
			if u := h.text(unit); u != "deg" && u != "" {
				h.refuse(CodeUnsupported, unit, "unit %q is not supported: need deg", u)
			}
		}
	}
	switch {
	case projections[0] != projections[1]:
		h.refuse(CodeUnsupported, "CTYPE2", "projection %s doesn't go with CTYPE1's %s", projections[1], projections[0])
	case kinds[0] == kinds[1]:
		h.refuse(CodeInvalid, "CTYPE2", "both axes are %s", kinds[0])
	case kinds[0] == "DEC" && projections[0] == "TPV":
		h.refuse(CodeUnsupported, "CTYPE1", "TPV with the declination first is ambiguous: need RA---TPV")
	}
	if n := h.floatOr("WCSAXES", 2); n != 2 {
		h.refuse(CodeUnsupported, "WCSAXES", "%v axes, need 2", n)
	}
	if kinds[0] == "DEC" {
		return 2, 1, projections[0]
	}
	return 1, 2, projections[0]
}

// splitCTYPE splits an axis type of 4-3 form: RA---TAN-SIP is RA and TAN-SIP.
func splitCTYPE(s string) (kind, projection string) {
	if len(s) < 8 || s[4] != '-' {
		return s, ""
	}
	return strings.TrimRight(s[:4], "-"), s[5:]
}

// frame accepts ICRS and FK5 J2000, which agree to 0.03 arcsec. Without
// RADESYS the equinox tells (Paper II, section 3.1). Both keywords have an older
// name, which counts where the new one is absent.
func (h *reader) frame() {
	system := "ICRS"
	key := h.any("RADESYS", "RADECSYS")
	if key != "" {
		system = h.text(key)
	}
	if key == "RADESYS" && h.k.Has("RADECSYS") {
		if old := h.text("RADECSYS"); old != system {
			h.refuse(CodeInvalid, "RADECSYS", "frame %q contradicts RADESYS's %q", old, system)
		}
	}
	if system != "ICRS" && system != "FK5" {
		h.refuse(CodeUnsupported, key, "frame %q is not supported: need ICRS or FK5", system)
	}
	if key == "" || system == "FK5" {
		at := cmp.Or(h.any("EQUINOX", "EPOCH"), "EQUINOX")
		if equinox := h.floatOr(at, 2000); equinox != 2000 {
			h.refuse(CodeUnsupported, at, "equinox %v is not supported: need 2000", equinox)
		}
	}
}

// lonpole returns the native longitude of the celestial pole. Its default for
// zenithal projections is 180 degrees, but 0 where the reference point is the
// north pole (Paper II, equation 8). LATPOLE has no say in these: the native pole
// is the reference point. It has to be a number all the same.
func (h *reader) lonpole(dec float64) float64 {
	missing := 180.0
	if dec >= 90 {
		missing = 0
	}
	h.floatOr("LATPOLE", 0)
	return h.floatOr("LONPOLE", missing)
}

// matrix reads the linear terms, degrees a pixel: first row the longitude.
func (h *reader) matrix(lon, lat int) (m [2][2]float64) {
	cd := h.any("CD1_1", "CD1_2", "CD2_1", "CD2_2")
	pc := h.any("PC1_1", "PC1_2", "PC2_1", "PC2_2")
	key := "CDELT1" // to blame for a singular matrix
	switch {
	case cd != "" && pc != "":
		h.refuse(CodeInvalid, pc, "the header has both %s and %s", cd, pc)
	case cd != "":
		key, m = cd, h.terms("CD", 0)
	case pc != "":
		for i := 1; i <= 2; i++ {
			if h.floatOr(numbered("CROTA", i), 0) != 0 {
				h.refuse(CodeInvalid, numbered("CROTA", i), "the header has both %s and a rotation by CROTA", pc)
			}
		}
		m = h.terms("PC", 1)
		for i := range m {
			delta := h.floatOr(numbered("CDELT", i+1), 1)
			m[i][0], m[i][1] = delta*m[i][0], delta*m[i][1]
		}
	case h.any("CDELT1", "CDELT2") == "":
		h.refuse(CodeInvalid, "CD1_1", "neither a CD nor a PC matrix nor CDELT is there")
	default:
		m = h.rotation(lon-1, lat-1)
	}
	// A determinant this small against the terms is rounding of a singular matrix.
	a, b := m[0][0]*m[1][1], m[0][1]*m[1][0]
	if math.Abs(a-b) <= 1e-14*(math.Abs(a)+math.Abs(b)) || math.IsInf(a-b, 0) || math.IsNaN(a-b) {
		h.refuse(CodeInvalid, key, "the linear terms %v have no inverse", m)
	}
	m[0], m[1] = m[lon-1], m[lat-1]
	return m
}

// terms reads a matrix whose missing terms are those of diagonal times identity.
func (h *reader) terms(key string, diagonal float64) (m [2][2]float64) {
	for i := range m {
		m[i][i] = diagonal
		for j := range m[i] {
			m[i][j] = h.floatOr(fmt.Sprintf("%s%d_%d", key, i+1, j+1), m[i][j])
		}
	}
	return m
}

// rotation makes the matrix of CDELT and of CROTA of the latitude axis (Paper
// II, section 6.1). That of the longitude axis has no meaning: files have 0 or
// the same number there.
func (h *reader) rotation(lon, lat int) (m [2][2]float64) {
	delta := [2]float64{h.float("CDELT1"), h.float("CDELT2")}
	rho := h.floatOr(numbered("CROTA", lat+1), 0)
	if other := h.floatOr(numbered("CROTA", lon+1), 0); other != 0 && other != rho {
		h.refuse(CodeInvalid, numbered("CROTA", lon+1), "rotation %v contradicts %v of the latitude axis", other, rho)
	}
	sin, cos := sincosDeg(rho)
	m[lon][lon], m[lon][lat] = delta[lon]*cos, -delta[lat]*sin
	m[lat][lon], m[lat][lat] = delta[lon]*sin, delta[lat]*cos
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
