package index

import (
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/cosmostat/constellation/pkg/columnar"
)

const (
	cellColumn    = "cell"
	outlineColumn = "outline"
	outlineLeaf   = outlineColumn + ".list.element"
)

func columns() []columnar.Column[row] {
	cols := []columnar.Column[row]{
		columnar.Field(cellColumn, func(r *row) any { return (*uint64)(&r.cell) }),
		columnar.Field("obs", func(r *row) any { return &r.exposure.Obs }),
		columnar.Field("dither", func(r *row) any { return &r.exposure.Dither }),
		columnar.Field("number", func(r *row) any { return &r.exposure.Number }),
		columnar.Field("name", func(r *row) any { return &r.name }),
		columnar.Field("exptime", func(r *row) any { return &r.exptime }),
		columnar.Field(outlineColumn, func(r *row) any { return &r.outline }),
	}
	for i, name := range []string{"sci", "rms", "flg", "bkg", "wgt", "psf"} {
		start := name + "_offset"
		if follows(i) {
			start = name + "_gap"
		}
		cols = append(cols,
			columnar.Field(start, func(r *row) any { return &r.segments[i].Offset }),
			columnar.Field(name+"_length", func(r *row) any { return &r.segments[i].Length }))
	}
	return cols
}

// properties: cells as differences, outlines byte plane by byte plane, the rest
// has few different values in a row group. Only cells need statistics.
func properties(codec compress.Compression) []parquet.WriterProperty {
	return []parquet.WriterProperty{
		parquet.WithCompression(codec),
		parquet.WithStats(false), parquet.WithStatsFor(cellColumn, true),
		parquet.WithDictionaryDefault(true),
		parquet.WithDictionaryFor(cellColumn, false), parquet.WithEncodingFor(cellColumn, parquet.Encodings.DeltaBinaryPacked),
		parquet.WithDictionaryFor(outlineLeaf, false), parquet.WithEncodingFor(outlineLeaf, parquet.Encodings.ByteStreamSplit),
		parquet.WithSortingColumns([]parquet.SortingColumn{{ColumnIdx: 0}}),
	}
}
