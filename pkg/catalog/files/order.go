package files

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// order looks whether rows come in the table's sort order, which a file may then
// say of itself.
type order struct {
	id   int
	cols []int // indices; none: not looked
	last []int64
	any  bool
}

// newOrder looks where the sort order is of whole numbers, rising.
func newOrder(t *table.Table, fields []iceberg.NestedField) *order {
	sorted := t.SortOrder()
	o := &order{id: sorted.OrderID()}
	for _, s := range sorted.Fields() {
		at := -1
		for i, f := range fields {
			if _, plain := s.Transform.(iceberg.IdentityTransform); len(s.SourceIDs) == 1 && f.ID == s.SourceIDs[0] && plain && s.Direction == table.SortASC &&
				(f.Type.Equals(iceberg.PrimitiveTypes.Int64) || f.Type.Equals(iceberg.PrimitiveTypes.Int32)) {
				at = i
			}
		}
		if at < 0 {
			return &order{}
		}
		o.cols = append(o.cols, at)
	}
	o.last = make([]int64, len(o.cols))
	return o
}

// look compares rows with those before them.
func (o *order) look(cols []arrow.Array) {
	if len(o.cols) == 0 {
		return
	}
	keys := make([]func(int) int64, len(o.cols))
	for k, at := range o.cols {
		switch v := cols[at].(type) {
		case *array.Int64:
			keys[k] = v.Value
		case *array.Int32:
			list := v.Int32Values()
			keys[k] = func(i int) int64 { return int64(list[i]) }
		}
		if keys[k] == nil || cols[at].NullN() > 0 {
			o.cols = nil
			return
		}
	}
	for i := range cols[0].Len() {
		risen := !o.any
		for k, key := range keys {
			v := key(i)
			if !risen && v < o.last[k] {
				o.cols = nil
				return
			}
			risen = risen || v > o.last[k]
			o.last[k] = v
		}
		o.any = true
	}
}

// claim is the id of the sort order that rows had so far, or that of none.
func (o *order) claim() int {
	if len(o.cols) == 0 {
		return table.UnsortedSortOrderID
	}
	return o.id
}
