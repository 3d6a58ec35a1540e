package fits

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Column is a column of a binary table. Writers give Name, Format and what
// optional parts they want; [Layout] fills in the rest.
type Column struct {
	Name   string // TTYPE
	Format string // TFORM, e.g. "1K" or "21A"
	Unit   string // TUNIT
	Offset int64  // of the field in its row
	Type   byte   // L X B I J K A E D C M P Q
	Repeat int    // number of elements
	Width  int    // bytes of the field
	// Element is the type of a variable-length array's elements, which lie in
	// the heap (types P and Q), and 0 in other columns.
	Element byte

	Null        *int64  // TNULL: the integer that stands for no value
	Scale, Zero float64 // TSCAL (0 stands for 1) and TZERO
	Dim         string  // TDIM
	Display     string  // TDISP
}

// elementSize is the number of bytes of one element of each type.
var elementSize = map[byte]int{'L': 1, 'X': 0, 'B': 1, 'I': 2, 'J': 4, 'K': 8, 'A': 1, 'E': 4, 'D': 8, 'C': 8, 'M': 16, 'P': 8, 'Q': 16}

// parseFormat takes a TFORM value apart: repeat count, type, and, for
// descriptors of variable-length arrays, what follows.
func (c *Column) parseFormat() error {
	f := strings.TrimSpace(c.Format)
	i := 0
	for i < len(f) && f[i] >= '0' && f[i] <= '9' {
		i++
	}
	c.Repeat = 1
	if i > 0 {
		n, err := strconv.ParseInt(f[:i], 10, 32)
		if err != nil {
			return fmt.Errorf("%q has too large a repeat count", c.Format)
		}
		c.Repeat = int(n)
	}
	if i == len(f) {
		return fmt.Errorf("%q has no data type", c.Format)
	}
	c.Type = f[i]
	size, ok := elementSize[c.Type]
	switch {
	case !ok:
		return fmt.Errorf("%q is not the format of a binary table's column", c.Format)
	case (c.Type == 'P' || c.Type == 'Q') && c.Repeat > 1:
		return fmt.Errorf("%q: an array descriptor can't repeat", c.Format)
	case c.Type == 'X':
		c.Width = (c.Repeat + 7) / 8
	case c.Repeat > 0 && (c.Type == 'P' || c.Type == 'Q') && (i+1 == len(f) || elementSize[f[i+1]] == 0 && f[i+1] != 'X' || f[i+1] == 'P' || f[i+1] == 'Q'):
		return fmt.Errorf("%q doesn't say of what its arrays are", c.Format)
	case c.Repeat > math.MaxInt32/16:
		return fmt.Errorf("%q is too large", c.Format)
	default:
		c.Width = c.Repeat * size
	}
	if c.Element = 0; c.Repeat > 0 && (c.Type == 'P' || c.Type == 'Q') {
		c.Element = f[i+1]
	}
	return nil
}

// ArraySize is the bytes that so many elements of a variable-length array take in the heap.
func (c *Column) ArraySize(count int64) int64 {
	if c.Element == 'X' {
		return (count + 7) / 8
	}
	return count * int64(elementSize[c.Element])
}

// Layout reads the formats of columns and gives each its place in the row. It
// returns the size of a row.
func Layout(cols []Column) (rowSize int64, err error) {
	for i := range cols {
		c := &cols[i]
		if err := c.parseFormat(); err != nil {
			return 0, fault.Data(CodeKeyword, "%w", err).At("TFORM%d (column %s)", i+1, c.Name)
		}
		c.Offset = rowSize
		rowSize += int64(c.Width)
	}
	return rowSize, nil
}

// Table is the structure of a binary table: where its rows and heap lie in its
// HDU's data.
type Table struct {
	HDU        *HDU
	Columns    []Column
	RowSize    int64 // bytes
	Rows       int64
	HeapOffset int64 // from the start of the data
	HeapSize   int64

	byName map[string]int  // lower case
	twice  map[string]bool // likewise: names that stand more than once
}

// ParseTable reads the structure of a binary table from its header.
func ParseTable(h *HDU) (*Table, error) {
	if h.Kind != "BINTABLE" {
		return nil, fault.Data(CodeKeyword, "a binary table is needed, this is %s", h.Kind).At("%s", h)
	}
	t := &Table{HDU: h, byName: map[string]int{}, twice: map[string]bool{}}
	k := h.Header
	var fields int64
	for _, f := range []struct {
		to        *int64
		key       string
		low, high int64
	}{
		{new(int64), "BITPIX", 8, 8},
		{new(int64), "NAXIS", 2, 2},
		{new(int64), "GCOUNT", 1, 1},
		{&t.RowSize, "NAXIS1", 0, math.MaxInt32},
		{&t.Rows, "NAXIS2", 0, math.MaxInt64},
		{&fields, "TFIELDS", 0, 999},
	} {
		var err error
		if *f.to, err = k.structural(f.key, f.low, f.high); err != nil {
			return nil, err
		}
	}
	rows, err := k.multiply("NAXIS2", t.RowSize, t.Rows)
	if err != nil {
		return nil, err
	}
	t.HeapOffset = rows
	if k.Has("THEAP") {
		if t.HeapOffset, err = k.structural("THEAP", rows, h.DataSize); err != nil {
			return nil, err
		}
	}
	t.HeapSize = h.DataSize - t.HeapOffset
	if err := t.readColumns(int(fields)); err != nil {
		return nil, err
	}
	return t, nil
}

// readColumns reads the keywords of each column and checks that they fill a row.
func (t *Table) readColumns(n int) error {
	k := t.HDU.Header
	t.Columns = make([]Column, n)
	for i := range t.Columns {
		c := &t.Columns[i]
		key := func(name string) string { return name + strconv.Itoa(i+1) }
		var err error
		if c.Format, err = k.Text(key("TFORM")); err != nil {
			return err
		}
		for _, s := range []struct {
			to  *string
			key string
		}{{&c.Name, key("TTYPE")}, {&c.Unit, key("TUNIT")}, {&c.Dim, key("TDIM")}, {&c.Display, key("TDISP")}} {
			if k.Has(s.key) {
				if *s.to, err = k.Text(s.key); err != nil {
					return err
				}
			}
		}
		for _, f := range []struct {
			to  *float64
			key string
		}{{&c.Scale, key("TSCAL")}, {&c.Zero, key("TZERO")}} {
			if k.Has(f.key) {
				if *f.to, err = k.Number(f.key); err != nil {
					return err
				}
			}
		}
		if k.Has(key("TNULL")) {
			null, err := k.Int(key("TNULL"))
			if err != nil {
				return err
			}
			c.Null = &null
		}
		if lower := strings.ToLower(c.Name); lower != "" {
			if _, twice := t.byName[lower]; twice {
				t.twice[lower] = true
			} else {
				t.byName[lower] = i
			}
		}
	}
	size, err := Layout(t.Columns)
	if err != nil {
		return at(err, t.HDU.String())
	}
	if size != t.RowSize {
		return k.fault("NAXIS1", fmt.Errorf("%d bytes a row, but the columns' formats need %d", t.RowSize, size))
	}
	return nil
}

// Twice says whether several columns have that name: nobody can say which is
// meant. Upper and lower case are the same.
func (t *Table) Twice(name string) bool { return t.twice[strings.ToLower(name)] }

// Column returns the first column of that name; upper and lower case are the same.
func (t *Table) Column(name string) (*Column, bool) {
	i, ok := t.byName[strings.ToLower(name)]
	if !ok {
		return nil, false
	}
	return &t.Columns[i], true
}

// NewTable starts the header of a binary table without heap. It fills in the
// places of the columns, see [Layout].
func NewTable(cols []Column, rows int64) *Header {
	size, err := Layout(cols)
	h := newHeader().
		SetText("XTENSION", "BINTABLE", "binary table extension").
		SetInt("BITPIX", 8, "array data type").
		SetInt("NAXIS", 2, "number of array dimensions").
		SetInt("NAXIS1", size, "bytes in a row").
		SetInt("NAXIS2", rows, "number of rows").
		SetInt("PCOUNT", 0, "bytes of heap").
		SetInt("GCOUNT", 1, "number of groups").
		SetInt("TFIELDS", int64(len(cols)), "number of columns")
	h.err = err
	if len(cols) > 999 {
		h.refuse("TFIELDS", "%d columns, a table holds at most 999", len(cols))
	}
	for i, c := range cols {
		n := strconv.Itoa(i + 1)
		h.SetText("TTYPE"+n, c.Name, "")
		h.SetText("TFORM"+n, c.Format, "")
		for _, s := range []struct{ key, val string }{{"TUNIT", c.Unit}, {"TDIM", c.Dim}, {"TDISP", c.Display}} {
			if s.val != "" {
				h.SetText(s.key+n, s.val, "")
			}
		}
		if c.Scale != 0 && c.Scale != 1 {
			h.SetFloat("TSCAL"+n, c.Scale, "")
		}
		if c.Zero != 0 {
			h.SetFloat("TZERO"+n, c.Zero, "")
		}
		if c.Null != nil {
			h.SetInt("TNULL"+n, *c.Null, "")
		}
	}
	return h
}
