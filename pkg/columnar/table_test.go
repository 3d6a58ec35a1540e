package columnar_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/cosmostat/constellation/pkg/columnar"
)

// byColumn reads a file into a table, twice, and says where that differs from
// what rows had it to be.
func byColumn[T any](in columnar.Reader[T], data []byte, rows []T, failed error) error {
	for _, c := range in.Columns {
		switch c.Ref(new(T)).(type) {
		case *[]float64, *[]int32, *uint64:
			return nil // not for tables
		}
	}
	var table columnar.Table
	for i := range 2 {
		err := in.Append(data, &table)
		if fmt.Sprint(err) != fmt.Sprint(failed) {
			return fmt.Errorf("by column: %w, by row: %w", err, failed)
		}
		if err != nil {
			if table.Rows != 0 {
				return fmt.Errorf("%d rows stayed after %w", table.Rows, err)
			}
			return nil
		}
		if table.Rows != (i+1)*len(rows) {
			return fmt.Errorf("%d rows by column, %d by row", table.Rows, len(rows))
		}
	}
	again, err := in.Rows(data)
	if err != nil || fmt.Sprint(len(again)) != fmt.Sprint(len(rows)) {
		return fmt.Errorf("%d rows by way of a table, %w", len(again), err)
	}
	for i := range table.Rows {
		for k, c := range in.Columns {
			if want, got := valueOf(c.Ref(&rows[i%len(rows)])), valueOf(c.Ref(&again[i%len(rows)])); want != got {
				return fmt.Errorf("column %s, row %d: %q by way of a table, %q by row", c.Name, i, got, want)
			}
			if want, got := valueOf(c.Ref(&rows[i%len(rows)])), at(&table.Columns[k], i); want != got {
				return fmt.Errorf("column %s, row %d: %q by column, %q by row", c.Name, i, got, want)
			}
		}
	}
	return nil
}

func valueOf(field any) string {
	switch p := field.(type) {
	case *int64:
		return fmt.Sprint(*p)
	case *int32:
		return fmt.Sprint(*p)
	case *float64:
		return fmt.Sprint(*p)
	case *string:
		return *p
	case **float32:
		if *p != nil {
			return fmt.Sprint(**p)
		}
	}
	return "null"
}

func at(v *columnar.Vector, i int) string {
	switch {
	case v.IsNull(i):
		return "null"
	case v.Int64 != nil:
		return fmt.Sprint(v.Int64[i])
	case v.Int32 != nil:
		return fmt.Sprint(v.Int32[i])
	case v.Float64 != nil:
		return fmt.Sprint(v.Float64[i])
	case v.Float32 != nil:
		return fmt.Sprint(v.Float32[i])
	}
	return v.Text[i]
}

type flat struct {
	ID      int64
	Row     int32
	RA      float64
	G, H, I *float32
	Method  string
}

var flatColumns = []columnar.Column[flat]{
	columnar.Field("ID", func(f *flat) any { return &f.ID }),
	columnar.Field("ROW", func(f *flat) any { return &f.Row }),
	columnar.Field("RA", func(f *flat) any { return &f.RA }),
	{Name: "G", Ref: func(f *flat) any { return &f.G }},
	{Name: "H", Ref: func(f *flat) any { return &f.H }},
	{Name: "METHOD", Ref: func(f *flat) any { return &f.Method }},
	{Name: "I", Ref: func(f *flat) any { return &f.I }},
}

// TestTable: a file gives a table the values that it gives rows, wherever its nulls
// lie, in whatever pages, encodings and row groups, and with columns that it doesn't have.
func TestTable(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 1, 40, 4097} { // more than is decoded at once, and than a group
		for name, null := range map[string]func(i int) bool{
			"none": func(int) bool { return false }, "all": func(int) bool { return true }, "some": func(int) bool { return r.IntN(3) == 0 },
			"the first": func(i int) bool { return i == 0 }, "the last": func(i int) bool { return i == n-1 }, "the second half": func(i int) bool { return i >= n/2 },
		} {
			rows := make([]flat, n)
			for i := range rows {
				rows[i] = flat{ID: r.Int64() - 1<<62, Row: r.Int32(), RA: r.Float64(), H: new(float32(r.NormFloat64()))}
				if !null(i) {
					rows[i].G, rows[i].Method = new(float32(i%7)), fmt.Sprint("m", i%3)
				}
			}
			for _, p := range [][]parquet.WriterProperty{
				{parquet.WithDictionaryDefault(true)}, {parquet.WithDictionaryDefault(false), parquet.WithDataPageSize(500), parquet.WithBatchSize(100)},
				{parquet.WithDataPageVersion(parquet.DataPageV2)}, {parquet.WithDictionaryDefault(false), parquet.WithCompression(compress.Codecs.Snappy)},
				{parquet.WithDictionaryDefault(false), parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDataPageSize(300), parquet.WithBatchSize(70)},
			} {
				var b bytes.Buffer
				out, err := columnar.NewWriter(&b, flatColumns[:6], p...)
				for rest := rows; err == nil && len(rest) > 0; {
					k := min(len(rest), 3000)
					err, rest = out.Group(rest[:k]), rest[k:]
				}
				if err == nil {
					err = out.Close()
				}
				if err != nil {
					t.Fatal(err)
				}
				if got, err := read(flatColumns, b.Bytes()); err != nil || len(got) != n {
					t.Errorf("%d rows, nulls: %s: %d, %v", n, name, len(got), err)
				}
			}
		}
	}
}

// FuzzTable: whatever the bytes, rows and tables are of one opinion.
func FuzzTable(f *testing.F) {
	var b bytes.Buffer
	out, err := columnar.NewWriter(&b, flatColumns)
	if err == nil {
		err = out.Group([]flat{{ID: 1, G: new(float32(1)), Method: "a"}, {ID: 2, Row: 3, RA: 0.5}, {H: new(float32(2)), Method: "b"}})
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		in := columnar.Reader[flat]{Columns: flatColumns, Corrupt: "Corrupt", Missing: "Missing", Invalid: "Invalid"}
		rows := 0
		failed := in.Scan(bytes.NewReader(data), int64(len(data)), func(r []flat) error { rows += len(r); return nil })
		var table columnar.Table
		if err := in.Append(data, &table); (err == nil) != (failed == nil) || err == nil && table.Rows != rows {
			t.Errorf("%d rows, %v; by column %d, %v", rows, failed, table.Rows, err)
		}
	})
}
