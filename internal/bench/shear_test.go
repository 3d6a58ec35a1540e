package bench

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cosmostat/constellation/internal/testing/testsurvey"
	"github.com/cosmostat/constellation/pkg/reference"
	"github.com/cosmostat/constellation/pkg/simulate"
)

// pair is a galaxy that was simulated and measured twice, with opposite shears
// and the same noise.
type pair struct {
	order  float64 // the same for galaxies of opposite shapes
	snr    float64 // the mean of both, of the round source
	weight float64
	e      [2][2]float64 // measured, by sign of the shear and component
}

// applied is the shear of the first of each pair; the other's is its negative.
var applied = [2]float64{0.03, -0.02}

// perSurvey is how many galaxies one simulated survey holds.
const perSurvey = 1000

// TestShearBias prints multiplicative and additive bias, g_measured = (1 + m)
// g_true + c, for each component and bin of signal-to-noise ratio. Every
// galaxy is simulated and measured under +g and -g with the same place, shape
// and noise, so that its own shape drops out of m:
//
//	1 + m = sum w (e+ - e-) / (2 g sum w),  c = sum w (e+ + e-) / (2 sum w)
//
// and the next galaxy has the opposite shape, so that most of it drops out of
// c. Errors are the delete-a-twentieth jackknife's. A galaxy counts if both its
// measurements do. BENCH_SHEAR_GALAXIES says how many pairs; without it, none.
func TestShearBias(t *testing.T) {
	wanted, _ := strconv.Atoi(os.Getenv("BENCH_SHEAR_GALAXIES"))
	if wanted <= 0 {
		t.Skip("BENCH_SHEAR_GALAXIES is not set: make bench-shear runs this")
	}
	start, engine := time.Now(), time.Duration(0)
	var pairs []pair
	simulated, chi2, surveys := 0, 0.0, 0
	for seed := uint64(1); simulated < wanted; seed++ {
		var runs [2]*reference.Result
		var truth map[int64]testsurvey.Truth
		for i, sign := range []float64{1, -1} {
			p := testsurvey.Prepare(t, sheared(t, seed, sign), t.TempDir())
			began := time.Now()
			r, err := reference.Run(t.Context(), p.SubTiles[0].Dir, p.SubTiles[0].Manifest, reference.Options{})
			if err != nil {
				t.Fatal(err)
			}
			engine += time.Since(began)
			runs[i], truth = r, p.Truth
			chi2 += r.Summary.Chi2 / 2
			if err := os.RemoveAll(p.SubTiles[0].Dir); err != nil {
				t.Fatal(err)
			}
		}
		surveys++
		simulated += perSurvey
		pairs = append(pairs, match(runs, truth)...)
		if !testing.Short() {
			fmt.Fprintf(os.Stderr, "%d of %d pairs simulated, %d measured, %s\n", simulated, wanted, len(pairs), time.Since(start).Round(time.Second))
		}
	}
	fmt.Printf("\n%d pairs simulated, %d measured; chi-square per degree of freedom %.4f; %s in all, the engine %s: %.1f ms a source\n",
		simulated, len(pairs), chi2/float64(surveys), time.Since(start).Round(time.Second), engine.Round(time.Second),
		engine.Seconds()*1000/float64(2*simulated))
	fmt.Printf("%12s %8s %20s %20s %22s %22s\n", "SNR", "pairs", "m1 / 1e-3", "m2 / 1e-3", "c1 / 1e-4", "c2 / 1e-4")
	bins := []float64{10, 15, 20, 30, 50, 100, math.Inf(1)}
	for i := range bins[1:] {
		bias(fmt.Sprintf("%g-%g", bins[i], bins[i+1]), pairs, bins[i], bins[i+1])
	}
	bias("all", pairs, 0, math.Inf(1))
}

// sheared is a survey of one sub-tile of galaxies down to where shear is measured from.
func sheared(t *testing.T, seed uint64, sign float64) simulate.Survey {
	s, err := simulate.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	s.Seed = seed
	s.TileRows, s.TileCols, s.TileArcmin, s.CoreArcmin = 1, 1, 5.2, 5.1
	s.GridRows, s.GridCols, s.MarginArcmin = 1, 1, 0
	s.CCDRows, s.CCDCols, s.Width, s.Height = 3, 3, 480, 470
	s.Observations, s.Dithers, s.Short, s.Redelivered, s.MissingWGT = 1, 3, 0, "", false
	s.Galaxies, s.Stars, s.Spurious, s.MinSeparation = perSurvey, 0, 0, 5
	s.Bright, s.Faint = 20, 24.8
	s.Shears, s.PairedShapes, s.PSFSpread = [][2]float64{{sign * applied[0], sign * applied[1]}}, true, 0.02
	return s
}

// match pairs up what two runs measured of the same galaxies, which have the
// same ids, and puts galaxies of opposite shapes next to each other.
func match(runs [2]*reference.Result, truth map[int64]testsurvey.Truth) (pairs []pair) {
	second := map[int64]*reference.Fit{}
	for i := range runs[1].Fits {
		second[runs[1].Fits[i].ID] = &runs[1].Fits[i]
	}
	for i := range runs[0].Fits {
		a := &runs[0].Fits[i]
		b := second[a.ID]
		if b == nil || (a.Flags|b.Flags)&reference.FlagsRejected != 0 {
			continue
		}
		pairs = append(pairs, pair{
			order: math.Abs(truth[a.ID].E[0]),
			snr:   (a.RoundSNR + b.RoundSNR) / 2, weight: (a.Weight() + b.Weight()) / 2, e: [2][2]float64{a.E, b.E},
		})
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.order, b.order) })
	return pairs
}

// bias prints a line of the table.
func bias(name string, all []pair, from, to float64) {
	var some []pair
	for _, p := range all {
		if p.snr >= from && p.snr < to {
			some = append(some, p)
		}
	}
	const blocks = 20
	if len(some) < 2*blocks {
		fmt.Printf("%12s %8d %s\n", name, len(some), "too few")
		return
	}
	whole := estimate(some, -1, blocks)
	var sum, square [4]float64
	for b := range blocks {
		for i, v := range estimate(some, b, blocks) {
			sum[i] += v / blocks
			square[i] += v * v / blocks
		}
	}
	var err [4]float64
	for i := range err {
		err[i] = math.Sqrt((blocks - 1) * max(0, square[i]-sum[i]*sum[i]))
	}
	fmt.Printf("%12s %8d", name, len(some))
	for i, scale := range []float64{1e3, 1e3, 1e4, 1e4} {
		fmt.Printf(" %+10.2f +- %6.2f", whole[i]*scale, err[i]*scale)
	}
	fmt.Println()
}

// estimate is (m1, m2, c1, c2) without one of some blocks. Blocks are runs of
// the list, so that a galaxy and its opposite mostly stay together.
func estimate(pairs []pair, without, blocks int) (v [4]float64) {
	weight := 0.0
	for i, p := range pairs {
		if i*blocks/len(pairs) == without {
			continue
		}
		weight += p.weight
		for k := range 2 {
			v[k] += p.weight * (p.e[0][k] - p.e[1][k]) / (2 * applied[k])
			v[2+k] += p.weight * (p.e[0][k] + p.e[1][k]) / 2
		}
	}
	for i := range v {
		v[i] /= weight
	}
	return [4]float64{v[0] - 1, v[1] - 1, v[2], v[3]}
}
