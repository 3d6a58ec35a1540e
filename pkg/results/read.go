package results

import (
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Codes of the failures of reading and checking results; all are bad data.
const (
	CodeCorrupt = "ResultsCorrupt" // not a readable Parquet file
	CodeColumns = "ResultsColumns" // a column is missing or of a wrong type
	CodeInvalid = "ResultsInvalid" // a value breaks the contract
)

// ReadShear reads a shear.parquet of size bytes. A row without STATUS is [OK].
func ReadShear(r io.ReaderAt, size int64) ([]Shear, error) {
	rows, err := read(r, size, ShearColumns())
	for i := range rows {
		if rows[i].Status == "" {
			rows[i].Status = survey.StatusOK
		}
	}
	return rows, err
}

// ReadSources reads a sources.parquet of size bytes.
func ReadSources(r io.ReaderAt, size int64) ([]Source, error) {
	return read(r, size, SourceColumns())
}

// batch is the number of values decoded at once; memory grows with the values
// that a file really has, not with the number its footer claims.
const batch = 4096

func read[T any](r io.ReaderAt, size int64, cols []Column[T]) (rows []T, err error) {
	defer func() { // the decoder panics on some garbled files
		if p := recover(); p != nil {
			rows, err = nil, corrupt(fmt.Errorf("the Parquet decoder gave up: %v", p))
		}
	}()
	f, err := file.NewParquetReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, corrupt(err)
	}
	defer f.Close()
	for _, c := range cols {
		i := f.MetaData().Schema.ColumnIndexByName(c.Name)
		if i < 0 {
			if c.Required {
				return nil, fault.Data(CodeColumns, "it has no such column").At("column %s", c.Name).Fix("the results contract lists it")
			}
			continue
		}
		n := 0
		for g := range f.NumRowGroups() {
			chunk, err := f.RowGroup(g).Column(i)
			if err != nil {
				return nil, corrupt(err).At("column %s", c.Name)
			}
			if err := readColumn(chunk, c, &rows, &n); err != nil {
				return nil, err
			}
		}
		if n != len(rows) || int64(n) != f.NumRows() {
			return nil, corrupt(fmt.Errorf("has %d values where the file has %d rows", n, f.NumRows())).At("column %s", c.Name)
		}
	}
	return rows, nil
}

func corrupt(err error) *fault.Error {
	return fault.Data(CodeCorrupt, "not a readable Parquet file: %w", err).Fix("run the inference of this sub-tile again")
}

// readColumn decodes one chunk of a column into rows from *n on.
func readColumn[T any](chunk file.ColumnChunkReader, c Column[T], rows *[]T, n *int) error {
	desc := chunk.Descriptor()
	mistyped := func(want string) error {
		return fault.Data(CodeColumns, "the column is %s (%s), it must be %s", desc.PhysicalType(), desc.LogicalType(), want).At("column %s", c.Name)
	}
	if desc.MaxRepetitionLevel() > 0 || desc.MaxDefinitionLevel() > 1 {
		return mistyped("a plain value")
	}
	var want string
	switch c.Ref(new(T)).(type) {
	case *int64, *int32:
		want = "an integer"
	case *float64, **float32:
		want = "a floating-point number"
	default:
		want = "a string"
	}
	unsigned := false
	switch logical := desc.LogicalType().(type) {
	case schema.NoLogicalType, schema.NullLogicalType, schema.StringLogicalType, nil:
	case schema.IntLogicalType:
		unsigned = !logical.IsSigned()
	default:
		if !logical.IsNone() {
			return mistyped(want)
		}
	}
	// put stores one value, or a null, in the next row.
	put := func(v any) error {
		if *n == len(*rows) {
			*rows = append(*rows, *new(T))
		}
		p := c.Ref(&(*rows)[*n])
		*n++
		if err := store(p, v); err != nil {
			return fault.Data(CodeInvalid, "%w", err).At("column %s, row %d", c.Name, *n-1)
		}
		return nil
	}
	var err error
	switch r := chunk.(type) {
	case *file.Int64ColumnChunkReader:
		if want != "an integer" {
			return mistyped(want)
		}
		err = drain(r.ReadBatch, desc, put, func(v int64) any {
			if unsigned && v < 0 {
				return uint64(v)
			}
			return v
		})
	case *file.Int32ColumnChunkReader:
		if want != "an integer" {
			return mistyped(want)
		}
		err = drain(r.ReadBatch, desc, put, func(v int32) any {
			if unsigned {
				return int64(uint32(v))
			}
			return int64(v)
		})
	case *file.Float64ColumnChunkReader:
		if want != "a floating-point number" {
			return mistyped(want)
		}
		err = drain(r.ReadBatch, desc, put, func(v float64) any { return v })
	case *file.Float32ColumnChunkReader:
		if want != "a floating-point number" {
			return mistyped(want)
		}
		err = drain(r.ReadBatch, desc, put, func(v float32) any { return float64(v) })
	case *file.ByteArrayColumnChunkReader:
		if want != "a string" {
			return mistyped(want)
		}
		err = drain(r.ReadBatch, desc, put, func(v parquet.ByteArray) any { return string(v) })
	default:
		return mistyped(want)
	}
	if err != nil && fault.CodeOf(err) == "" {
		err = corrupt(err).At("column %s", c.Name)
	}
	return err
}

// drain reads all values of a chunk and gives them to put, nulls as nil.
func drain[V any](read func(int64, []V, []int16, []int16) (int64, int, error), desc *schema.Column, put func(any) error, conv func(V) any) error {
	values := make([]V, batch)
	var def []int16
	if desc.MaxDefinitionLevel() > 0 {
		def = make([]int16, batch)
	}
	for {
		n, got, err := read(batch, values, def, nil)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		next := 0
		for i := range int(n) {
			var v any
			if def == nil || def[i] > 0 {
				if next >= got {
					return io.ErrUnexpectedEOF
				}
				v = conv(values[next])
				next++
			}
			if err := put(v); err != nil {
				return err
			}
		}
	}
}

// store puts an int64, uint64 (too large for int64), float64, string or nil into a field.
func store(field, v any) error {
	switch p := field.(type) {
	case **float32:
		if v == nil {
			return nil
		}
		f := v.(float64)
		if x := float32(f); !math.IsInf(float64(x), 0) || math.IsInf(f, 0) {
			*p = &x
			return nil
		}
		return fmt.Errorf("%g is too large for single precision", f)
	case *string:
		if v != nil {
			*p = v.(string)
		}
		return nil
	}
	if v == nil {
		return fmt.Errorf("is null")
	}
	switch p := field.(type) {
	case *float64:
		*p = v.(float64)
		return nil
	case *int64:
		if n, ok := v.(int64); ok {
			*p = n
			return nil
		}
	case *int32:
		if n, ok := v.(int64); ok && int64(int32(n)) == n {
			*p = int32(n)
			return nil
		}
	}
	return fmt.Errorf("%v is out of range", v)
}
