package extract

import (
	"bytes"
	"math"
	"math/rand/v2"
	"path"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Coverage is held against counting the exposures over points of a fine grid.
func TestCoverage(t *testing.T) {
	v := usual(t, objstore.NewMemory(), "mem://bucket")
	v.expose("002682", "00", sky.Offset{Xi: 6. / 60}) // over the eastern half
	job := v.job("mem://bucket/out")
	report, err := Tile(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	files := v.listing(job.Dir)
	for i, s := range report.SubTiles {
		sub := job.SubTiles[i]
		for _, area := range []struct {
			name string
			box  sky.Box
			got  *sky.Coverage
		}{{"core", sub.Core, s.Core}, {"extended area", sub.Extended, s.Extended}} {
			want := sampled(job.Tile.Plane(), area.box, job.Quadrants)
			if len(area.got.ByDepth) != len(want) {
				t.Errorf("%s of %s: %v, by sampling %v", area.name, sub.Name(), area.got.ByDepth, want)
				continue
			}
			for n := range want {
				if math.Abs(area.got.ByDepth[n]-want[n]) > 0.003 {
					t.Errorf("%s of %s: %v under %d exposures, by sampling %v", area.name, sub.Name(), area.got.ByDepth[n], n, want[n])
				}
			}
			if covered := 1 - area.got.ByDepth[0]; math.Abs(covered-area.got.Fraction) > 2e-6 || area.got.Max != len(want)-1 {
				t.Errorf("%s of %s: %+v", area.name, sub.Name(), area.got)
			}
		}
		for _, name := range []string{survey.LocalManifestFile, survey.ManifestFile} {
			m, err := manifest.Read(bytes.NewReader(files[path.Join(sub.Name(), name)]))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]*sky.Coverage{s.Core, s.Extended}, []*sky.Coverage{m.CoreCoverage, m.ExtendedCoverage}); d != "" {
				t.Errorf("%s of %s: -report +manifest\n%s", name, sub.Name(), d)
			}
		}
	}
	if west, east := report.SubTiles[0].Core, report.SubTiles[1].Core; west.Mean >= east.Mean || east.Max != 3 {
		t.Errorf("west %+v, east %+v", west, east)
	}
}

func TestCoverageOfNothing(t *testing.T) {
	v := newSurvey(t, objstore.NewMemory(), "mem://bucket")
	v.catalogs = append(v.catalogs, v.catalog("own.fits", 1, v.scatter(-4, 4, 30)))
	report, err := Tile(t.Context(), v.job("mem://bucket/out"))
	if err != nil {
		t.Fatal(err)
	}
	want := &sky.Coverage{ByDepth: []float64{1}}
	for _, s := range report.SubTiles {
		if d := cmp.Diff(want, s.Core); d != "" {
			t.Error(d)
		}
	}
}

// sampled is the depth by points, one somewhere in each cell of a grid.
func sampled(plane sky.Tangent, box sky.Box, quadrants []euclid.Quadrant) []float64 {
	const n = 200
	r := rand.New(rand.NewPCG(1, 2))
	polygons := make([][]sky.Offset, len(quadrants))
	for i, q := range quadrants {
		for _, c := range q.Outline {
			o, _ := plane.Project(c)
			polygons[i] = append(polygons[i], o)
		}
	}
	var depth []float64
	for i := range n {
		for j := range n {
			at := sky.Offset{
				Xi:  box.XiMin + (float64(i)+r.Float64())/n*(box.XiMax-box.XiMin),
				Eta: box.EtaMin + (float64(j)+r.Float64())/n*(box.EtaMax-box.EtaMin),
			}
			over := map[euclid.ExposureID]bool{}
			for k, q := range quadrants {
				if !over[q.Exposure] && holds(polygons[k], at) {
					over[q.Exposure] = true
				}
			}
			for len(depth) <= len(over) {
				depth = append(depth, 0)
			}
			depth[len(over)] += 1. / n / n
		}
	}
	return depth
}

// holds is the even-odd rule.
func holds(polygon []sky.Offset, at sky.Offset) bool {
	odd := false
	p := polygon[len(polygon)-1]
	for _, q := range polygon {
		if (p.Eta > at.Eta) != (q.Eta > at.Eta) && at.Xi < p.Xi+(at.Eta-p.Eta)/(q.Eta-p.Eta)*(q.Xi-p.Xi) {
			odd = !odd
		}
		p = q
	}
	return odd
}
