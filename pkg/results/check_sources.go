package results

import (
	"math"
	"slices"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/survey"
)

// checkSources holds the sources of a table from one on to the sub-tile, a column
// at a time.
func (c *Core) checkSources(t *columnar.Table, from int) error {
	if t.Rows == from {
		return nil
	}
	if err := c.checkKeys(t, from); err != nil {
		return err
	}
	cols := SourceColumns()
	for k := range t.Columns {
		name, v := cols[k].Name, &t.Columns[k]
		row := -1
		var is float64
		switch {
		case v.Float64 != nil:
			if row = strange(v.Float64[from:], limits(name)); row >= 0 {
				is = v.Float64[from+row]
			}
		case v.Float32 != nil:
			if row = strangeSingle(v, from, limits(name)); row >= 0 {
				is = float64(v.Float32[from+row])
			}
		case k == sourceExposures:
			if row = slices.IndexFunc(v.Int32[from:], func(n int32) bool { return n < 0 }); row >= 0 {
				return invalid(survey.SourcesFile, "is negative: %d", v.Int32[from+row]).At("column %s, row %d", name, row)
			}
		}
		if row >= 0 {
			return invalid(survey.SourcesFile, "%s: %g", absurd(name, is), is).At("column %s, row %d", name, row)
		}
	}
	ra, dec := t.Columns[SourceRA].Float64[from:], t.Columns[SourceDec].Float64[from:]
	if i := c.area.outside(ra, dec); i >= 0 {
		return invalid(survey.SourcesFile, "OBJECT_ID %d is at (%.6f, %.6f) degrees, outside the sub-tile's core", t.Columns[SourceObject].Int64[from+i], ra[i], dec[i]).
			At("columns RA and DEC, row %d", i).Fix("report the positions of the MER catalogue")
	}
	return nil
}

// checkKeys holds the rows' sub-tile to this one, and their sources to its core.
func (c *Core) checkKeys(t *columnar.Table, from int) error {
	wrong := func(i int, column string, is, want int64) error {
		return invalid(survey.SourcesFile, "is %d, the manifest says %d", is, want).At("column %s, row %d", column, i)
	}
	if i, is := other(t.Columns[SourceTile].Int64[from:], c.id.TileID); i >= 0 {
		return wrong(i, "TILE_ID", is, c.id.TileID)
	}
	if i, is := other(t.Columns[SourceRow].Int32[from:], int32(c.id.Row)); i >= 0 {
		return wrong(i, "SUBTILE_ROW", int64(is), int64(c.id.Row))
	}
	if i, is := other(t.Columns[SourceCol].Int32[from:], int32(c.id.Col)); i >= 0 {
		return wrong(i, "SUBTILE_COL", int64(is), int64(c.id.Col))
	}
	ids := t.Columns[SourceObject].Int64[from:]
	ordered := ascending(ids)
	if ordered && among(ids, c.ids) {
		return nil
	}
	c.sorted = append(c.sorted[:0], c.ids...)
	slices.Sort(c.sorted)
	if ordered && among(ids, c.sorted) {
		return nil
	}
	c.seen = append(c.seen[:0], make([]bool, len(c.sorted))...)
	for i, id := range ids {
		at, is := slices.BinarySearch(c.sorted, id)
		if !is {
			return invalid(survey.SourcesFile, "OBJECT_ID %d is not a core source of the sub-tile", id).At("column OBJECT_ID, row %d", i).
				Fix("report the sources of core_source_ids only")
		}
		if c.seen[at] {
			return invalid(survey.SourcesFile, "OBJECT_ID %d is reported twice", id).At("column OBJECT_ID, row %d", i)
		}
		c.seen[at] = true
	}
	return nil
}

// other is the first that isn't what all have to be; negative where none is.
func other[V comparable](values []V, all V) (int, V) {
	for i, v := range values {
		if v != all {
			return i, v
		}
	}
	return -1, all
}

func ascending(ids []int64) bool {
	for i := 1; i < len(ids); i++ {
		if ids[i] <= ids[i-1] {
			return false
		}
	}
	return true
}

// among says whether ids, ascending, are all in a list, as far as that is in order,
// too: then nothing has to be looked up.
func among(ids, list []int64) bool {
	k := 0
	for _, id := range ids {
		for k < len(list) && list[k] != id {
			k++
		}
		if k == len(list) {
			return false
		}
	}
	return true
}

// span is that of a column's values: low is the least that is none, where more is open,
// else the least that is one.
type span struct {
	low, high float64
	open      bool
}

func limits(column string) span {
	switch {
	case column == "RA":
		return span{0, math.Nextafter(360, 0), false}
	case column == "DEC":
		return span{-90, 90, false}
	case absurd(column, 0) != "":
		return span{0, math.MaxFloat64, true}
	}
	return span{-math.MaxFloat64, math.MaxFloat64, false}
}

// strange is the first value that is not within bounds; negative where none is.
func strange[V float32 | float64](values []V, b span) int {
	for i, x := range values {
		v := float64(x)
		if !(v >= b.low && v <= b.high) || b.open && v == b.low { // also where it is not a number
			return i
		}
	}
	return -1
}

// strangeSingle leaves out nulls, which are zeros.
func strangeSingle(v *columnar.Vector, from int, b span) int {
	for at := from; ; at++ {
		i := strange(v.Float32[at:], b)
		if i < 0 {
			return -1
		}
		if at += i; !v.IsNull(at) {
			return at - from
		}
	}
}

// area is the inside of a convex polygon of great circles, with the margin of a
// rounded number. None holds everything: manifests of old have no corners.
type area struct{ inwards [][3]float64 }

func newArea(corners [][2]float64) area {
	if len(corners) < 3 {
		return area{}
	}
	v := make([][3]float64, len(corners))
	var middle [3]float64
	for i, c := range corners {
		v[i] = direction(c[0], c[1])
		for k := range middle {
			middle[k] += v[i][k]
		}
	}
	var a area
	for i := range v {
		b := v[(i+1)%len(v)]
		n := [3]float64{v[i][1]*b[2] - v[i][2]*b[1], v[i][2]*b[0] - v[i][0]*b[2], v[i][0]*b[1] - v[i][1]*b[0]}
		length := math.Sqrt(dot(n, n))
		if length < 1e-12 { // two corners in one place
			continue
		}
		if dot(n, middle) < 0 {
			length = -length
		}
		for k := range n {
			n[k] /= length
		}
		a.inwards = append(a.inwards, n)
	}
	return a
}

// outside is the first position that lies outside; negative where none does.
func (a area) outside(ra, dec []float64) int {
	for i := range ra {
		p := direction(ra[i], dec[i])
		for _, n := range a.inwards {
			if dot(n, p) < -rounded*math.Pi/180 {
				return i
			}
		}
	}
	return -1
}

func direction(ra, dec float64) [3]float64 {
	y, x := math.Sincos(ra * (math.Pi / 180))
	z, cos := math.Sincos(dec * (math.Pi / 180))
	return [3]float64{x * cos, y * cos, z}
}

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
