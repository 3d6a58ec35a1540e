package wcs

import (
	"fmt"
	"math"
	"strconv"
)

// otherDistortions refuses keywords of a distortion that CTYPE doesn't announce:
// readers differ in what they make of them. They do so too for TPV without a CD
// matrix (wcslib has the terms in pixels then, before CDELT; the convention has
// degrees) and for TPV with the latitude first, see [reader.axes].
func (h *reader) otherDistortions(projection string) {
	for _, key := range []string{"CPDIS1", "CPDIS2", "CQDIS1", "CQDIS2", "D2IMDIS1", "D2IMDIS2"} {
		if h.k.Has(key) {
			h.refuse(CodeUnsupported, key, "this kind of distortion is not supported")
		}
	}
	if key := h.any("A_ORDER", "B_ORDER"); key != "" && projection != "TAN-SIP" {
		h.refuse(CodeUnsupported, key, "SIP terms need CTYPE1 and CTYPE2 of TAN-SIP, not %s", projection)
	}
	if projection == "TPV" {
		if key := h.any("CDELT1", "CDELT2", "PC1_1", "PC1_2", "PC2_1", "PC2_2"); key != "" && h.any("CD1_1", "CD1_2", "CD2_1", "CD2_2") == "" {
			h.refuse(CodeUnsupported, key, "TPV needs a CD matrix: with CDELT the units of its terms are ambiguous")
		}
		return
	}
	for axis := 1; axis <= 2; axis++ {
		for m := range termCount {
			if key := pvKey(axis, m); h.k.Has(key) {
				h.refuse(CodeUnsupported, key, "PV terms with %s are ambiguous: those of a distortion need TPV", projection)
			}
		}
	}
}

func pvKey(axis, m int) string { return "PV" + strconv.Itoa(axis) + "_" + strconv.Itoa(m) }

// tpv reads the PV terms. Missing ones are 0, but PV1_1 and PV2_1 are 1 (wcslib
// takes 0 for these too, which collapses the image). Each axis counts its own
// coordinate first: the second has u and v swapped.
func (h *reader) tpv() *distortion {
	d := &distortion{}
	for axis := 1; axis <= 2; axis++ {
		p := &d.f
		if axis == 2 {
			p = &d.g
		}
		for m := range 100 {
			key, missing := pvKey(axis, m), 0.0
			if m == 1 {
				missing = 1
			}
			if m >= termCount {
				if h.k.Has(key) {
					h.refuse(CodeInvalid, key, "TPV has terms 0 to %d only", termCount-1)
				}
				continue
			}
			c := h.floatOr(key, missing)
			switch degree, k, radial := tpvTerm(m); {
			case radial:
				p.addRadial(degree, c)
			case axis == 1:
				p.add(degree-k, k, c)
			default:
				p.add(k, degree-k, c)
			}
		}
	}
	return h.invertible(d, pvKey(1, 1))
}

// sip reads the A and B terms: what is added to the pixels from the reference
// pixel (Shupe et al. 2005, equations 1 to 3). All the terms of an order are
// read, of degrees 0 and 1 too, as astropy does.
func (h *reader) sip() *distortion {
	d := &distortion{}
	d.f.add(1, 0, 1)
	d.g.add(0, 1, 1)
	for _, side := range []struct {
		name string
		p    *poly
	}{{"A", &d.f}, {"B", &d.g}} {
		key := side.name + "_ORDER"
		order := h.float(key)
		if h.err == nil && (order != math.Trunc(order) || order < 2 || order > maxDegree) {
			h.refuse(CodeInvalid, key, "order %v, need 2 to %d", order, maxDegree)
		}
		if h.err != nil {
			return nil
		}
		for i := range maxDegree + 1 {
			for j := range maxDegree + 1 {
				key := fmt.Sprintf("%s_%d_%d", side.name, i, j)
				switch c := h.floatOr(key, 0); {
				case i+j <= int(order):
					side.p.add(i, j, c)
				case c != 0:
					h.refuse(CodeInvalid, key, "the term's degree is beyond %s_ORDER, %v", side.name, order)
				}
			}
		}
	}
	return h.invertible(d, "A_1_0")
}

// invertible refuses a distortion that has no inverse at the reference point.
func (h *reader) invertible(d *distortion, key string) *distortion {
	if h.err != nil {
		return nil
	}
	d.finish()
	if j := d.jacobian(0, 0); !(math.Abs(det(j)) >= 1e-6) || math.IsInf(det(j), 0) {
		h.refuse(CodeInvalid, key, "the distortion has no inverse at the reference point: its linear terms are %v", j)
	}
	return d
}
