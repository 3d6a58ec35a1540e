package commits

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"iter"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/rows"
	"github.com/cosmostat/constellation/pkg/fault"
)

// fitted gives a batch's records as a table has them: with the columns that no file
// of results has, and by field ids, whatever the fields are named. A column that can
// be null and that the table hasn't is left out.
func (r *replacement) fitted(t *table.Table) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for rec, err := range r.records {
			if err != nil {
				yield(nil, err)
				return
			}
			fit, err := r.fit(t, rec)
			if err != nil {
				yield(nil, err)
				return
			}
			more := yield(fit, nil)
			fit.Release()
			if !more {
				return
			}
		}
	}
}

func (r *replacement) fit(t *table.Table, rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	n := int(rec.NumRows())
	pixels, err := pixelsOf(rec)
	if err != nil {
		return nil, err
	}
	run, config := constant(r.batch.RunID, n), constant(r.batch.ConfigID, n)
	defer func() { pixels.Release(); run.Release(); config.Release() }()
	names := []string{"RUN_ID", "CONFIG_ID", rows.Healpix}
	values := []arrow.Array{run, config, pixels}
	for i, f := range rec.Schema().Fields() {
		names, values = append(names, f.Name), append(values, rec.Column(i))
	}
	var fields []arrow.Field
	var columns []arrow.Array
	for i, name := range names {
		field, there := r.layout.Field(t, name)
		if !there {
			continue
		}
		fields = append(fields, arrow.Field{Name: field.Name, Type: values[i].DataType(), Nullable: !field.Required,
			Metadata: arrow.NewMetadata([]string{"PARQUET:field_id"}, []string{strconv.Itoa(field.ID)})})
		columns = append(columns, values[i])
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(n)), nil
}

// pixelsOf are the HEALPix pixels of a record's positions.
func pixelsOf(rec arrow.RecordBatch) (arrow.Array, error) {
	ra, err := degrees(rec, "RA")
	if err != nil {
		return nil, err
	}
	dec, err := degrees(rec, "DEC")
	if err != nil {
		return nil, err
	}
	return rows.Pixels(ra, dec), nil
}

func degrees(rec arrow.RecordBatch, column string) ([]float64, error) {
	if at := rec.Schema().FieldIndices(column); len(at) == 1 {
		if v, ok := rec.Column(at[0]).(*array.Float64); ok {
			return v.Float64Values(), nil
		}
	}
	return nil, fault.New(fault.Bug, CodeBatch, "records without a column %s of doubles", column)
}

// constant is a column of one text.
func constant(text string, n int) arrow.Array {
	indices := array.NewInt32Builder(memory.DefaultAllocator)
	defer indices.Release()
	indices.AppendValues(make([]int32, n), nil)
	at := indices.NewArray()
	defer at.Release()
	words := array.NewStringBuilder(memory.DefaultAllocator)
	defer words.Release()
	words.Append(text)
	word := words.NewArray()
	defer word.Release()
	return array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}, at, word)
}

// digest is the SHA-256 of what is kept and of the rows, or of what these are made
// of: a cached result that another run commits again is the same result.
func (r *replacement) digest() (digest string, n int64, err error) {
	h := sha256.New()
	for _, k := range r.keep {
		fmt.Fprintf(h, "keep %d %d %d\n", k.TileID, k.Row, k.Col)
	}
	if r.batch.Inputs != "" {
		fmt.Fprintf(h, "inputs %s\n", r.batch.Inputs)
		return hex.EncodeToString(h.Sum(nil)), 0, nil
	}
	for rec, err := range r.records {
		if err == nil {
			err = hashRecord(h, rec)
		}
		if err != nil {
			return "", 0, err
		}
		n += rec.NumRows()
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

func hashRecord(h hash.Hash, rec arrow.RecordBatch) error {
	for i, f := range rec.Schema().Fields() {
		values := rec.Column(i)
		fmt.Fprintf(h, "%s %d %d\n", f.Name, values.Len(), values.NullN())
		for j := range values.Len() {
			if values.NullN() > 0 && values.IsNull(j) {
				fmt.Fprintf(h, "null %d\n", j)
			}
		}
		switch v := values.(type) {
		case *array.Int64:
			h.Write(arrow.Int64Traits.CastToBytes(v.Int64Values()))
		case *array.Int32:
			h.Write(arrow.Int32Traits.CastToBytes(v.Int32Values()))
		case *array.Float64:
			h.Write(arrow.Float64Traits.CastToBytes(v.Float64Values()))
		case *array.Float32:
			h.Write(arrow.Float32Traits.CastToBytes(v.Float32Values()))
		case *array.String:
			for j := range v.Len() {
				h.Write(binary.AppendUvarint(nil, uint64(len(v.Value(j)))))
				h.Write([]byte(v.Value(j)))
			}
		default:
			return fault.New(fault.Bug, CodeBatch, "records with a column of %s", values.DataType()).At("column %s", f.Name)
		}
	}
	return nil
}
