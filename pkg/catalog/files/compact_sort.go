package files

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// sorted is a file's rows in order, as one record; nil where there are none.
func (s *stream) sorted(next func() (arrow.RecordBatch, error, bool)) (arrow.RecordBatch, error) {
	var list []arrow.RecordBatch
	for {
		rec, err, ok := next()
		if !ok {
			break
		}
		if err != nil {
			dropAll(list)
			return nil, err
		}
		list = append(list, rec)
	}
	if len(list) == 0 {
		return nil, nil
	}
	whole, err := joined(list)
	if err != nil {
		return nil, err
	}
	keys, err := s.m.keysOf(whole)
	if err != nil {
		whole.Release()
		return nil, err
	}
	return inOrder(whole, keys)
}

// inOrder sorts a record, which it takes.
func inOrder(rec arrow.RecordBatch, keys [][]int64) (arrow.RecordBatch, error) {
	rows := make([]int, rec.NumRows())
	for i := range rows {
		rows[i] = i
	}
	by := func(a, b int) int { return compareRows(keys, a, b) }
	if slices.IsSortedFunc(rows, by) {
		return rec, nil
	}
	defer rec.Release()
	slices.SortStableFunc(rows, by)
	cols := make([]arrow.Array, 0, rec.NumCols())
	defer func() { release(cols) }()
	for _, c := range rec.Columns() {
		var runs []arrow.Array
		for from := 0; from < len(rows); {
			to := from + 1
			for to < len(rows) && rows[to] == rows[to-1]+1 {
				to++
			}
			runs = append(runs, array.NewSlice(c, int64(rows[from]), int64(rows[from]+to-from)))
			from = to
		}
		col, err := array.Concatenate(runs, memory.DefaultAllocator)
		release(runs)
		if err != nil {
			return nil, err
		}
		cols = append(cols, col)
	}
	return array.NewRecordBatch(rec.Schema(), cols, rec.NumRows()), nil
}

// joined is one record of several, which it takes.
func joined(list []arrow.RecordBatch) (arrow.RecordBatch, error) {
	if len(list) == 1 {
		return list[0], nil
	}
	defer dropAll(list)
	cols := make([]arrow.Array, 0, list[0].NumCols())
	defer func() { release(cols) }()
	n := int64(0)
	for i := range int(list[0].NumCols()) {
		parts := make([]arrow.Array, len(list))
		for j, rec := range list {
			parts[j] = rec.Column(i)
		}
		col, err := array.Concatenate(parts, memory.DefaultAllocator)
		if err != nil {
			return nil, err
		}
		cols = append(cols, col)
	}
	for _, rec := range list {
		n += rec.NumRows()
	}
	return array.NewRecordBatch(list[0].Schema(), cols, n), nil
}

func dropAll(list []arrow.RecordBatch) {
	for _, rec := range list {
		rec.Release()
	}
}
