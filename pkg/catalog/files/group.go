package files

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// fewValues is how many values a column may have in a row group to get a dictionary.
const fewValues = 1024

// Parquet's settings. Measured values take the room of their bits, so they get no
// dictionary, which would cost most of the time: numbers that count go as
// differences, the others byte by byte, which compress. Every reader that is tested
// knows these encodings.
func properties(t *table.Table, schema *arrow.Schema, first []arrow.Array, groupRows int64) []parquet.WriterProperty {
	props := t.Properties()
	out := []parquet.WriterProperty{
		parquet.WithMaxRowGroupLength(groupRows), parquet.WithDataPageVersion(parquet.DataPageV2),
		parquet.WithBatchSize(8 << 10), parquet.WithCompression(codec(props)),
		parquet.WithCompressionLevel(props.GetInt(table.ParquetCompressionLevelKey, 1)), parquet.WithDictionaryDefault(false),
		parquet.WithMaxBloomFilterBytes(int64(props.GetInt(table.ParquetBloomFilterMaxBytesKey, table.ParquetBloomFilterMaxBytesDefault))),
	}
	for i, f := range schema.Fields() {
		if props.GetBool(table.ParquetBloomFilterColumnEnabledKeyPrefix+"."+f.Name, false) {
			out = append(out, parquet.WithBloomFilterEnabledFor(f.Name, true))
		}
		switch d := dictionary(first[i]); {
		case d != nil:
			d.Release()
			out = append(out, parquet.WithDictionaryFor(f.Name, true))
		case f.Type.ID() == arrow.FLOAT32, f.Type.ID() == arrow.FLOAT64:
			out = append(out, parquet.WithEncodingFor(f.Name, parquet.Encodings.ByteStreamSplit))
		case f.Type.ID() == arrow.INT32, f.Type.ID() == arrow.INT64:
			out = append(out, parquet.WithEncodingFor(f.Name, parquet.Encodings.DeltaBinaryPacked))
		}
	}
	return out
}

func codec(props iceberg.Properties) compress.Compression {
	switch props.Get(table.ParquetCompressionKey, table.ParquetCompressionDefault) {
	case "uncompressed":
		return compress.Codecs.Uncompressed
	case "snappy":
		return compress.Codecs.Snappy
	case "gzip":
		return compress.Codecs.Gzip
	case "brotli":
		return compress.Codecs.Brotli
	case "lz4raw":
		return compress.Codecs.Lz4Raw
	}
	return compress.Codecs.Zstd
}

// dictionary is a column of long numbers or text as indices of its values, in the
// order in which they come first; nil where it has many, or is of another kind. Small
// numbers take no more room as differences, and a tenth of assembly's time less.
// Rows are sorted, so a value mostly follows itself, and is not looked up.
func dictionary(values arrow.Array) *array.Dictionary {
	switch v := values.(type) {
	case *array.Int64:
		b := array.NewInt64Builder(memory.DefaultAllocator)
		return indexed(v, b, v.Value, b.Append)
	case *array.String:
		b := array.NewStringBuilder(memory.DefaultAllocator)
		return indexed(v, b, v.Value, b.Append)
	}
	return nil
}

func indexed[T comparable](values arrow.Array, unique array.Builder, at func(int) T, add func(T)) *array.Dictionary {
	defer unique.Release()
	seen := make(map[T]int32, fewValues)
	indices := array.NewInt32Builder(memory.DefaultAllocator)
	defer indices.Release()
	indices.Reserve(values.Len())
	var last T
	index := int32(-1) // of last
	nulls := values.NullN() > 0
	for i := range values.Len() {
		if nulls && values.IsNull(i) {
			indices.UnsafeAppendBoolToBitmap(false)
			continue
		}
		if v := at(i); index < 0 || v != last {
			at, ok := seen[v]
			if !ok {
				if len(seen) == fewValues {
					return nil
				}
				at = int32(len(seen))
				seen[v] = at
				add(v)
			}
			last, index = v, at
		}
		indices.UnsafeAppend(index)
	}
	if index < 0 {
		return nil // nulls alone
	}
	all, dict := indices.NewArray(), unique.NewArray()
	defer all.Release()
	defer dict.Release()
	return array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: values.DataType()}, all, dict)
}
