package upkeep

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
)

// figures are what a manifest says of a column, summed of its values.
type figures struct {
	name               string
	values, nulls, nan int64
	ints               limits[int64]
	floats             limits[float64]
	texts              texts
}

// limits are the least and the greatest value; there is one where any is.
type limits[T cmp.Ordered] struct {
	low, high T
	any       bool
}

func (l *limits[T]) add(v T) {
	if !l.any {
		l.low, l.high, l.any = v, v, true
		return
	}
	l.low, l.high = min(l.low, v), max(l.high, v)
}

type texts struct {
	low, high []byte
	any       bool
}

func (t *texts) add(v []byte) {
	if !t.any || bytes.Compare(v, t.low) < 0 {
		t.low = append(t.low[:0], v...)
	}
	if !t.any || bytes.Compare(v, t.high) > 0 {
		t.high = append(t.high[:0], v...)
	}
	t.any = true
}

// fieldID is what a file says that a column's field id is.
func fieldID(f arrow.Field) (int, bool) {
	text, ok := f.Metadata.GetValue("PARQUET:field_id")
	if !ok {
		return 0, false
	}
	id, err := strconv.Atoi(text)
	return id, err == nil && id >= 0
}

// add sums the values of a batch. Of types that the tables don't have, the counts
// alone are.
func (f *figures) add(values arrow.Array) {
	f.values += int64(values.Len())
	f.nulls += int64(values.NullN())
	switch v := values.(type) {
	case *array.Int32:
		each(v, func(i int) { f.ints.add(int64(v.Value(i))) })
	case *array.Int64:
		each(v, func(i int) { f.ints.add(v.Value(i)) })
	case *array.Float32:
		each(v, func(i int) { f.float(float64(v.Value(i))) })
	case *array.Float64:
		each(v, func(i int) { f.float(v.Value(i)) })
	case *array.String:
		each(v, func(i int) { f.texts.add([]byte(v.Value(i))) })
	case *array.LargeString:
		each(v, func(i int) { f.texts.add([]byte(v.Value(i))) })
	case *array.Dictionary:
		if words, ok := v.Dictionary().(*array.String); ok {
			each(v, func(i int) { f.texts.add([]byte(words.Value(v.GetValueIndex(i)))) })
		}
	}
}

func each(values arrow.Array, do func(i int)) {
	for i := range values.Len() {
		if values.IsValid(i) {
			do(i)
		}
	}
}

func (f *figures) float(v float64) {
	if math.IsNaN(v) {
		f.nan++
		return
	}
	f.floats.add(v)
}

// against says what a manifest has otherwise. Bounds may be wider than the values
// are, so only values beyond them are wrong.
func (f *figures) against(d iceberg.DataFile, id int) string {
	for _, c := range []struct {
		what string
		said map[int]int64
		is   int64
	}{{"values", d.ValueCounts(), f.values}, {"nulls", d.NullValueCounts(), f.nulls}, {"not-a-numbers", d.NaNValueCounts(), f.nan}} {
		if said, ok := c.said[id]; ok && said != c.is {
			return fmt.Sprintf("it has %d %s, its manifest says %d", c.is, c.what, said)
		}
	}
	low, high := d.LowerBoundValues()[id], d.UpperBoundValues()[id]
	switch {
	case f.ints.any:
		return beyond(f.ints, low, high, whole)
	case f.floats.any:
		return beyond(f.floats, low, high, fractional)
	case f.texts.any && low != nil && bytes.Compare(f.texts.low, low) < 0:
		return fmt.Sprintf("%.40q is below the bound %.40q that its manifest gives", f.texts.low, low)
	case f.texts.any && high != nil && bytes.Compare(f.texts.high, high) > 0:
		return fmt.Sprintf("%.40q is above the bound %.40q that its manifest gives", f.texts.high, high)
	}
	return ""
}

func beyond[T cmp.Ordered](is limits[T], low, high []byte, decode func([]byte) (T, bool)) string {
	if bound, ok := decode(low); ok && is.low < bound {
		return fmt.Sprintf("%v is below the bound %v that its manifest gives", is.low, bound)
	}
	if bound, ok := decode(high); ok && is.high > bound {
		return fmt.Sprintf("%v is above the bound %v that its manifest gives", is.high, bound)
	}
	return ""
}

// fractional is a bound of a column of floats or doubles as manifests have it.
func fractional(bound []byte) (float64, bool) {
	switch len(bound) {
	case 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(bound))), true
	case 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(bound)), true
	}
	return 0, false
}
