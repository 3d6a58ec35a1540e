package quadrants

import (
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/sky"
)

// column binds a column of the file to a field of a quadrant: ref returns
// *string, *float64, *int64 or an axis.
type column struct {
	name string
	ref  func(q *euclid.Quadrant) any
}

// axis is one coordinate of all points of an outline.
type axis struct {
	outline *[]sky.Coord
	dec     bool
}

// at is the coordinate of the i-th point.
func (a axis) at(i int) *float64 {
	if a.dec {
		return &(*a.outline)[i].Dec
	}
	return &(*a.outline)[i].RA
}

func columns() []column {
	cols := []column{
		{"obs", func(q *euclid.Quadrant) any { return &q.Exposure.Obs }},
		{"dither", func(q *euclid.Quadrant) any { return &q.Exposure.Dither }},
		{"number", func(q *euclid.Quadrant) any { return &q.Exposure.Number }},
		{"name", func(q *euclid.Quadrant) any { return &q.Name }},
		{"exptime", func(q *euclid.Quadrant) any { return &q.ExpTime }},
		{"outline_ra", func(q *euclid.Quadrant) any { return axis{&q.Outline, false} }},
		{"outline_dec", func(q *euclid.Quadrant) any { return axis{&q.Outline, true} }},
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
			column{s.name + "_offset", func(q *euclid.Quadrant) any { return &s.of(q).Offset }},
			column{s.name + "_length", func(q *euclid.Quadrant) any { return &s.of(q).Length }})
	}
	return cols
}

// node is the column in a Parquet schema. Nothing is null.
func (c column) node() (schema.Node, error) {
	req := parquet.Repetitions.Required
	switch c.ref(new(euclid.Quadrant)).(type) {
	case *string:
		return schema.NewPrimitiveNodeLogical(c.name, req, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1)
	case *int64:
		return schema.NewInt64Node(c.name, req, -1), nil
	case *float64:
		return schema.NewFloat64Node(c.name, req, -1), nil
	}
	return schema.ListOf(schema.NewFloat64Node(c.name, req, -1), req, -1)
}
