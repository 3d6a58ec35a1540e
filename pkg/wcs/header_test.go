package wcs_test

import (
	"math"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/wcs"
)

// vis is a header as VIS quadrants have it.
var vis = keywords{
	"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "CUNIT1": "deg", "CUNIT2": "deg",
	"CRVAL1": 57.9, "CRVAL2": -51.5, "CRPIX1": 1024.5, "CRPIX2": 1033.5,
	"CD1_1": -2.7e-5, "CD1_2": 1e-6, "CD2_1": 1e-6, "CD2_2": 2.7e-5,
	"PV1_1": 1.0, "PV1_4": 0.001, "PV2_1": 1.0, "PV2_7": 0.01, "RADESYS": "ICRS",
}

func TestRefused(t *testing.T) {
	tan := vis.with("CTYPE1", "RA---TAN").with("CTYPE2", "DEC--TAN").without("PV1_1", "PV1_4", "PV2_1", "PV2_7")
	sip := tan.with("CTYPE1", "RA---TAN-SIP").with("CTYPE2", "DEC--TAN-SIP").with("A_ORDER", 2.0).with("B_ORDER", 2.0).with("A_2_0", 1e-6)
	noCD := tan.without("CD1_1", "CD1_2", "CD2_1", "CD2_2")
	delta := noCD.with("CDELT1", -1e-4).with("CDELT2", 1e-4)
	for _, c := range []struct {
		name string
		k    keywords
		code string
		key  string
	}{
		{"no CTYPE1", vis.without("CTYPE1"), "FITSKeyword", "CTYPE1"},
		{"no CTYPE2", vis.without("CTYPE2"), "FITSKeyword", "CTYPE2"},
		{"no CRVAL1", vis.without("CRVAL1"), "FITSKeyword", "CRVAL1"},
		{"no CRVAL2", vis.without("CRVAL2"), "FITSKeyword", "CRVAL2"},
		{"no CRPIX1", vis.without("CRPIX1"), "FITSKeyword", "CRPIX1"},
		{"NaN", vis.with("CRVAL1", math.NaN()), wcs.CodeInvalid, "CRVAL1"},
		{"infinite CD", vis.with("CD1_2", math.Inf(1)), wcs.CodeInvalid, "CD1_2"},
		{"infinite PV", vis.with("PV1_4", math.Inf(1)), wcs.CodeInvalid, "PV1_4"},
		{"beyond a pole", vis.with("CRVAL2", 90.001), wcs.CodeInvalid, "CRVAL2"},
		{"PV with SIP", vis.with("CTYPE1", "RA---TAN-SIP").with("CTYPE2", "DEC--TAN-SIP"), wcs.CodeUnsupported, "PV1_1"},
		{"SIP terms with TAN", tan.with("A_ORDER", 3.0), wcs.CodeUnsupported, "A_ORDER"},
		{"SIP terms with TPV", vis.with("B_ORDER", 3.0), wcs.CodeUnsupported, "B_ORDER"},
		{"no A_ORDER", sip.without("A_ORDER"), "FITSKeyword", "A_ORDER"},
		{"no B_ORDER", sip.without("B_ORDER"), "FITSKeyword", "B_ORDER"},
		{"order 10", sip.with("A_ORDER", 10.0), wcs.CodeInvalid, "A_ORDER"},
		{"order 1", sip.with("B_ORDER", 1.0), wcs.CodeInvalid, "B_ORDER"},
		{"order 2.5", sip.with("B_ORDER", 2.5), wcs.CodeInvalid, "B_ORDER"},
		{"order NaN", sip.with("B_ORDER", math.NaN()), wcs.CodeInvalid, "B_ORDER"},
		{"SIP term NaN", sip.with("A_1_1", math.NaN()), wcs.CodeInvalid, "A_1_1"},
		{"SIP term beyond the order", sip.with("B_2_1", 1e-9), wcs.CodeInvalid, "B_2_1"},
		{"flat SIP", sip.with("A_1_0", -1.0), wcs.CodeInvalid, "A_1_0"},
		{"table of distortion", tan.with("CPDIS1", "LOOKUP"), wcs.CodeUnsupported, "CPDIS1"},
		{"detector distortion", sip.with("D2IMDIS2", "LOOKUP"), wcs.CodeUnsupported, "D2IMDIS2"},
		{"sine", tan.with("CTYPE1", "RA---SIN").with("CTYPE2", "DEC--SIN"), wcs.CodeUnsupported, "projection SIN"},
		{"zenithal polynomial", tan.with("CTYPE1", "RA---ZPN").with("CTYPE2", "DEC--ZPN"), wcs.CodeUnsupported, "projection ZPN"},
		{"IRAF's TNX", tan.with("CTYPE1", "RA---TNX").with("CTYPE2", "DEC--TNX"), wcs.CodeUnsupported, "projection TNX"},
		{"no projection", tan.with("CTYPE1", "RA"), wcs.CodeUnsupported, "CTYPE1"},
		{"pixels", tan.with("CTYPE2", "PIXEL"), wcs.CodeUnsupported, "CTYPE2"},
		{"SIP on one axis", sip.with("CTYPE2", "DEC--TAN"), wcs.CodeUnsupported, "CTYPE2"},
		{"twice RA", tan.with("CTYPE2", "RA---TAN"), wcs.CodeInvalid, "CTYPE2"},
		{"galactic", vis.with("CTYPE1", "GLON-TAN").with("CTYPE2", "GLAT-TAN"), wcs.CodeUnsupported, "CTYPE1"},
		{"empty CTYPE", vis.with("CTYPE1", ""), wcs.CodeUnsupported, "CTYPE1"},
		{"swapped axes of TPV", vis.with("CTYPE1", "DEC--TPV").with("CTYPE2", "RA---TPV"), wcs.CodeUnsupported, "CTYPE1"},
		{"unlike axes", vis.with("CTYPE2", "DEC--TAN"), wcs.CodeUnsupported, "CTYPE2"},
		{"arcsec", vis.with("CUNIT2", "arcsec"), wcs.CodeUnsupported, "CUNIT2"},
		{"three axes", vis.with("WCSAXES", 3.0), wcs.CodeUnsupported, "WCSAXES"},
		{"FK4", vis.with("RADESYS", "FK4"), wcs.CodeUnsupported, "RADESYS"},
		{"B1950", vis.without("RADESYS").with("EQUINOX", 1950.0), wcs.CodeUnsupported, "EQUINOX"},
		{"B1950 by the old name", vis.without("RADESYS").with("EPOCH", 1950.0), wcs.CodeUnsupported, "EPOCH"},
		{"FK5 of another equinox by the old name", vis.with("RADESYS", "FK5").with("EPOCH", 1975.0), wcs.CodeUnsupported, "EPOCH"},
		{"two frames", vis.with("RADECSYS", "FK5"), wcs.CodeInvalid, "RADECSYS"},
		{"zero CD", vis.without("CD1_1", "CD1_2", "CD2_1").with("CD2_2", 0.0), wcs.CodeInvalid, "CD2_2"},
		{"singular CD", vis.with("CD1_2", -2.7e-5).with("CD2_1", 2.7e-5), wcs.CodeInvalid, "CD1_1"},
		{"no linear terms", noCD, wcs.CodeInvalid, "CD1_1"},
		{"zero CDELT", delta.with("CDELT2", 0.0), wcs.CodeInvalid, "CDELT1"},
		{"one CDELT", delta.without("CDELT2"), "FITSKeyword", "CDELT2"},
		{"NaN CROTA", delta.with("CROTA2", math.NaN()), wcs.CodeInvalid, "CROTA2"},
		{"CROTAs that differ", delta.with("CROTA2", 3.0).with("CROTA1", 4.0), wcs.CodeInvalid, "CROTA1"},
		{"PC and CROTA", delta.with("PC1_1", 1.0).with("CROTA2", 3.0), wcs.CodeInvalid, "CROTA2"},
		{"singular PC", delta.with("PC1_1", 0.0), wcs.CodeInvalid, "CDELT1"},
		{"old PC", delta.with("PC001001", 1.0), wcs.CodeUnsupported, "PC001001"},
		{"old CD", vis.with("CD001001", 1.0), wcs.CodeUnsupported, "CD001001"},
		{"a term with a zero in front", vis.with("PV1_01", 1.5), wcs.CodeInvalid, "PV1_01"},
		{"an axis with a zero in front", vis.with("PV01_1", 1.5), wcs.CodeInvalid, "PV01_1"},
		{"CD with a zero in front", vis.with("CD1_01", 1.5), wcs.CodeInvalid, "CD1_01"},
		{"PC of zeros in front", tan.with("PC01_02", 1.5), wcs.CodeInvalid, "PC01_02"},
		{"value of a third axis", vis.with("CRVAL3", 1.0).with("WCSAXES", 2.0), wcs.CodeUnsupported, "CRVAL3"},
		{"type of a third axis", vis.with("CTYPE3", "FREQ"), wcs.CodeUnsupported, "CTYPE3"},
		{"terms of a third axis", vis.with("PV3_1", 1.0), wcs.CodeUnsupported, "PV3_1"},
		{"matrix of three axes", vis.with("CD1_3", 0.0), wcs.CodeUnsupported, "CD1_3"},
		{"parameters of a distortion", vis.with("DP1", "NAXES: 2"), wcs.CodeUnsupported, "DP1"},
		{"parameters of another distortion", tan.with("DQ2", "NAXES: 2"), wcs.CodeUnsupported, "DQ2"},
		{"TPV with CDELT", vis.without("CD1_1", "CD1_2", "CD2_1", "CD2_2").with("CDELT1", 1e-4).with("CDELT2", 1e-4), wcs.CodeUnsupported, "CDELT1"},
		{"NaN LONPOLE", tan.with("LONPOLE", math.NaN()), wcs.CodeInvalid, "LONPOLE"},
		{"NaN LATPOLE", tan.with("LATPOLE", math.NaN()), wcs.CodeInvalid, "LATPOLE"},
		{"FK4 by the old name", tan.without("RADESYS").with("RADECSYS", "FK4"), wcs.CodeUnsupported, "RADECSYS"},
		{"NaN CRPIX", tan.with("CRPIX2", math.NaN()), wcs.CodeInvalid, "CRPIX2"},
		{"text for CRVAL", tan.with("CRVAL2", "north"), "FITSKeyword", "CRVAL2"},
		{"CD and PC", tan.with("PC1_1", 1.0), wcs.CodeInvalid, "PC1_1"},
		{"PV with TAN", tan.with("PV1_1", 1.0), wcs.CodeUnsupported, "PV1_1"},
		{"PV beyond 39", vis.with("PV2_40", 0.1), wcs.CodeInvalid, "PV2_40"},
		{"flat distortion", vis.with("PV1_1", 0.0), wcs.CodeInvalid, "PV1_1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := wcs.New(c.k)
			if err == nil {
				t.Fatal("accepted")
			}
			if c.code != "FITSKeyword" && !strings.Contains(err.Error(), "leave") {
				t.Errorf("%v doesn't say what to do", err)
			}
			if fault.KindOf(err) != fault.BadData || fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.key) {
				t.Errorf("%v (kind %v, code %s), want code %s and %s named", err, fault.KindOf(err), fault.CodeOf(err), c.code, c.key)
			}
		})
	}
	for _, k := range []keywords{vis, tan, sip, delta,
		delta.with("CROTA2", 3.0), delta.with("CROTA1", 3.0).with("CROTA2", 3.0), delta.with("PC1_2", 0.1).with("CROTA2", 0.0),
		tan.with("CDELT1", 1.0).with("CROTA2", 3.0), tan.with("CTYPE1", "DEC--TAN").with("CTYPE2", "RA---TAN"), sip.with("A_3_0", 0.0),
		vis.without("RADESYS").with("EPOCH", 2000.0), vis.without("RADESYS").with("EQUINOX", 2000.0).with("EPOCH", 1950.0), vis.with("EPOCH", 2024.8),
		vis.with("RADECSYS", "ICRS"), vis.with("CRVAL01", 1.0), vis.with("PROJP1", 1.0), vis.with("PVX", 1.0), vis.with("CDS_1", 1.0), vis.with("DPHASE", 1.0),
		vis.without("CUNIT1", "CUNIT2", "RADESYS"), vis.with("RADESYS", "FK5").with("EQUINOX", 2000.0)} {
		if _, err := wcs.New(k); err != nil {
			t.Error(err)
		}
	}
}

func FuzzNew(f *testing.F) {
	f.Add("RA---TPV", "DEC--TPV", 10.0, 20.0, -2e-5, 1e-6, 1e-6, 2e-5, 1.0, 0.1, 0.01)
	f.Add("RA---TAN", "DEC--TAN", 0.0, 90.0, -2e-5, 0.0, 0.0, 2e-5, 1.0, 0.0, 0.0)
	f.Add("RA---TAN-SIP", "DEC--TAN-SIP", 10.0, 20.0, -2e-5, 1e-6, 1e-6, 2e-5, 0.1, 1e-5, 1e-8)
	f.Fuzz(func(t *testing.T, c1, c2 string, ra, dec, a, b, c, d, p1, p4, p11 float64) {
		k := keywords{"CTYPE1": c1, "CTYPE2": c2, "CRVAL1": ra, "CRVAL2": dec, "CRPIX1": 5.0, "CRPIX2": 6.0,
			"CD1_1": a, "CD1_2": b, "CD2_1": c, "CD2_2": d}
		switch c1 {
		case "RA---TPV":
			k["PV1_1"], k["PV1_4"], k["PV2_11"] = p1, p4, p11
		case "RA---TAN-SIP":
			k["A_ORDER"], k["B_ORDER"], k["A_1_0"], k["A_1_1"], k["B_0_3"] = 2.0, 3.0, p1, p4, p11
		}
		w, err := wcs.New(k)
		if err != nil {
			if fault.KindOf(err) != fault.BadData {
				t.Fatal(err)
			}
			return
		}
		s := w.ToSky(1, 1)
		if s.RA < 0 || s.RA >= 360 {
			t.Fatalf("RA %v", s.RA)
		}
		if x, y, err := w.ToPixel(s); err == nil {
			back := w.ToSky(x, y)
			if bound := max(closeness(w, 1, 1), closeness(w, x, y)); apart(back, s) > bound {
				t.Fatalf("(1, 1) shows %v, which (%v, %v) shows: but that shows %v", s, x, y, back)
			}
		}
		w.OutlineTo(20, 30, 0.01)
	})
}

// closeness bounds, in degrees, how far from a direction that of its pixel may
// be: a millionth of a pixel, and rounding, which the condition of the map there
// enlarges on the way to the pixel and back.
func closeness(w *wcs.WCS, x, y float64) float64 {
	j := w.Jacobian(x, y)
	size := math.Abs(j[0][0]) + math.Abs(j[0][1]) + math.Abs(j[1][0]) + math.Abs(j[1][1])
	bound := 1e-6*size/3600 + 1e-11 + 1e-12*size*size/math.Abs(j[0][0]*j[1][1]-j[0][1]*j[1][0])
	if math.IsNaN(bound) {
		return math.Inf(1)
	}
	return bound
}

// The fuzz target's bound holds for matrices that are nearly singular.
func TestIllConditioned(t *testing.T) {
	for _, tilt := range []float64{1e-3, 1e-6, 1e-9, 1e-11} {
		w := mustNew(t, keywords{"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0, "CRPIX1": 5.0, "CRPIX2": 6.0,
			"CD1_1": 1e-2, "CD1_2": 1e-2, "CD2_1": 1e-2, "CD2_2": 1e-2 * (1 + tilt)})
		s := w.ToSky(1, 1)
		x, y, err := w.ToPixel(s)
		if err != nil {
			t.Fatal(err)
		}
		bound := max(closeness(w, 1, 1), closeness(w, x, y))
		if d := apart(w.ToSky(x, y), s); d > bound || bound > 1e-3 && tilt > 1e-9 {
			t.Errorf("tilt %g: %g degrees apart, bound %g", tilt, d, bound)
		}
	}
}
