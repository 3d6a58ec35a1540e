package reference

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/manifest"
	"github.com/cosmostat/constellation/pkg/results"
	"github.com/cosmostat/constellation/pkg/sky"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Method is what METHOD says of results of this engine.
const Method = "reference"

// CodeSubTile is the code of sub-tiles that can't be measured, bad data.
const CodeSubTile = "SubTileUnusable"

// Options say how to run. The zero value is good.
type Options struct {
	Workers   int // goroutines; 0: one for each processor. Results don't depend on it.
	Portraits int // sources to draw, at most
}

// Result is what was measured in one sub-tile.
type Result struct {
	Shear
	Fits    []Fit // of the core sources, in the order of their ids
	Summary Summary

	Portraits []Portrait

	manifest  *manifest.Manifest
	positions []sky.Coord
}

// Summary tells how good the measurement is.
type Summary struct {
	Core         int     `json:"core_sources"`
	Used         int     `json:"used_for_shear"`
	NoData       int     `json:"without_data"`
	Fitted       int     `json:"fitted"`              // with data, and galaxies by the catalogue
	NotConverged int     `json:"not_converged"`       // of those
	Chi2         float64 `json:"median_chi2_per_dof"` // of the sources used
	PSFMiss      float64 `json:"worst_psf_residual"`  // of the mixtures, root mean square over the PSF's own
	DX           float64 `json:"median_dx_arcsec"`    // of the sources used
	DY           float64 `json:"median_dy_arcsec"`
}

// rounds is how often sources with neighbours are fitted, each time with the
// neighbours' light taken away as the last round has it.
const rounds = 3

// Run measures the sub-tile in a directory. The fits of a round depend on the
// round before only, not on each other, so that they run in any order.
func Run(ctx context.Context, dir string, m *manifest.Manifest, o Options) (*Result, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	each := func(n int, work func(i int) error) error { return parallel(ctx, o.Workers, n, work) }
	all, err := readSources(ctx, dir, m)
	if err != nil {
		return nil, err
	}
	open, quadrants, err := openQuadrants(dir, m, each)
	if err != nil {
		return nil, err
	}
	defer open.close()

	wanted := neighbours(all)
	err = each(len(all), func(i int) error {
		if wanted[i] {
			return all[i].look(quadrants)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	models, fits := make([]model, len(all)), make([]Fit, len(all))
	for i := range all {
		models[i] = all[i].guess
	}
	for round := range rounds {
		fitters := make(chan *fitter, o.Workers)
		for range o.Workers {
			fitters <- newFitter()
		}
		err := each(len(all), func(i int) error {
			s := &all[i]
			if !wanted[i] || round > 0 && !fits[i].disturbed {
				return nil
			}
			f := <-fitters
			defer func() { fitters <- f }()
			around, err := f.load(quadrants, s, models)
			if err == nil {
				fits[i] = f.fit(s, models[i], around)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		for i := range all {
			if wanted[i] && !fits[i].has(FlagNoData) {
				models[i] = fits[i].model
			}
		}
	}
	r := collect(m, all, fits)
	r.Portraits, err = portraits(quadrants, all, models, fits, o.Portraits)
	return r, err
}

// parallel works on n things, some at a time, until one fails or the context ends.
func parallel(ctx context.Context, workers, n int, work func(i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(workers, n) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := context.Cause(ctx); err != nil {
					return fault.New(fault.Canceled, "InferenceStopped", "stopped: %w", err)
				}
				if err := work(i); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

// look finds a source in the quadrants: those that hold its position.
func (s *source) look(quadrants []*quadrant) error {
	exposures := map[string]bool{}
	for i, q := range quadrants {
		px, missed := q.wcs.ToPixelBatch(nil, []sky.Coord{s.pos})
		nx, ny := float64(q.sci.nx), float64(q.sci.ny)
		if x, y := px[0].X, px[0].Y; missed == 0 && x >= 0.5 && x < nx+0.5 && y >= 0.5 && y < ny+0.5 {
			v, ok := newView(i, q, x, y)
			if !ok {
				continue // no PSF, no model
			}
			cx, cy := int(x+0.5), int(y+0.5)
			w := &v.window
			w.x0, w.y0 = max(cx-s.half, 1), max(cy-s.half, 1)
			w.nx, w.ny = min(cx+s.half, q.sci.nx)-w.x0+1, min(cy+s.half, q.sci.ny)-w.y0+1
			s.views = append(s.views, v)
			exposures[q.exposure] = true
		}
	}
	s.covered = len(exposures)
	return nil
}

// collect makes the result of the core sources' fits.
func collect(m *manifest.Manifest, all []source, fits []Fit) *Result {
	r := &Result{manifest: m}
	var chi2, dx, dy []float64
	for i := range all {
		if !all[i].core {
			continue
		}
		f := fits[i]
		r.Fits = append(r.Fits, f)
		r.positions = append(r.positions, all[i].pos)
		switch {
		case f.has(FlagNoData):
			r.Summary.NoData++
		case f.has(FlagCatalog): // not a galaxy: nothing need be there
		default:
			r.Summary.Fitted++
			if f.has(FlagNotConverged) {
				r.Summary.NotConverged++
			}
		}
		if !f.has(FlagsRejected) {
			chi2, dx, dy = append(chi2, f.Chi2/float64(f.DOF)), append(dx, f.u), append(dy, f.v)
		}
		for _, v := range all[i].views {
			r.Summary.PSFMiss = max(r.Summary.PSFMiss, v.miss)
		}
	}
	r.Shear = mean(r.Fits)
	r.Summary.Core, r.Summary.Used = len(r.Fits), r.N
	r.Summary.Chi2, r.Summary.DX, r.Summary.DY = median(chi2), median(dx), median(dy)
	return r
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// Rows are the result as the contract of package results has it. CONVERGENCE
// is the fraction of the fitted sources, without those that the catalogue calls
// point sources or spurious, whose fits did not converge.
func (r *Result) Rows() (results.Shear, []results.Source) {
	m := r.manifest
	row := results.Shear{
		TileID: m.TileID, Row: int32(m.Row), Col: int32(m.Col), RA: m.Centre[0], Dec: m.Centre[1],
		NSources: int32(r.N), Method: Method, Status: survey.StatusOK,
	}
	if r.N == 0 {
		row.Status, row.Method = survey.StatusNoSources, ""
	} else {
		row.G1, row.G2 = number(r.G[0]), number(r.G[1])
		row.G1Err, row.G2Err = number(r.Err[0]), number(r.Err[1])
		row.Convergence = number(float64(r.Summary.NotConverged) / float64(r.Summary.Fitted))
	}
	sources := make([]results.Source, len(r.Fits))
	for i := range r.Fits {
		f := &r.Fits[i]
		s := &sources[i]
		*s = results.Source{
			TileID: m.TileID, Row: row.Row, Col: row.Col, ObjectID: f.ID,
			RA: r.positions[i].RA, Dec: r.positions[i].Dec, NExposures: int32(f.Exposures), Flags: f.Flags,
		}
		if f.has(FlagNoData) {
			continue
		}
		s.Flux, s.HLR, s.SNR = number(f.flux), number(f.Radius()), number(f.SNR)
		s.E1, s.E2, s.DX, s.DY = number(f.E[0]), number(f.E[1]), number(f.u), number(f.v)
		if f.Covariance != nil {
			// The radius is exp(a/2).
			s.FluxErr, s.HLRErr = number(f.err(2)), number(f.Radius()/2*f.err(3))
			s.E1Err, s.E2Err = number(f.EErr[0]), number(f.EErr[1])
		}
	}
	return row, sources
}

// number is a measurement, or none where a float32 can't hold it.
func number(v float64) *float32 {
	f := float32(v)
	if f-f != 0 { // infinite or not a number
		return nil
	}
	return &f
}
