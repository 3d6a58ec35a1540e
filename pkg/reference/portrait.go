package reference

import (
	"cmp"
	"math"
	"slices"
)

// Portrait is a source on one of its exposures, for people to look at: what was
// observed, and what the source and its neighbours are fitted as. Rows go
// upward; a masked pixel has no weight.
type Portrait struct {
	ID              int64
	Flux, SNR, Chi2 float64 // uJy; of all exposures; per degree of freedom
	NX, NY          int
	Observed, Model []float64 // ADU
	Weight          []float64 // inverse variance
}

// portraits draws a few core sources, from the brightest to the faintest.
func portraits(quadrants []*quadrant, all []source, models []model, fits []Fit, most int) ([]Portrait, error) {
	var chosen []int
	for i := range all {
		if all[i].core && len(all[i].views) > 0 && !fits[i].has(FlagNoData) && !fits[i].has(FlagCatalog) {
			chosen = append(chosen, i)
		}
	}
	slices.SortFunc(chosen, func(a, b int) int {
		return cmp.Or(cmp.Compare(models[b].flux, models[a].flux), cmp.Compare(all[a].id, all[b].id))
	})
	n := min(most, len(chosen))
	out := make([]Portrait, 0, n)
	f := newFitter()
	for k := range n {
		at := 0
		if n > 1 {
			at = int(math.Round(float64(k) * float64(len(chosen)-1) / float64(n-1)))
		}
		i := chosen[at]
		s, v := &all[i], &all[i].views[0]
		var st stamp
		st.x0, st.y0, st.nx, st.ny = v.window.x0, v.window.y0, v.window.nx, v.window.ny
		if err := quadrants[v.quadrant].read(&st, &f.read); err != nil {
			return nil, err
		}
		c := &f.canvas
		c.reset(st.x0, st.y0, st.nx, st.ny, false)
		f.draw(c, v, models[i], models[i].u, models[i].v)
		for _, near := range s.near {
			if other := models[near.index]; other.flux > 0 {
				f.draw(c, v, other, near.u+other.u, near.v+other.v)
			}
		}
		p := Portrait{ID: s.id, Flux: models[i].flux, SNR: fits[i].SNR, NX: st.nx, NY: st.ny, Observed: st.value, Model: slices.Clone(c.value), Weight: st.weight}
		if fits[i].DOF > 0 {
			p.Chi2 = fits[i].Chi2 / float64(fits[i].DOF)
		}
		out = append(out, p)
	}
	return out, nil
}
