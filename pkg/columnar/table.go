package columnar

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Table holds rows by column, as files and Arrow do: reading into one makes no
// row, and costs a third of what rows cost. Lists are not for it.
type Table struct {
	Rows    int
	Columns []Vector // in the order of the declared ones

	scratch scratch
}

// scratch is what reading a chunk needs beside its place, used again for the next.
type scratch struct {
	page   []byte
	levels []int16
}

// Vector is the values of a column, in the slice of its field's type. Where a
// value is null, the slice has a zero and Null says so; beyond its end none is.
type Vector struct {
	Int64   []int64
	Int32   []int32
	Float64 []float64
	Float32 []float32
	Text    []string
	Null    []bool
}

// NewTable is an empty one of columns, with room for so many rows.
func NewTable[T any](cols []Column[T], rows int) *Table {
	t := &Table{Columns: make([]Vector, len(cols))}
	for i, c := range cols {
		v := &t.Columns[i]
		switch c.Ref(new(T)).(type) {
		case *int64:
			v.Int64 = make([]int64, 0, rows)
		case *int32:
			v.Int32 = make([]int32, 0, rows)
		case *float64:
			v.Float64 = make([]float64, 0, rows)
		case **float32:
			v.Float32 = make([]float32, 0, rows)
		case *string:
			v.Text = make([]string, 0, rows)
		}
	}
	return t
}

// IsNull says whether a value is.
func (v *Vector) IsNull(i int) bool { return i < len(v.Null) && v.Null[i] }

func (v *Vector) setNull(i int) {
	for len(v.Null) <= i {
		v.Null = append(v.Null, false)
	}
	v.Null[i] = true
}

// Cut takes the rows from n on off again.
func (t *Table) Cut(n int) {
	t.Rows = n
	for i := range t.Columns {
		v := &t.Columns[i]
		v.Int64, v.Int32, v.Float64, v.Float32 = cut(v.Int64, n), cut(v.Int32, n), cut(v.Float64, n), cut(v.Float32, n)
		v.Text, v.Null = cut(v.Text, n), cut(v.Null, n)
	}
}

func cut[V any](s []V, n int) []V { return s[:min(n, len(s))] }

// Append reads a file's rows into a table behind those that it has. After an
// error the table is as it was.
func (t *Reader[T]) Append(data []byte, to *Table) (err error) {
	f, places, err := t.open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	defer f.Close()
	if to.Columns == nil {
		to.Columns = make([]Vector, len(t.Columns))
	}
	before := to.Rows
	defer func() {
		if err != nil {
			to.Cut(before)
		}
	}()
	seen := &texts{one: map[string]string{}}
	for g := range f.NumRowGroups() {
		err := t.calmly(func() error { return t.appendGroup(data, f.RowGroup(g), places, to, to.Rows-before, seen) })
		if n := int64(to.Rows - before); err == nil && t.MaxRows > 0 && n > t.MaxRows {
			err = t.tooMany(n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Rows reads a file's rows by way of a table, which takes less than [Reader.Scan]
// where there are few.
func (t *Reader[T]) Rows(data []byte) ([]T, error) {
	var table Table
	if err := t.Append(data, &table); err != nil {
		return nil, err
	}
	rows := make([]T, table.Rows)
	for k, c := range t.Columns {
		v := &table.Columns[k]
		for i := range rows {
			switch p := c.Ref(&rows[i]).(type) {
			case *int64:
				*p = v.Int64[i]
			case *int32:
				*p = v.Int32[i]
			case *float64:
				*p = v.Float64[i]
			case *string:
				*p = v.Text[i]
			case **float32:
				if !v.IsNull(i) {
					*p = &v.Float32[i]
				}
			}
		}
	}
	return rows, nil
}

// appendGroup reads a row group; first is the number in the file of its first row.
func (t *Reader[T]) appendGroup(data []byte, g *file.RowGroupReader, places []int, to *Table, first int, seen *texts) error {
	const widest = 16 // bytes of a value
	n, most := g.NumRows(), int64(maxGroup/widest/len(t.Columns))
	if n < 0 || n > most {
		return fault.Data(t.Invalid, "a row group has %d rows, of which at most %d are read at once", n, most).Fix("write it in smaller row groups")
	}
	for k, c := range t.Columns {
		if places[k] < 0 {
			continue
		}
		into := filler{v: &to.Columns[k], most: int(n), texts: seen, scratch: &to.scratch}
		chunk, err := chunkOf(data, g, places[k])
		if err == nil {
			err = into.fill(c.Ref(new(T)), chunk)
		}
		switch {
		case into.bad != nil:
			return fault.Data(t.Invalid, "%w", into.bad).At("column %s, row %d", c.Name, first+into.n).Fix("%s", t.Remedy)
		case err != nil:
			return t.corrupt(err).At("column %s", c.Name)
		case int64(into.n) != n:
			return t.corrupt(fmt.Errorf("it has %d values for %d rows", into.n, n)).At("column %s", c.Name)
		}
	}
	for k, c := range t.Columns { // now that the others have shown that there are so many rows
		if places[k] < 0 {
			to.Columns[k].absent(c.Ref(new(T)), to.Rows, int(n))
		}
	}
	to.Rows += int(n)
	return nil
}

// absent appends so many rows of a column that a file doesn't have.
func (v *Vector) absent(field any, at, n int) {
	switch field.(type) {
	case *int64:
		v.Int64 = append(v.Int64, make([]int64, n)...)
	case *int32:
		v.Int32 = append(v.Int32, make([]int32, n)...)
	case *float64:
		v.Float64 = append(v.Float64, make([]float64, n)...)
	case **float32:
		v.Float32 = append(v.Float32, make([]float32, n)...)
		for i := range n {
			v.setNull(at + i)
		}
	case *string:
		v.Text = append(v.Text, make([]string, n)...)
	}
}

// AppendFloat32 appends a value, or a null.
func (v *Vector) AppendFloat32(p *float32) {
	if p == nil {
		v.setNull(len(v.Float32))
		p = new(float32)
	}
	v.Float32 = append(v.Float32, *p)
}

// Permute puts the rows from one on into another order, which says for each place
// which of them comes there.
func (t *Table) Permute(from int, order []int) {
	for i := range t.Columns {
		v := &t.Columns[i]
		permute(v.Int64, from, order)
		permute(v.Int32, from, order)
		permute(v.Float64, from, order)
		permute(v.Float32, from, order)
		permute(v.Text, from, order)
		if len(v.Null) > from {
			v.Null = append(v.Null, make([]bool, t.Rows-len(v.Null))...)
			permute(v.Null, from, order)
		}
	}
}

func permute[V any](s []V, from int, order []int) {
	if len(s) <= from {
		return
	}
	was := slices.Clone(s[from:])
	for to, is := range order {
		s[from+to] = was[is]
	}
}
