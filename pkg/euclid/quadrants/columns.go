package quadrants

import (
	"slices"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

// row is a quadrant as the files hold it: its outline by coordinates.
type row struct {
	euclid.Quadrant
	ra, dec []float64
}

func columns() []columnar.Column[row] {
	cols := []columnar.Column[row]{
		columnar.Field("obs", func(r *row) any { return &r.Exposure.Obs }),
		columnar.Field("dither", func(r *row) any { return &r.Exposure.Dither }),
		columnar.Field("number", func(r *row) any { return &r.Exposure.Number }),
		columnar.Field("name", func(r *row) any { return &r.Name }),
		columnar.Field("exptime", func(r *row) any { return &r.ExpTime }),
		columnar.Field("outline_ra", func(r *row) any { return &r.ra }),
		columnar.Field("outline_dec", func(r *row) any { return &r.dec }),
	}
	for _, s := range []struct {
		name string
		of   func(q *euclid.Quadrant) *euclid.Segment
	}{
		{"sci", func(q *euclid.Quadrant) *euclid.Segment { return &q.SCI }},
		{"rms", func(q *euclid.Quadrant) *euclid.Segment { return &q.RMS }},
		{"flg", func(q *euclid.Quadrant) *euclid.Segment { return &q.FLG }},
		{"bkg", func(q *euclid.Quadrant) *euclid.Segment { return &q.BKG }},
		{"wgt", func(q *euclid.Quadrant) *euclid.Segment { return &q.WGT }},
		{"psf", func(q *euclid.Quadrant) *euclid.Segment { return &q.PSF }},
	} {
		cols = append(cols,
			columnar.Field(s.name+"_offset", func(r *row) any { return &s.of(&r.Quadrant).Offset }),
			columnar.Field(s.name+"_length", func(r *row) any { return &s.of(&r.Quadrant).Length }))
	}
	return cols
}

// rowsOf takes the outlines apart.
func rowsOf(qs []euclid.Quadrant) []row {
	points := 0
	for i := range qs {
		points += len(qs[i].Outline)
	}
	rows, at := make([]row, len(qs)), make([]float64, 0, 2*points)
	take := func(n int) []float64 {
		from := len(at)
		at = at[:from+n]
		return at[from:]
	}
	for i, q := range qs {
		rows[i] = row{q, take(len(q.Outline)), take(len(q.Outline))}
		for k, c := range q.Outline {
			rows[i].ra[k], rows[i].dec[k] = c.RA, c.Dec
		}
	}
	return rows
}

// quadrant puts the outline together.
func (r *row) quadrant() (euclid.Quadrant, error) {
	if len(r.ra) != len(r.dec) {
		return r.Quadrant, fault.Data(CodeCorrupt, "its outline has more points in one coordinate than in the other").
			At("exposure %s, quadrant %s", r.Exposure, r.Name).Fix(remedy)
	}
	r.Outline = slices.Grow(r.Outline, len(r.ra))
	for i := range r.ra {
		r.Outline = append(r.Outline, sky.Coord{RA: r.ra[i], Dec: r.dec[i]})
	}
	return r.Quadrant, nil
}
