package shine_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/testsurvey"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/shine"
	"github.com/cosmostat/constellation/pkg/simulate"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// shinePython names a Python that has SHINE with its Euclid backend (docs/shine.md).
const shinePython = "CONSTELLATION_SHINE_PYTHON"

// injected is the shear of the truth test: two components, unlike and not zero.
var injected = [2]float64{0.05, -0.04}

// few is a survey of one sub-tile with a few bright galaxies, each on two
// exposures, under PSFs that differ strongly between quadrants.
func few(t *testing.T) simulate.Survey {
	s, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	s.TileRows, s.TileCols, s.TileArcmin, s.CoreArcmin = 1, 1, 1.4, 1.3
	s.GridRows, s.GridCols, s.MarginArcmin = 1, 1, 0
	s.CCDRows, s.CCDCols, s.Width, s.Height = 1, 1, 480, 490
	s.Observations, s.Dithers, s.Short, s.Redelivered, s.MissingWGT, s.PA = 2, 1, 0, "", false, 20
	s.Galaxies, s.Stars, s.Spurious, s.MinSeparation = 24, 1, 1, 7
	s.Bright, s.Faint = 19.5, 21.5
	s.Shears, s.PairedShapes, s.PSFSpread = [][2]float64{injected}, true, 0.08
	return s
}

// TestTruthOfSHINE runs the command that SHINE documents, on SHINE itself on
// the CPU, and holds what it found against what was simulated.
func TestTruthOfSHINE(t *testing.T) {
	python := os.Getenv(shinePython)
	if python == "" {
		t.Skipf("SKIPPED: SHINE itself was not run; set %s to a Python that has it (docs/shine.md)", shinePython)
	}
	source, err := filepath.Abs("../../deploy/shine/src")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PYTHONPATH", source) // the adapter of this tree, whatever is installed
	t.Setenv("JAX_PLATFORMS", "cpu")
	p := testsurvey.Prepare(t, few(t), t.TempDir())
	sub := p.SubTiles[0]
	found, err := shine.Run(t.Context(), shine.Job{
		Dir: sub.Dir, Engine: settings.EngineShine, Command: []string{python, "-m", "constellation_shine"}, Timeout: 40 * time.Minute, ConfigID: "truth", Log: os.Stderr,
		// SHINE's own prior on the shear would pull so few galaxies to zero.
		Inference: "inference:\n  method: map\n  map_config: {num_steps: 60, learning_rate: 0.02}\n  galaxy_stamp_sizes: [64, 128]\n",
		GAL: "gal:\n  type: Exponential\n  flux: {type: LogNormal, center: catalog, sigma: 0.5}\n  half_light_radius: {type: LogNormal, center: catalog, sigma: 0.3}\n" +
			"  shear: {type: G1G2, g1: {type: Normal, mean: 0.0, sigma: 0.5}, g2: {type: Normal, mean: 0.0, sigma: 0.5}}\n" +
			"  ellipticity: {type: E1E2, e1: {type: Normal, mean: 0.0, sigma: 0.2}, e2: {type: Normal, mean: 0.0, sigma: 0.2}}\n" +
			"  position: {type: Offset, dx: {type: Normal, mean: 0.0, sigma: 0.05}, dy: {type: Normal, mean: 0.0, sigma: 0.05}}\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	if found.Outcome.Status != survey.StatusOK {
		t.Fatalf("%+v", found.Outcome)
	}
	var off [6][]float64 // flux, size and shapes in units that people read; u and v in arcsec
	var pull []float64
	for _, s := range found.Sources {
		is := p.Truth[s.ObjectID]
		if is.Kind != "galaxy" {
			continue
		}
		e, o := is.Shape(), offset(s, is)
		for i, v := range []float64{float64(*s.Flux)/is.Flux - 1, float64(*s.HLR)/is.HLR - 1, float64(*s.E1) - e[0], float64(*s.E2) - e[1], float64(*s.DX) - o[0], float64(*s.DY) - o[1]} {
			off[i] = append(off[i], v)
		}
		pull = append(pull, (float64(*s.Flux)-is.Flux)/float64(*s.FluxErr), (float64(*s.HLR)-is.HLR)/float64(*s.HLRErr),
			(float64(*s.E1)-e[0])/float64(*s.E1Err), (float64(*s.E2)-e[1])/float64(*s.E2Err))
		t.Logf("%d %8.2f uJy: flux %+.4f (%+.1f) size %+.4f (%+.1f) e %+.4f (%+.1f) %+.4f (%+.1f) at %+.4f %+.4f", s.ObjectID, is.Flux,
			off[0][len(off[0])-1], pull[len(pull)-4], off[1][len(off[1])-1], pull[len(pull)-3], off[2][len(off[2])-1], pull[len(pull)-2], off[3][len(off[3])-1], pull[len(pull)-1],
			off[4][len(off[4])-1], off[5][len(off[5])-1])
	}
	var report strings.Builder
	hold := func(what string, value, from, to float64) {
		fmt.Fprintf(&report, "  %-18s %9.5f in [%g, %g]\n", what, value, from, to)
		if !(value >= from && value <= to) {
			t.Errorf("%s is %g, not in [%g, %g]", what, value, from, to)
		}
	}
	row := found.Shear
	for i, g := range [2][2]*float32{{row.G1, row.G1Err}, {row.G2, row.G2Err}} {
		err := float64(*g[1])
		fmt.Fprintf(&report, "  g%d %+.4f +- %.4f, injected %+.3f\n", i+1, *g[0], err, injected[i])
		hold(fmt.Sprintf("error of g%d", i+1), float64(*g[0])-injected[i], -3*err, 3*err)
	}
	hold("galaxies", float64(len(off[0])), 12, 24)
	hold("flux", mean(off[0]), -0.01, 0.01)
	hold("size", mean(off[1]), -0.01, 0.01)
	hold("shape 1", mean(off[2]), -0.005, 0.005)
	hold("shape 2", mean(off[3]), -0.005, 0.005)
	hold("position along u", mean(off[4]), -0.003, 0.003)
	hold("position along v", mean(off[5]), -0.003, 0.003)
	hold("scatter of pulls", rms(pull), 0.6, 1.4)
	t.Logf("%d of %d galaxies:\n%s", len(off[0]), few(t).Galaxies, report.String())
}

// offset is where a source lies, in arcsec along u and v from its catalogue position.
func offset(s results.Source, is testsurvey.Truth) [2]float64 {
	o, _ := sky.NewTangent(sky.Coord{RA: s.RA, Dec: s.Dec}).Project(is.Pos)
	return [2]float64{-3600 * o.Xi, 3600 * o.Eta}
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(max(len(v), 1))
}

func rms(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum / float64(max(len(v), 1)))
}
