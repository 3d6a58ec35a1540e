package manifest

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

var update = flag.Bool("update", false, "write the golden files anew")

func example() *Manifest {
	return &Manifest{
		TileID: 102159490, Row: 2, Col: 1,
		Bounds: Bounds{
			CoreRA: [2]float64{359.9, 360.1}, CoreDec: [2]float64{-51, -50.75},
			ExtendedRA: [2]float64{359.8, 360.2}, ExtendedDec: [2]float64{-51.00000001, 0.0000001},
		},
		Quadrants: []Quadrant{{
			SCI: "exposures/002704_00_1_sci.fits", RMS: "exposures/002704_00_1_sci.fits", FLG: "exposures/002704_00_1_sci.fits",
			BKG: "exposures/002704_00_1_bkg.fits", WGT: "", PSF: "psf/002704_00_1_psf.fits",
			Quadrant: "3-4.F", Obs: "002704", Dither: "00", CCD: "1", ExpTime: 560.52,
		}, {
			SCI: "s3://b/a b/x: #y \"z\"\\ü<&>.fits", RMS: "r", FLG: "f", BKG: "b", WGT: "yes", PSF: "null",
			Quadrant: "1-1.E", Obs: "1_000", Dither: "12:30", CCD: "0x1", ExpTime: 90,
		}},
		Catalog:       "catalog.fits",
		Sources:       []int64{math.MinInt64, -512345678901234567, 7, 8, 9, 10, 11, math.MaxInt64},
		Core:          []int64{-512345678901234567},
		FormatVersion: FormatVersion,
		Catalogs:      []string{"s3://b/1.fits", "s3://b/2.fits"},
		ConfigID:      "00e5",
		Centre:        [2]float64{2.25, 3},
		CorePolygon:   [][2]float64{{1, 2}, {3.5, 4}},
		Files:         []Product{{Path: "catalog.fits", Size: 5760, SHA256: "00"}, {Path: "psf/a.fits", Size: 8640, CRC64NVME: "rosUhgp5mIg="}},

		CoreCoverage:     &sky.Coverage{Fraction: 0.999999, Mean: 2.75, Min: 0, Max: 3, ByDepth: []float64{0.000001, 0, 0.25, 0.75}},
		ExtendedCoverage: &sky.Coverage{Fraction: 1, Mean: 3, Min: 3, Max: 3, ByDepth: []float64{0, 0, 0, 1}},
	}
}

func TestRoundTrip(t *testing.T) {
	for name, m := range map[string]*Manifest{
		"full":  example(),
		"empty": {Catalog: "catalog.fits", Quadrants: []Quadrant{}, Sources: []int64{}, Core: []int64{}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Write(&b, m); err != nil {
				t.Fatal(err)
			}
			got, err := Read(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatalf("%v\n%s", err, &b)
			}
			if d := cmp.Diff(m, got); d != "" {
				t.Errorf("-written +read\n%s\n%s", d, &b)
			}
		})
	}
}

// The golden file is what other programs read; testdata/check.py reads it with PyYAML.
func TestGolden(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, example()); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/manifest.yaml"
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("-golden +written\n%s", d)
	}
}

func TestReadForeign(t *testing.T) {
	m, err := Read(strings.NewReader(foreign))
	if err != nil {
		t.Fatal(err)
	}
	q := m.Quadrants[0]
	if q.Obs != "002704" || q.Dither != "00" || q.CCD != "1" || q.Quadrant != "3-4.F" {
		t.Errorf("quadrant %+v", q)
	}
	if d := cmp.Diff([]int64{-512345678901234567, 2}, m.Sources); d != "" {
		t.Error(d)
	}
}

// foreign is in block style, with keys of a later format.
const foreign = `
tile_id: 102159490
sub_tile_row: 2
sub_tile_col: 1
sky_bounds:
  core_ra: [1, 2]
  core_dec: [1, 2]
  extended_ra: [1, 2]
  extended_dec: [1.5, 2]
quadrants:
- {sci_path: a, rms_path: a, flg_path: a, bkg_path: b, wgt_path: '', psf_path: p, quadrant: 3-4.F, obs_id: '002704', dither: '00', ccd: '1', novel: 3}
source_catalog: catalog.fits
source_ids:
- -512345678901234567
- 2
core_source_ids: []
of_a_later_format: {a: 1}
`

func TestReadRefuses(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"missing key", "source_ids:\n- -512345678901234567\n- 2\n", "", "source_ids: "},
		{"missing bound", "  core_dec: [1, 2]\n", "", "sky_bounds.core_dec"},
		{"missing in quadrant", "psf_path: p, ", "", "quadrants[0].psf_path"},
		{"null", "tile_id: 102159490", "tile_id:", "tile_id"},
		{"wrong type", "tile_id: 102159490", "tile_id: [x]", "tile_id"},
		{"id too large", "- 2\n", "- 92233720368547758080\n", "92233720368547758080"},
		{"quadrants no list", "quadrants:\n", "quadrants: 3\nx:\n", "quadrants"},
		{"no YAML", "core_ra: [1, 2]", "core_ra: [1, 2", "core_ra"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(strings.Replace(foreign, tt.old, tt.new, 1)))
			if err == nil || fault.KindOf(err) != fault.BadData || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want bad data that names %s", err, tt.want)
			}
		})
	}
	for _, s := range []string{"", "a", "- 1", "{}", "---\na: 1\n---\nb: 2\n"} {
		if _, err := Read(strings.NewReader(s)); fault.CodeOf(err) != "ManifestInvalid" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestWriteRefusesNaN(t *testing.T) {
	m := example()
	m.Quadrants[1].ExpTime = math.NaN()
	if err := Write(new(bytes.Buffer), m); err == nil || !strings.Contains(err.Error(), "quadrants[1].exposure_time") {
		t.Error(err)
	}
}

// What is nested without end, or has too many parts, is refused before it is parsed.
func TestReadBounds(t *testing.T) {
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", 9<<20),
		"dashes":   strings.Repeat("- ", 4<<20) + "1",
		"in a key": strings.Replace(foreign, "source_ids:", "novel: "+strings.Repeat("[", 1<<20)+"\nsource_ids:", 1),
		"ids":      strings.Replace(foreign, "core_source_ids: []", "core_source_ids: ["+strings.Repeat("1, ", 3<<20)+"1]", 1),
		"keys":     strings.Replace(foreign, "of_a_later_format:", strings.Repeat("again: 1\n", 100_000)+"of_a_later_format:", 1),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(strings.NewReader(text))
		runtime.ReadMemStats(&after)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != "ManifestInvalid" || !strings.HasPrefix(f.Place, "line ") || f.Remedy == "" {
			t.Errorf("%s: %.200v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 128<<20 {
			t.Errorf("%s: %d MB were allocated", name, n>>20)
		}
	}
}
