package fits

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

func ptr(v int64) *int64 { return &v }

// sampleTable is a table with a column of each type that we write.
func sampleTable() ([]Column, [][]byte) {
	cols := []Column{
		{Name: "NAME", Format: "7A"},
		{Name: "OBJECT_ID", Format: "K"},
		{Name: "RIGHT_ASCENSION", Format: "1D", Unit: "deg"},
		{Name: "FLUX", Format: "1E", Unit: "uJy"},
		{Name: "POINT_LIKE_FLAG", Format: "1I", Null: ptr(-32768)},
		{Name: "AREA", Format: "J"},
		{Name: "B", Format: "1B", Null: ptr(255)},
		{Name: "OK", Format: "1L"},
		{Name: "U16", Format: "1I", Zero: 32768},
		{Name: "SCALED", Format: "1J", Scale: 0.5, Zero: 10},
		{Name: "U64", Format: "1K", Zero: 1 << 63},
		{Name: "FLAGS", Format: "11X"},
		{Name: "PAIR", Format: "2E", Dim: "(2)"},
	}
	size, _ := Layout(cols)
	rows := make([][]byte, 2)
	for i := range rows {
		rows[i] = make([]byte, size)
		sign := int64(1 - 2*i)
		for j := range cols {
			switch c := &cols[j]; c.Name {
			case "NAME":
				c.PutText(rows[i], []string{"one", "truncated"}[i])
			case "OBJECT_ID":
				c.PutInt(rows[i], sign*2681000000000000123)
			case "POINT_LIKE_FLAG", "B":
				if c.PutNull(rows[i]); i == 0 {
					c.PutInt(rows[i], 1)
				}
			case "OK":
				c.PutInt(rows[i], int64(i))
			case "FLAGS":
			case "U16":
				c.PutInt(rows[i], 40000)
			case "U64":
				c.PutInt(rows[i], math.MaxInt64-int64(i))
			default:
				c.PutFloat(rows[i], float64(sign)*12.5)
			}
		}
	}
	return cols, rows
}

func TestTable(t *testing.T) {
	raw := small(t)
	all, err := ReadIndex(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	table, err := ParseTable(all[3])
	if err != nil {
		t.Fatal(err)
	}
	if table.Rows != 2 || table.HeapOffset != 2*table.RowSize || table.HeapSize != 0 || len(table.Columns) != 13 {
		t.Errorf("%+v", table)
	}
	rows := raw[all[3].DataOffset():]
	for _, c := range []struct {
		column string
		row    int64
		i      int64
		null   bool
		f      float64
	}{
		{"object_id", 0, 2681000000000000123, false, 2681000000000000123},
		{"OBJECT_ID", 1, -2681000000000000123, false, -2681000000000000123},
		{"Right_Ascension", 0, 13, false, 12.5},
		{"flux", 1, -13, false, -12.5},
		{"point_like_flag", 0, 1, false, 1},
		{"point_like_flag", 1, 0, true, math.NaN()},
		{"area", 0, 13, false, 13},
		{"b", 0, 1, false, 1},
		{"b", 1, 0, true, math.NaN()},
		{"ok", 0, 0, false, 0},
		{"ok", 1, 1, false, 1},
		{"u16", 1, 40000, false, 40000},
		{"scaled", 0, 13, false, 13},
		{"u64", 0, math.MaxInt64, false, math.MaxInt64},
		{"flags", 0, 0, true, math.NaN()},
		{"name", 0, 0, true, math.NaN()},
		{"pair", 1, -13, false, -12.5},
	} {
		col, ok := table.Column(c.column)
		if !ok {
			t.Fatalf("no column %s", c.column)
		}
		row := rows[c.row*table.RowSize:][:table.RowSize]
		i, null := col.Int64(row)
		f := col.Float64(row)
		if null != c.null || !null && i != c.i || f != c.f && !(math.IsNaN(f) && math.IsNaN(c.f)) {
			t.Errorf("%s of row %d: %d, null %v, %v; want %d, %v, %v", c.column, c.row, i, null, f, c.i, c.null, c.f)
		}
	}
	name, _ := table.Column("NAME")
	if a, b := name.Text(rows), name.Text(rows[table.RowSize:]); a != "one" || b != "truncat" {
		t.Errorf("text %q, %q", a, b)
	}
	if _, ok := table.Column("nothing"); ok {
		t.Error("found a column that isn't there")
	}
	if unit := table.Columns[2].Unit; unit != "deg" {
		t.Error(unit)
	}
}

func TestFieldEdges(t *testing.T) {
	column := func(format string) *Column {
		cols := []Column{{Format: format}}
		if _, err := Layout(cols); err != nil {
			t.Fatal(err)
		}
		return &cols[0]
	}
	row := make([]byte, 32)
	d := column("1D")
	for _, f := range []float64{math.NaN(), math.Inf(1), 1e19, -1e300} {
		d.PutFloat(row, f)
		if _, null := d.Int64(row); !null {
			t.Errorf("%v is an int64", f)
		}
	}
	d.PutFloat(row, -1<<63)
	if v, null := d.Int64(row); null || v != math.MinInt64 {
		t.Error(v, null)
	}
	for _, format := range []string{"0K", "0D", "0L", "0A", "0P"} {
		c := column(format)
		if _, null := c.Int64(nil); !null || !math.IsNaN(c.Float64(nil)) {
			t.Errorf("%s has a value", format)
		}
		c.PutInt(nil, 1)
		c.PutFloat(nil, 1)
		c.PutNull(nil)
	}
	l := column("1L")
	l.PutNull(row)
	if _, null := l.Int64(row); !null {
		t.Error("an undefined logical has a value")
	}
	u := column("1K")
	u.Zero = 1 << 63
	binary.BigEndian.PutUint64(row, 1<<62) // 2^63 + 2^62
	if _, null := u.Int64(row); !null {
		t.Error("an unsigned number beyond int64 has a value")
	}
	binary.BigEndian.PutUint32(row, 7)
	binary.BigEndian.PutUint32(row[4:], 90)
	if n, off := column("1PE(7)").Descriptor(row); n != 7 || off != 90 {
		t.Error(n, off)
	}
	binary.BigEndian.PutUint64(row, 1<<40)
	binary.BigEndian.PutUint64(row[8:], 1<<41)
	if n, off := column("QD(9)").Descriptor(row); n != 1<<40 || off != 1<<41 {
		t.Error(n, off)
	}
	for format, width := range map[string]int{"3X": 1, "17X": 3, "2M": 32, "2C": 16, "1PE(7)": 8, "QD": 16, "21A": 21, " 5J ": 20} {
		if c := column(format); c.Width != width {
			t.Errorf("%s takes %d bytes, want %d", format, c.Width, width)
		}
	}
}

func TestBadTables(t *testing.T) {
	header := func(change func(h *Header)) *HDU {
		h := NewTable([]Column{{Name: "A", Format: "1K"}, {Name: "B", Format: "2E"}}, 3)
		change(h)
		size, _ := h.dataSize("BINTABLE")
		return &HDU{Index: 1, Kind: "BINTABLE", DataSize: size, HeaderSize: Block, Header: h}
	}
	for name, c := range map[string]struct {
		change func(h *Header)
		named  string
	}{
		"row size":      {func(h *Header) { h.SetInt("NAXIS1", 17, "") }, "NAXIS1"},
		"no TFIELDS":    {func(h *Header) { delete(h.index, "TFIELDS") }, "TFIELDS"},
		"more fields":   {func(h *Header) { h.SetInt("TFIELDS", 3, "") }, "TFORM3"},
		"many fields":   {func(h *Header) { h.SetInt("TFIELDS", 1000, "") }, "TFIELDS"},
		"unknown type":  {func(h *Header) { h.SetText("TFORM2", "1Z", "") }, "TFORM2"},
		"ASCII format":  {func(h *Header) { h.SetText("TFORM2", "F10.3", "") }, "TFORM2"},
		"huge repeat":   {func(h *Header) { h.SetText("TFORM2", "99999999999E", "") }, "TFORM2"},
		"wide repeat":   {func(h *Header) { h.SetText("TFORM2", "2000000000M", "") }, "TFORM2"},
		"no type":       {func(h *Header) { h.SetText("TFORM2", "12", "") }, "TFORM2"},
		"two arrays":    {func(h *Header) { h.SetText("TFORM2", "2PE", "") }, "TFORM2"},
		"heap early":    {func(h *Header) { h.SetInt("THEAP", 5, "") }, "THEAP"},
		"null is text":  {func(h *Header) { h.SetText("TNULL1", "x", "") }, "TNULL1"},
		"scale is text": {func(h *Header) { h.SetText("TSCAL1", "x", "") }, "TSCAL1"},
		"groups":        {func(h *Header) { h.SetInt("GCOUNT", 2, "") }, "GCOUNT"},
		"BITPIX":        {func(h *Header) { h.SetInt("BITPIX", 16, "") }, "BITPIX"},
	} {
		_, err := ParseTable(header(c.change))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantFault(t, err, CodeKeyword, c.named)
	}
	_, err := ParseTable(&HDU{Index: 2, Name: "X", Kind: "IMAGE", Header: NewImage(8)})
	wantFault(t, err, CodeKeyword, "HDU 2 (X)", "IMAGE")

	heap, err := ParseTable(header(func(h *Header) { h.SetInt("PCOUNT", 100, "").SetInt("THEAP", 60, "") }))
	if err != nil || heap.HeapOffset != 60 || heap.HeapSize != 48+100-60 {
		t.Errorf("%+v, %v", heap, err)
	}
}

func TestChecksum(t *testing.T) {
	raw := small(t)
	all, err := ReadIndex(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range all {
		if checked, err := Verify(h, bytes.NewReader(raw)); !checked || err != nil {
			t.Errorf("%s: %v, %v", h, checked, err)
		}
		for _, at := range []int64{h.Offset + 3*cardSize + 40, h.DataOffset() + 2} {
			if at >= h.DataOffset()+h.DataSize {
				continue
			}
			bad := bytes.Clone(raw)
			bad[at] ^= 4
			_, err := Verify(h, bytes.NewReader(bad))
			wantFault(t, err, CodeChecksum, h.String())
		}
		_, err := Verify(h, bytes.NewReader(raw[:h.DataOffset()+h.DataSize-1]))
		wantFault(t, err, CodeTruncated, h.String())
	}
	plain := &HDU{Header: NewPrimary(), HeaderSize: Block}
	if checked, err := Verify(plain, bytes.NewReader(plain.Header.Encode())); checked || err != nil {
		t.Error(checked, err)
	}
	// The sum of pieces is the sum of the whole, however it is cut.
	data := []byte(strings.Repeat("some words that aren't aligned\xff\xff\xff\xff", 99))
	whole, _ := DataSum(bytes.NewReader(data))
	for _, step := range []int{1, 2, 3, 5, 7, 64} {
		var s Sum
		for rest := data; len(rest) > 0; rest = rest[min(step, len(rest)):] {
			s.Write(rest[:min(step, len(rest))])
		}
		if s.Sum32() != whole {
			t.Errorf("in steps of %d: %d, want %d", step, s.Sum32(), whole)
		}
	}
	// Examples of FITS 4.0, appendix J: the encoded sum of zero.
	if got := encodeSum(0); got != "0000000000000000" {
		t.Error(got)
	}
}
