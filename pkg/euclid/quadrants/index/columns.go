package index

import (
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/golang/geo/s2"
)

const (
	cellColumn    = "cell"
	outlineColumn = "outline"
	outlineLeaf   = outlineColumn + ".list.element"
)

// column binds a column of the file to a part of a row. One of text, real and
// integer is there, or none for the outline. Columns are decoded in their
// order: a gap needs the segment before it.
type column struct {
	name    string
	text    func(*row) *string
	real    func(*row) *float64
	integer *integer
}

type integer struct {
	get func(*row) int64
	put func(*row, int64)
}

func columns() []column {
	cols := []column{
		{name: cellColumn, integer: &integer{
			func(r *row) int64 { return int64(r.cell) },
			func(r *row, v int64) { r.cell = s2.CellID(v) }}},
		{name: "obs", text: func(r *row) *string { return &r.exposure.Obs }},
		{name: "dither", text: func(r *row) *string { return &r.exposure.Dither }},
		{name: "number", text: func(r *row) *string { return &r.exposure.Number }},
		{name: "name", text: func(r *row) *string { return &r.name }},
		{name: "exptime", real: func(r *row) *float64 { return &r.exptime }},
		{name: outlineColumn},
	}
	for i, name := range []string{"sci", "rms", "flg", "bkg", "wgt", "psf"} {
		start, from := name+"_offset", func(*row) int64 { return 0 }
		if name == "rms" || name == "flg" { // beside their SCI, nearly always
			start, from = name+"_gap", func(r *row) int64 { s := r.segments[i-1]; return s.Offset + s.Length }
		}
		cols = append(cols,
			column{name: start, integer: &integer{
				func(r *row) int64 { return r.segments[i].Offset - from(r) },
				func(r *row, v int64) { r.segments[i].Offset = from(r) + v }}},
			column{name: name + "_length", integer: &integer{
				func(r *row) int64 { return r.segments[i].Length },
				func(r *row, v int64) { r.segments[i].Length = v }}})
	}
	return cols
}

// node is the column in a Parquet schema. Nothing is null.
func (c column) node() (schema.Node, error) {
	req := parquet.Repetitions.Required
	switch {
	case c.name == cellColumn:
		return schema.NewPrimitiveNodeLogical(c.name, req, schema.NewIntLogicalType(64, false), parquet.Types.Int64, 0, -1)
	case c.text != nil:
		return schema.NewPrimitiveNodeLogical(c.name, req, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1)
	case c.real != nil:
		return schema.NewFloat64Node(c.name, req, -1), nil
	case c.integer != nil:
		return schema.NewInt64Node(c.name, req, -1), nil
	}
	return schema.ListOf(schema.NewInt32Node(c.name, req, -1), req, -1)
}

func newSchema(cols []column) (*schema.GroupNode, error) {
	fields := make(schema.FieldList, len(cols))
	for i, c := range cols {
		var err error
		if fields[i], err = c.node(); err != nil {
			return nil, err
		}
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

// properties: cells as differences, outlines byte plane by byte plane, the rest
// has few different values in a row group. Only cells need statistics. The
// writer's name is fixed, so that an update of the library doesn't change the bytes.
func properties(codec compress.Compression) *parquet.WriterProperties {
	return parquet.NewWriterProperties(
		parquet.WithCreatedBy("constellation"),
		parquet.WithCompression(codec),
		parquet.WithStats(false), parquet.WithStatsFor(cellColumn, true),
		parquet.WithDictionaryDefault(true),
		parquet.WithDictionaryFor(cellColumn, false), parquet.WithEncodingFor(cellColumn, parquet.Encodings.DeltaBinaryPacked),
		parquet.WithDictionaryFor(outlineLeaf, false), parquet.WithEncodingFor(outlineLeaf, parquet.Encodings.ByteStreamSplit),
		parquet.WithSortingColumns([]parquet.SortingColumn{{ColumnIdx: 0}}),
	)
}
