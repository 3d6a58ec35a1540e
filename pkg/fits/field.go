package fits

import (
	"bytes"
	"encoding/binary"
	"math"
)

// The methods here read and write one field of a row. A row is Table.RowSize
// bytes; where a field repeats, its first element counts.

// field returns the bytes of the column in a row.
func (c *Column) field(row []byte) []byte { return row[c.Offset : c.Offset+int64(c.Width)] }

// unsigned64 is the TZERO that turns a K column into unsigned integers.
const unsigned64 = 1 << 63

// raw decodes the first element as it is stored, for integer types.
func (c *Column) raw(f []byte) (v int64, ok bool) {
	if c.Repeat == 0 {
		return 0, false
	}
	switch c.Type {
	case 'B':
		return int64(f[0]), true
	case 'I':
		return int64(int16(binary.BigEndian.Uint16(f))), true
	case 'J':
		return int64(int32(binary.BigEndian.Uint32(f))), true
	case 'K':
		return int64(binary.BigEndian.Uint64(f)), true
	}
	return 0, false
}

// scaled says whether stored values differ from physical ones.
func (c *Column) scaled() bool { return c.Zero != 0 || (c.Scale != 0 && c.Scale != 1) }

func (c *Column) scale() float64 {
	if c.Scale == 0 {
		return 1
	}
	return c.Scale
}

// Int64 returns an integer, exactly where TSCAL is 1. Null are: TNULL, an
// undefined logical, NaN and what int64 can't hold, text and arrays in the heap.
// A logical T is 1, F is 0.
func (c *Column) Int64(row []byte) (v int64, null bool) {
	f := c.field(row)
	if v, ok := c.raw(f); ok {
		switch {
		case c.Null != nil && v == *c.Null:
			return 0, true
		case !c.scaled():
			return v, false
		case c.Zero == unsigned64 && c.scale() == 1:
			v = int64(uint64(v) + 1<<63)
			return v, v < 0
		case c.scale() == 1 && c.Zero == math.Trunc(c.Zero) && math.Abs(c.Zero) < 1<<53 && c.Type != 'K':
			return v + int64(c.Zero), false
		}
	}
	if c.Type == 'L' && c.Repeat > 0 {
		return int64(b2i(f[0] == 'T')), f[0] != 'T' && f[0] != 'F'
	}
	x := math.Round(c.Float64(row))
	if !(x >= -1<<63 && x < 1<<63) {
		return 0, true
	}
	return int64(x), false
}

// Float64 returns a number, scaled by TSCAL and TZERO. Where there is none, as
// in [Column.Int64], it is NaN.
func (c *Column) Float64(row []byte) float64 {
	f := c.field(row)
	if c.Repeat == 0 {
		return math.NaN()
	}
	var x float64
	switch c.Type {
	case 'E', 'C':
		x = float64(math.Float32frombits(binary.BigEndian.Uint32(f)))
	case 'D', 'M':
		x = math.Float64frombits(binary.BigEndian.Uint64(f))
	case 'L':
		if f[0] != 'T' && f[0] != 'F' {
			return math.NaN()
		}
		return float64(b2i(f[0] == 'T'))
	default:
		v, ok := c.raw(f)
		if !ok || (c.Null != nil && v == *c.Null) {
			return math.NaN()
		}
		x = float64(v)
	}
	if c.scaled() {
		x = x*c.scale() + c.Zero
	}
	return x
}

// Text returns the text of an A column, up to its first NUL and without trailing
// blanks; of other types it returns "".
func (c *Column) Text(row []byte) string {
	if c.Type != 'A' {
		return ""
	}
	f := c.field(row)
	if i := bytes.IndexByte(f, 0); i >= 0 {
		f = f[:i]
	}
	return string(bytes.TrimRight(f, " "))
}

// Descriptor returns the number of elements of a variable-length array (types P
// and Q) and its offset in the heap. They are as stored: check them against
// Table.HeapSize before reading.
func (c *Column) Descriptor(row []byte) (count, offset int64) {
	f := c.field(row)
	switch {
	case c.Type == 'P' && c.Repeat > 0:
		return int64(int32(binary.BigEndian.Uint32(f))), int64(int32(binary.BigEndian.Uint32(f[4:])))
	case c.Type == 'Q' && c.Repeat > 0:
		return int64(binary.BigEndian.Uint64(f)), int64(binary.BigEndian.Uint64(f[8:]))
	}
	return 0, 0
}

// PutDescriptor stores what [Column.Descriptor] returns; false where the type can't hold it.
func (c *Column) PutDescriptor(row []byte, count, offset int64) bool {
	f := c.field(row)
	switch {
	case c.Type == 'P' && c.Repeat > 0 && count <= math.MaxInt32 && offset <= math.MaxInt32:
		binary.BigEndian.PutUint32(f, uint32(count))
		binary.BigEndian.PutUint32(f[4:], uint32(offset))
		return true
	case c.Type == 'Q' && c.Repeat > 0:
		binary.BigEndian.PutUint64(f, uint64(count))
		binary.BigEndian.PutUint64(f[8:], uint64(offset))
		return true
	}
	return false
}

// PutInt stores an integer so that [Column.Int64] returns it, as far as the type
// can hold it.
func (c *Column) PutInt(row []byte, v int64) {
	f := c.field(row)
	switch {
	case c.Repeat == 0:
		return
	case c.Type == 'L':
		f[0] = 'F'
		if v != 0 {
			f[0] = 'T'
		}
		return
	case c.Type == 'E' || c.Type == 'D' || c.Type == 'C' || c.Type == 'M':
		c.PutFloat(row, float64(v))
		return
	case c.Zero == unsigned64 && c.scale() == 1:
		v = int64(uint64(v) + 1<<63)
	case c.scaled():
		v = int64(math.Round((float64(v) - c.Zero) / c.scale()))
	}
	c.putRaw(f, v)
}

func (c *Column) putRaw(f []byte, v int64) {
	switch c.Type {
	case 'B':
		f[0] = byte(v)
	case 'I':
		binary.BigEndian.PutUint16(f, uint16(v))
	case 'J':
		binary.BigEndian.PutUint32(f, uint32(v))
	case 'K':
		binary.BigEndian.PutUint64(f, uint64(v))
	}
}

// PutFloat stores a number; in a column of integers it is rounded, and NaN
// becomes null.
func (c *Column) PutFloat(row []byte, v float64) {
	if c.Repeat == 0 {
		return
	}
	f := c.field(row)
	stored := (v - c.Zero) / c.scale()
	switch c.Type {
	case 'E', 'C':
		binary.BigEndian.PutUint32(f, math.Float32bits(float32(stored)))
	case 'D', 'M':
		binary.BigEndian.PutUint64(f, math.Float64bits(stored))
	default:
		if math.IsNaN(v) {
			c.PutNull(row)
			return
		}
		c.PutInt(row, int64(math.Round(v)))
	}
}

// PutNull stores that there is no value: TNULL, NaN, an undefined logical, or
// zeros where the column knows nothing better.
func (c *Column) PutNull(row []byte) {
	f := c.field(row)
	clear(f)
	switch {
	case c.Type == 'E' || c.Type == 'D' || c.Type == 'C' || c.Type == 'M':
		c.PutFloat(row, math.NaN())
	case c.Null != nil && c.Repeat > 0:
		c.putRaw(f, *c.Null)
	}
}

// PutText stores text, cut or filled with blanks, in an A column.
func (c *Column) PutText(row []byte, s string) {
	if c.Type != 'A' {
		return
	}
	f := c.field(row)
	for i := copy(f, s); i < len(f); i++ {
		f[i] = ' '
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
