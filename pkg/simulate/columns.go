package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/cosmostat/constellation/pkg/fits"
)

// catalogColumns is how many columns the MER final catalogue has.
const catalogColumns = 469

// field is one column of the MER catalogue and what a source has in it: NaN
// stands for no value, also of integers.
type field struct {
	name, format, unit string
	value              func(m *measurement) float64
}

// measurement is a catalogue row in the making.
type measurement struct {
	*source
	random        *rand.Rand
	flux, fluxErr float64 // uJy, as measured
	axis          float64 // semi-major, pixels
	ratio         float64 // of the axes, minor to major
	angle         float64 // degrees from north to east
}

// measure makes up what a detection run would say of a source.
func measure(src *source, r *rand.Rand) *measurement {
	m := &measurement{source: src, random: r}
	psf := 0.085 // arcsec, a standard deviation
	shape := gaussian{xx: psf * psf, yy: psf * psf}
	if src.hlr > 0 {
		k := 0.75 * src.hlr * src.hlr
		s := src.shape()
		shape.xx, shape.xy, shape.yy = shape.xx+k*s.xx, k*s.xy, shape.yy+k*s.yy
	}
	mean, half := (shape.xx+shape.yy)/2, math.Hypot((shape.xx-shape.yy)/2, shape.xy)
	m.axis = math.Sqrt(mean+half) / pixelScale
	m.ratio = math.Sqrt((mean - half) / (mean + half))
	// From u, which is west, to position angles, from north to east.
	sin, cos := math.Sincos(math.Atan2(2*shape.xy, shape.xx-shape.yy) / 2)
	m.angle = math.Atan2(-cos, sin) * 180 / math.Pi
	if m.angle <= -90 {
		m.angle += 180
	} else if m.angle > 90 {
		m.angle -= 180
	}
	m.fluxErr = 0.004 * math.Sqrt(m.axis*m.axis*m.ratio+4*src.flux)
	m.flux = src.flux + m.fluxErr*r.NormFloat64()
	return m
}

// knownFields are the columns whose names and meaning are documented.
func knownFields() []field {
	none := func(*measurement) float64 { return math.NaN() }
	flag := func(share float64) func(*measurement) float64 {
		return func(m *measurement) float64 {
			if m.random.Float64() < share {
				return 1
			}
			return 0
		}
	}
	is := func(kind string, yes, no float64) func(*measurement) float64 {
		return func(m *measurement) float64 {
			if m.kind == kind {
				return yes
			}
			return no
		}
	}
	fields := []field{
		{"OBJECT_ID", "1K", "", nil}, // exact: written as an integer
		{"RIGHT_ASCENSION", "1D", "deg", func(m *measurement) float64 { return m.measured.RA }},
		{"DECLINATION", "1D", "deg", func(m *measurement) float64 { return m.measured.Dec }},
		{"RIGHT_ASCENSION_PSF_FITTING", "1D", "deg", none},
		{"DECLINATION_PSF_FITTING", "1D", "deg", none},
		{"SEGMENTATION_MAP_ID", "1K", "", func(m *measurement) float64 { return float64(m.random.IntN(1 << 20)) }},
		{"VIS_DET", "1I", "", is(spurious, 0, 1)},
		{"FLUX_DETECTION_TOTAL", "1E", "uJy", func(m *measurement) float64 { return m.flux }},
		{"FLUXERR_DETECTION_TOTAL", "1E", "uJy", func(m *measurement) float64 { return m.fluxErr }},
		{"FLUX_SEGMENTATION", "1E", "uJy", func(m *measurement) float64 { return 0.9 * m.flux }},
		{"FLUXERR_SEGMENTATION", "1E", "uJy", func(m *measurement) float64 { return 0.9 * m.fluxErr }},
		{"SEGMENTATION_AREA", "1J", "pixel", func(m *measurement) float64 { return math.Ceil(20 * m.axis * m.axis * m.ratio) }},
		{"SEMIMAJOR_AXIS", "1E", "pixel", func(m *measurement) float64 { return m.axis }},
		{"ELLIPTICITY", "1E", "", func(m *measurement) float64 { return 1 - m.ratio }},
		{"POSITION_ANGLE", "1E", "deg", func(m *measurement) float64 { return m.angle }},
		{"KRON_RADIUS", "1E", "pixel", func(m *measurement) float64 { return 3.5 * m.axis }},
		{"FWHM", "1E", "arcsec", func(m *measurement) float64 { return 2.355 * m.axis * math.Sqrt(m.ratio) * pixelScale }},
		{"MU_MAX", "1E", "mag", func(m *measurement) float64 { return m.magnitude() - 1 + 5*math.Log10(m.axis*pixelScale) }},
		{"POINT_LIKE_PROB", "1E", "", is(star, 0.97, 0.02)},
		{"EXTENDED_PROB", "1E", "", is(star, 0.03, 0.98)},
		{"SPURIOUS_PROB", "1E", "", is(spurious, 0.9, 0.01)},
		{"SPURIOUS_FLAG", "1I", "", is(spurious, 1, 0)},
		{"POINT_LIKE_FLAG", "1I", "", is(star, 1, math.NaN())},
		{"DEBLENDED_FLAG", "1I", "", flag(0.1)},
		{"DET_QUALITY_FLAG", "1I", "", func(m *measurement) float64 { return 4 * flag(0.02)(m) }},
		{"GAIA_ID", "1K", "", none},
		{"GAIA_MATCH_QUALITY", "1E", "", none},
		{"GAL_EBV", "1E", "", func(m *measurement) float64 { return 0.01 + 0.001*m.random.Float64() }},
		{"PARENT_ID", "1K", "", none},
		{"PARENT_VISNIR", "1I", "", flag(0)},
		{"EXTENDED_FLAG", "1I", "", is(star, 0, 1)},
		{"VARIABLE_FLAG", "1I", "", none},
		{"BINARY_FLAG", "1I", "", none},
	}
	return fields
}

// fields are all columns: the known ones, then photometry and morphology under
// plausible names, until there are as many as in a real catalogue.
func fields() []field {
	all := knownFields()
	add := func(unit, format string, value func(*measurement) float64, name ...string) {
		if len(all) < catalogColumns {
			all = append(all, field{strings.Join(name, "_"), format, unit, value})
		}
	}
	bands := strings.Fields(`VIS Y J H U_EXT_DECAM G_EXT_DECAM R_EXT_DECAM I_EXT_DECAM Z_EXT_DECAM
		U_EXT_LSST G_EXT_LSST R_EXT_LSST I_EXT_LSST Z_EXT_LSST U_EXT_MEGACAM R_EXT_MEGACAM
		G_EXT_JPCAM I_EXT_PANSTARRS Z_EXT_PANSTARRS G_EXT_HSC Z_EXT_HSC`)
	for i, band := range bands {
		seen := i < 9 // the others did not look at this field
		share := func(part float64) func(*measurement) float64 {
			return func(m *measurement) float64 {
				if !seen || m.random.Float64() < 0.01 {
					return math.NaN()
				}
				return part * m.flux * (1 + 0.05*m.random.NormFloat64())
			}
		}
		for aperture := 1; aperture <= 4; aperture++ {
			n := fmt.Sprintf("%dFWHM_APER", aperture)
			add("uJy", "1E", share(0.3+0.15*float64(aperture)), "FLUX", band, n)
			add("uJy", "1E", share(0.02), "FLUXERR", band, n)
		}
		for _, kind := range []string{"TEMPLFIT", "SERSIC", "PSF"} {
			add("uJy", "1E", share(1), "FLUX", band, kind)
			add("uJy", "1E", share(0.03), "FLUXERR", band, kind)
		}
		add("", "1I", func(m *measurement) float64 {
			if seen {
				return float64(m.random.IntN(2))
			}
			return math.NaN()
		}, "FLAG", band)
		add("Angstrom", "1E", func(*measurement) float64 { return 4000 + 600*float64(i) }, "AVG_TRANS_WAVE", band)
		add("", "1J", func(m *measurement) float64 {
			if seen {
				return float64(1 + m.random.IntN(4))
			}
			return math.NaN()
		}, "N_EXPOSURES", band)
	}
	for _, band := range bands {
		for _, what := range []string{"RADIUS", "AXIS_RATIO", "INDEX", "ANGLE", "CHI2"} {
			add("", "1E", func(m *measurement) float64 { return m.random.Float64() }, "SERSIC", what, band)
			add("", "1E", func(m *measurement) float64 { return 0.1 * m.random.Float64() }, "SERSIC", what, "ERR", band)
		}
	}
	return all
}

// nulls are the TNULL values of integer columns.
var nulls = map[string]int64{"1I": math.MinInt16, "1J": math.MinInt32, "1K": math.MinInt64}

// tableColumns are the fields as a table's columns.
func tableColumns(fields []field) []fits.Column {
	columns := make([]fits.Column, len(fields))
	for i, f := range fields {
		columns[i] = fits.Column{Name: f.name, Format: f.format, Unit: f.unit}
		if null, ok := nulls[f.format]; ok && f.name != "OBJECT_ID" {
			columns[i].Null = &null
		}
	}
	return columns
}
