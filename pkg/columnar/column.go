// Package columnar keeps rows of a Go type in Parquet files: a column is bound
// to a field once, and written and read by that.
//
// Writing takes exactly the declared columns; the same rows give the same bytes,
// whatever the library's version. Reading takes files that others wrote: integers
// and floating-point numbers of any width that hold the values, columns in any
// order, further columns. Whatever is wrong with a file is bad data by the name
// of the column, and the row; the decoder's panics on garbled files are that too.
//
// What it does not do: nested tables, dates, and lists of anything but numbers.
package columnar

import (
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// Column declares one column of rows of type T.
type Column[T any] struct {
	Name string
	Unit string // empty where it has none
	Doc  string
	// Required columns must be in a file; the others read as null, zero or "".
	Required bool
	// Numbers says of a text column that files may have it as whole numbers, too:
	// as integers, or as doubles, which programs make of integers that can be null.
	Numbers bool
	// Ref points to the column's field of a row. The pointer's type is the
	// column's: *int64, *int32, *uint64, *float64, *string, a list *[]float64 or
	// *[]int32, or **float32 for a measurement, which alone (with an empty string)
	// can be null.
	Ref func(*T) any
}

// Field is a required column without more to say about it.
func Field[T any](name string, ref func(*T) any) Column[T] {
	return Column[T]{Name: name, Required: true, Ref: ref}
}

// Nullable says whether the column holds nulls.
func (c Column[T]) Nullable() bool {
	switch c.Ref(new(T)).(type) {
	case **float32:
		return true
	case *string:
		return !c.Required
	}
	return false
}

func (c Column[T]) node() (schema.Node, error) {
	rep := parquet.Repetitions.Required
	if c.Nullable() {
		rep = parquet.Repetitions.Optional
	}
	switch c.Ref(new(T)).(type) {
	case *int64:
		return schema.NewInt64Node(c.Name, rep, -1), nil
	case *int32:
		return schema.NewInt32Node(c.Name, rep, -1), nil
	case *uint64:
		return schema.NewPrimitiveNodeLogical(c.Name, rep, schema.NewIntLogicalType(64, false), parquet.Types.Int64, 0, -1)
	case *float64:
		return schema.NewFloat64Node(c.Name, rep, -1), nil
	case **float32:
		return schema.NewFloat32Node(c.Name, rep, -1), nil
	case *[]float64:
		return schema.ListOf(schema.NewFloat64Node(c.Name, rep, -1), rep, -1)
	case *[]int32:
		return schema.ListOf(schema.NewInt32Node(c.Name, rep, -1), rep, -1)
	}
	return schema.NewPrimitiveNodeLogical(c.Name, rep, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1)
}

// Schema is that of the files with these columns.
func Schema[T any](cols []Column[T]) (*schema.GroupNode, error) {
	fields := make(schema.FieldList, len(cols))
	for i, c := range cols {
		var err error
		if fields[i], err = c.node(); err != nil {
			return nil, err
		}
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}
