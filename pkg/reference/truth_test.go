package reference_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/internal/testing/testsurvey"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/reference"
	"github.com/cosmostat/constellation/pkg/simulate"
	"github.com/cosmostat/constellation/pkg/sky"
)

// shear is what the truth test injects: two components, unlike and not zero.
var shear = [2]float64{0.04, -0.025}

// bright is a survey of one sub-tile with a few hundred bright galaxies, and
// PSFs that differ strongly between quadrants.
func bright(t *testing.T) simulate.Survey {
	s, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	s.TileRows, s.TileCols, s.TileArcmin, s.CoreArcmin = 1, 1, 1.9, 1.8
	s.GridRows, s.GridCols, s.MarginArcmin = 1, 1, 0
	s.CCDRows, s.CCDCols, s.Width, s.Height = 2, 2, 264, 260
	s.Observations, s.Dithers, s.Short, s.Redelivered, s.MissingWGT = 1, 2, 0, "", false
	s.Galaxies, s.Stars, s.Spurious, s.MinSeparation = 140, 4, 2, 5
	s.Bright, s.Faint = 19.5, 22
	s.Shears, s.PairedShapes, s.PSFSpread = [][2]float64{shear}, true, 0.08
	return s
}

// verdict holds a result against the truth and says what is wrong with it.
func verdict(r *reference.Result, truth map[int64]testsurvey.Truth) (wrong []string, report string) {
	row, sources := r.Rows()
	var du, dv, flux, size, pull []float64
	used := 0
	for i := range r.Fits {
		f, s := &r.Fits[i], &sources[i]
		if f.Flags&reference.FlagsRejected != 0 {
			continue
		}
		used++
		is := truth[f.ID]
		o, _ := sky.NewTangent(is.Pos).Project(sky.Coord{RA: s.RA, Dec: s.Dec})
		du = append(du, float64(*s.DX)-3600*o.Xi)
		dv = append(dv, float64(*s.DY)+3600*o.Eta)
		flux = append(flux, float64(*s.Flux)/is.Flux-1)
		size = append(size, float64(*s.HLR)/is.HLR-1)
		e := is.Shape()
		pull = append(pull,
			(float64(*s.E1)-e[0])/float64(*s.E1Err), (float64(*s.E2)-e[1])/float64(*s.E2Err), (float64(*s.Flux)-is.Flux)/float64(*s.FluxErr))
	}
	hold := func(what string, value, from, to float64) {
		report += fmt.Sprintf("  %-22s %9.5f in [%g, %g]\n", what, value, from, to)
		if !(value >= from && value <= to) {
			wrong = append(wrong, what)
		}
	}
	hold("fraction used", float64(used)/float64(len(r.Fits)), 0.8, 1)
	for i := range shear {
		err := r.G[i] - shear[i]
		report += fmt.Sprintf("  g%d %+.5f +- %.5f, truth %+.3f\n", i+1, r.G[i], r.Err[i], shear[i])
		hold(fmt.Sprintf("error of g%d", i+1), err, -min(0.01, 3*r.Err[i]), min(0.01, 3*r.Err[i]))
	}
	hold("position along u", median(du), -0.002, 0.002)
	hold("position along v", median(dv), -0.002, 0.002)
	hold("scatter of positions", (spread(du)+spread(dv))/2, 0, 0.01)
	hold("flux", median(flux), -0.01, 0.01)
	hold("size", median(size), -0.01, 0.01)
	hold("chi-square", r.Summary.Chi2, 0.98, 1.02)
	hold("pulls", spread(pull), 0.8, 1.2)
	if row.Convergence != nil {
		hold("convergence", float64(*row.Convergence), 0, 0.02)
	}
	return wrong, report
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// spread is the standard deviation of a normal distribution with the same quartiles.
func spread(v []float64) float64 {
	if len(v) < 4 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	return (v[3*len(v)/4] - v[len(v)/4]) / 1.349
}

// TestTruth recovers an injected shear, and positions, fluxes, sizes and
// chi-square with it. Then it plants faults, one at a time, each of which must show.
func TestTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: it is about what is measured, by one after the other")
	}
	p := testsurvey.Prepare(t, bright(t), t.TempDir())
	sub := p.SubTiles[0]
	measure := func(t *testing.T) (wrong []string) {
		r, err := reference.Run(t.Context(), sub.Dir, sub.Manifest, reference.Options{})
		if err != nil {
			t.Fatal(err)
		}
		wrong, report := verdict(r, p.Truth)
		t.Logf("\n%s", report)
		return wrong
	}
	t.Run("clean", func(t *testing.T) {
		if wrong := measure(t); len(wrong) > 0 {
			t.Errorf("out of bounds: %s", strings.Join(wrong, ", "))
		}
	})
	for name, plant := range faults {
		t.Run(name, func(t *testing.T) {
			defer restore(t, sub.Dir)()
			plant(t, sub.Dir)
			wrong := measure(t)
			t.Logf("shown by: %s", strings.Join(wrong, ", "))
			if len(wrong) == 0 {
				t.Error("the fault does not show")
			}
		})
	}
}

// faults are ways in which a sub-tile can be wrong and look right.
var faults = map[string]func(t *testing.T, dir string){
	"RA sign flipped": func(t *testing.T, dir string) {
		headers(t, dir, "*_sci.fits", func(name string, h *fits.Header) {
			negate(h, "CD1_1")
			negate(h, "CD1_2")
		})
	},
	"half-pixel shift": func(t *testing.T, dir string) {
		headers(t, dir, "*_sci.fits", func(name string, h *fits.Header) {
			x, _ := h.Float("CRPIX1")
			h.SetFloat("CRPIX1", x+0.5, "")
		})
	},
	"axes swapped": func(t *testing.T, dir string) {
		headers(t, dir, "*_sci.fits", func(name string, h *fits.Header) {
			swap(h, "CD1_1", "CD1_2")
			swap(h, "CD2_1", "CD2_2")
			swap(h, "CRPIX1", "CRPIX2")
		})
	},
	"background left in": func(t *testing.T, dir string) {
		pixels(t, dir, "*_bkg.fits", func(file []byte, hdus []*fits.HDU) {
			for _, h := range hdus {
				clear(file[h.DataOffset() : h.DataOffset()+h.DataSize])
			}
		})
	},
	"PSF of another quadrant": func(t *testing.T, dir string) {
		pixels(t, dir, "*_psf.fits", func(file []byte, hdus []*fits.HDU) {
			first := slices.Clone(data(file, hdus[0]))
			for i := range hdus[1:] {
				copy(data(file, hdus[i]), data(file, hdus[i+1]))
			}
			copy(data(file, hdus[len(hdus)-1]), first)
		})
	},
	"WCS of another dither": func(t *testing.T, dir string) {
		other := map[string]*fits.Header{}
		headers(t, dir, "*_01_1_sci.fits", func(name string, h *fits.Header) { other[name] = h })
		headers(t, dir, "*_00_1_sci.fits", func(name string, h *fits.Header) {
			if o := other[name]; o != nil {
				for _, key := range h.Keys() {
					if strings.HasPrefix(key, "CR") || strings.HasPrefix(key, "CD") || strings.HasPrefix(key, "PV") {
						v, err := o.Float(key)
						if err != nil {
							t.Fatal(err)
						}
						h.SetFloat(key, v, "")
					}
				}
			}
		})
	},
}

func negate(h *fits.Header, key string) {
	v, _ := h.Float(key)
	h.SetFloat(key, -v, "")
}

func swap(h *fits.Header, a, b string) {
	v, _ := h.Float(a)
	w, _ := h.Float(b)
	h.SetFloat(a, w, "").SetFloat(b, v, "")
}

func data(file []byte, h *fits.HDU) []byte { return file[h.DataOffset() : h.DataOffset()+h.DataSize] }

// pixels changes the files of a directory tree that have such a name.
func pixels(t *testing.T, dir, pattern string, change func(file []byte, hdus []*fits.HDU)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatal("no files", pattern, err)
	}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		hdus, err := fits.ReadIndex(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		change(file, hdus[1:])
		if err := os.Remove(path); err != nil { // the name now, the original stays under its other one
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// headers changes the headers of the science images.
func headers(t *testing.T, dir, pattern string, change func(name string, h *fits.Header)) {
	t.Helper()
	pixels(t, dir, pattern, func(file []byte, hdus []*fits.HDU) {
		for _, h := range hdus {
			if !strings.HasSuffix(h.Name, ".SCI") {
				continue
			}
			change(h.Name, h.Header)
			raw := h.Header.Encode()
			if int64(len(raw)) != h.HeaderSize {
				t.Fatalf("the header of %s is %d bytes now, was %d", h, len(raw), h.HeaderSize)
			}
			copy(file[h.Offset:], raw)
		}
	})
}

// restore remembers the FITS files of a directory tree, by links, until it is called.
func restore(t *testing.T, dir string) func() {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*.fits"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if err := os.Link(p, p+".kept"); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, p := range paths {
			if err := os.Rename(p+".kept", p); err != nil { // does nothing where both are one file
				t.Fatal(err)
			}
			os.Remove(p + ".kept")
		}
	}
}
