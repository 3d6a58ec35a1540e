package simulate

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/wcs"
)

func digests(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			rel, _ := filepath.Rel(dir, path)
			all[rel] = fmt.Sprintf("%x", sha256.Sum256(raw))
		}
		return err
	})
	return all
}

// Same survey, same names and bytes, however many processors; another seed, others.
func TestDeterminism(t *testing.T) {
	s := preset(t, "tiny")
	first := digests(t, written(t, s))
	old := runtime.GOMAXPROCS(7)
	second := digests(t, written(t, s))
	runtime.GOMAXPROCS(old)
	if len(first) != len(second) {
		t.Errorf("%d files, then %d", len(first), len(second))
	}
	for name, sum := range first {
		if second[name] != sum {
			t.Errorf("%s differs", name)
		}
	}
	s.Seed = 2
	for name, sum := range digests(t, written(t, s)) {
		if first[name] == sum && !strings.Contains(name, "PSF") {
			t.Errorf("%s is the same for another seed", name)
		}
	}
}

// At awkward places of the sky too, each source of the truth that falls on a
// quadrant shows at the pixel that the file's own WCS gives, above the sky and
// by as much as the noise map allows.
func TestSourcesShow(t *testing.T) {
	for name, centre := range places {
		t.Run(name, func(t *testing.T) {
			s := preset(t, "tiny")
			s.Centre = centre
			dir := written(t, s)
			sources, err := s.sources()
			if err != nil {
				t.Fatal(err)
			}
			raw, _, det := index(t, one(t, dir, "VIS/2682/*DET-002682-00-1-*"))
			sky, _, bkg := index(t, one(t, dir, "VIS/2682/*BKG-002682-00-1-*"))
			seen := 0
			for _, q := range s.quadrants() {
				h := det[q.String()+".SCI"]
				w, err := wcs.New(h.Header)
				if err != nil {
					t.Fatal(err)
				}
				sci, rms, flg := floats(raw, h), floats(raw, det[q.String()+".RMS"]), ints(raw, det[q.String()+".FLG"])
				background := floats(sky, bkg[q.String()])
				for _, src := range visible(sources) {
					x, y, err := w.ToPixel(src.sky)
					if err != nil || x < 3 || y < 3 || x > float64(s.Width-2) || y > float64(s.Height-2) {
						continue
					}
					var signal, variance float64 // of 3 x 3 pixels
					for i := range 9 {
						at := (int(math.Round(y))-2+i/3)*s.Width + int(math.Round(x)) - 2 + i%3
						if flg[at]&flagInvalid != 0 {
							continue
						}
						signal += float64(sci[at] - background[at])
						variance += float64(rms[at]) * float64(rms[at])
					}
					if variance == 0 {
						continue
					}
					seen++
					if snr := signal / math.Sqrt(variance); snr < 6 {
						t.Errorf("%s at (%.1f, %.1f) of %s stands out by %.1f sigma only", src.kind, x, y, q, snr)
					}
				}
			}
			if seen < 8 {
				t.Errorf("only %d sources on the quadrants", seen)
			}
		})
	}
}

// SCI - BKG is noise of the RMS map's scale where there are no sources.
func TestNoise(t *testing.T) {
	s := preset(t, "tiny")
	s.Width, s.Height = 256, 260
	v := sight{s, s.exposures()[0], s.quadrants()[5], nil}
	sci, rms, flg, err := v.expose()
	if err != nil {
		t.Fatal(err)
	}
	var sum, squares, n float64
	high := int32(0)
	for i, b := range v.backgrounds() {
		high |= flg[i] &^ 0xffff
		if flg[i]&flagInvalid == 0 {
			z := float64((sci[i] - b) / rms[i])
			sum, squares, n = sum+z, squares+z*z, n+1
		}
	}
	if mean, scatter := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 4/math.Sqrt(n) || math.Abs(scatter-1) > 0.01 {
		t.Errorf("noise over RMS: mean %.4f, scatter %.4f", mean, scatter)
	}
	if n == float64(len(sci)) {
		t.Error("no pixel is invalid")
	}
	if high != 0 {
		t.Errorf("flags %#x without a source", high)
	}
}

func TestTilesAndSources(t *testing.T) {
	for name, centre := range places {
		s := preset(t, "demo")
		s.Centre, s.TileRows = centre, 2
		tiles := s.Tiles()
		if len(tiles) != 4 || tiles[0].Centre != centre || tiles[2].ID != s.FirstTile+RowStride {
			t.Errorf("%s: tiles %v", name, tiles)
		}
		sources, err := s.sources()
		if err != nil {
			t.Fatal(err)
		}
		ids := map[int64]bool{}
		var mean [2]float64
		for _, src := range sources {
			if ids[src.id] {
				t.Errorf("%s: id %d twice", name, src.id)
			}
			ids[src.id] = true
			if (src.id < 0) != (src.measured.Dec < 0) {
				t.Errorf("%s: id %d at Dec %g", name, src.id, src.measured.Dec)
			}
			if owner, _ := sky.Owner(src.measured, tiles); owner != src.tile {
				t.Errorf("%s: a source of tile %d is owned by %d", name, src.tile, owner)
			}
			if sky.Separation(src.sky, src.measured)*3600 > 0.1 {
				t.Errorf("%s: %d is off by more than 0.1 arcsec", name, src.id)
			}
			mean[0], mean[1] = mean[0]+src.e[0], mean[1]+src.e[1]
		}
		if math.Hypot(mean[0], mean[1]) > 1e-9 {
			t.Errorf("%s: paired shapes sum up to %v", name, mean)
		}
	}
	if id := objectID(sky.Coord{RA: 58.3564921, Dec: -47.251352}); id != -583564921472513520 {
		t.Errorf("id %d", id)
	}
}

func TestCatalogue(t *testing.T) {
	all := fields()
	names := map[string]bool{}
	for _, f := range all {
		names[f.name] = true
		if f.name != strings.ToUpper(f.name) {
			t.Errorf("column %s is not upper-case", f.name)
		}
	}
	if len(names) != 469 || len(all) != 469 {
		t.Errorf("%d columns of %d names, want 469", len(all), len(names))
	}
}

func TestValidate(t *testing.T) {
	for _, name := range presets {
		if err := preset(t, name).Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Preset("huge"); fault.KindOf(err) != fault.BadInput || !strings.Contains(err.Error(), "tiny, demo, tile") {
		t.Errorf("preset huge: %v", err)
	}
	for field, change := range map[string]func(*Survey){
		"dithers":        func(s *Survey) { s.Dithers = 5 },
		"centre":         func(s *Survey) { s.Centre.Dec = math.NaN() },
		"core_arcmin":    func(s *Survey) { s.CoreArcmin = 5 },
		"shears[1]":      func(s *Survey) { s.Shears[1][0] = 0.9 },
		"shears":         func(s *Survey) { s.Shears = nil },
		"redelivered":    func(s *Survey) { s.Redelivered = "FLG" },
		"min_separation": func(s *Survey) { s.MinSeparation = 60 },
		"short":          func(s *Survey) { s.Short = 3 },
	} {
		s := preset(t, "demo")
		change(&s)
		_, err := Run(t.Context(), objstore.Open(t.Context(), objstore.Config{}), t.TempDir(), s, nil)
		if fault.KindOf(err) != fault.BadInput || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestConfigYAML(t *testing.T) {
	s := preset(t, "tile")
	want := `field_name: EDFS
tile_ids: [102018211]
tiling:
  source: mer_mosaic
  sub_tile_grid: [4, 4]
  sub_tile_margin_arcmin: 1
  mer_tile_size_arcmin: 32
  mer_core_size_arcmin: 30
data:
  vis_base_uri: "s3://sim/q1/VIS/"
  mer_base_uri: "s3://sim/q1/MER/"
  catalog_base_uri: "s3://sim/q1/catalogs/MER_FINAL_CATALOG/"
`
	if got := s.ConfigYAML("s3://sim/q1/"); got != want {
		t.Errorf("got\n%s", got)
	}
	if ids := preset(t, "demo").TargetIDs(); !slices.Equal(ids, []int64{102018211, 102018212}) {
		t.Errorf("demo's targets %v", ids)
	}
}

// Where there can be no holes, zeros are written: the bytes are the same.
func TestSparse(t *testing.T) {
	s := preset(t, "tiny")
	s.Sparse = true
	dir, memory := written(t, s), objstore.NewMemory()
	sum, err := Run(t.Context(), memory, "mem://sim/q1", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, digest := range digests(t, dir) {
		raw, err := objstore.ReadFile(t.Context(), memory, "mem://sim/q1/"+name)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%x", sha256.Sum256(raw)) != digest {
			t.Errorf("%s differs", name)
		}
		sum.Files--
		sum.Bytes -= int64(len(raw))
	}
	if sum.Files != 0 || sum.Bytes != 0 {
		t.Errorf("the summary is off by %d files and %d bytes", sum.Files, sum.Bytes)
	}
}

// A run that is stopped or fails leaves no half file.
func TestStopped(t *testing.T) {
	for _, sparse := range []bool{false, true} {
		s := preset(t, "tiny")
		s.Sparse = sparse
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		_, err := Run(ctx, objstore.Open(t.Context(), objstore.Config{}), dir, s, func(done, _ int, _ string) {
			if done == 12 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("sparse %v: %v", sparse, err)
		}
		if n := len(digests(t, dir)); n != 12 {
			t.Errorf("sparse %v: %d files, want the 12 that were whole", sparse, n)
		}
	}
	broken := errors.New("broken")
	f := file{path: "x", parts: 9, part: func(i int) ([]piece, error) {
		if i == 4 {
			return nil, broken
		}
		return []piece{{bytes: []byte("data")}}, nil
	}}
	dir := t.TempDir()
	if _, err := f.write(t.Context(), objstore.Open(t.Context(), objstore.Config{}).Create, dir, 3); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if n := len(digests(t, dir)); n != 0 {
		t.Errorf("%d files left", n)
	}
}
