package columnar

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// filler appends one column of a row group to a vector.
type filler struct {
	v     *Vector
	n     int // values that are done
	most  int // as the file says
	texts *texts
	bad   error // what is wrong with value n

	scratch  *scratch
	desc     *schema.Column
	unsigned bool
	nulls    nulls
	levels   []int16 // 0 where a value is null
}

// nulls is what becomes of them: a column that can't have any is not read.
type nulls int

const (
	refuseNulls nulls = iota
	markNulls
	skipNulls // they are what a value is where nobody set it
)

var errNull = errors.New("is null")

// chunk is a column chunk, read by whom that takes the least.
type chunk struct {
	desc    *schema.Column
	plain   *plain
	library file.ColumnChunkReader
}

// chunkOf is a chunk of a row group of a file that is in memory.
func chunkOf(data []byte, g *file.RowGroupReader, i int) (c chunk, err error) {
	m, err := g.MetaData().ColumnChunk(i)
	if err != nil {
		return c, err
	}
	c.desc = g.MetaData().Schema.Column(i)
	if c.plain = plainOf(data, m, c.desc); c.plain == nil {
		c.library, err = g.Column(i)
	}
	return c, err
}

func (f *filler) fill(field any, chunk chunk) (err error) {
	f.desc = chunk.desc
	if logical, is := f.desc.LogicalType().(schema.IntLogicalType); is {
		f.unsigned = !logical.IsSigned()
	}
	if f.desc.MaxDefinitionLevel() > 0 {
		if f.levels = f.scratch.levels; len(f.levels) < f.room() {
			f.levels = make([]int16, f.room())
			f.scratch.levels = f.levels
		}
	}
	if chunk.plain != nil {
		chunk.plain.scratch = &f.scratch.page
	}
	switch field.(type) {
	case *int64:
		f.v.Int64, err = fill(f, f.v.Int64, chunk)
	case *int32:
		f.v.Int32, err = fill(f, f.v.Int32, chunk)
	case *float64:
		f.v.Float64, err = fill(f, f.v.Float64, chunk)
	case **float32:
		f.nulls = markNulls
		f.v.Float32, err = fill(f, f.v.Float32, chunk)
	case *string:
		f.nulls = skipNulls
		f.v.Text, err = fill(f, f.v.Text, chunk)
	default:
		err = fmt.Errorf("a table has no %T", field)
	}
	return err
}

// fill appends a chunk to values of type W, whatever width the chunk's have.
func fill[W any](f *filler, to []W, c chunk) ([]W, error) {
	switch f.desc.PhysicalType() {
	case parquet.Types.Int64:
		read := valuesOf[int64, *file.Int64ColumnChunkReader](c)
		if same, is := any(to).([]int64); is && !f.unsigned {
			return as[W](direct(f, same, read))
		}
		return converted(f, to, read, func(p *W, v int64) error { return integer(p, v, f.unsigned && v < 0) })
	case parquet.Types.Int32:
		read := valuesOf[int32, *file.Int32ColumnChunkReader](c)
		if same, is := any(to).([]int32); is && !f.unsigned {
			return as[W](direct(f, same, read))
		}
		return converted(f, to, read, func(p *W, v int32) error {
			if f.unsigned {
				return integer(p, int64(uint32(v)), false)
			}
			return integer(p, int64(v), false)
		})
	case parquet.Types.Double:
		read := valuesOf[float64, *file.Float64ColumnChunkReader](c)
		if same, is := any(to).([]float64); is {
			return as[W](direct(f, same, read))
		}
		return converted(f, to, read, func(p *W, v float64) error { return number(p, v) })
	case parquet.Types.Float:
		read := valuesOf[float32, *file.Float32ColumnChunkReader](c)
		if same, is := any(to).([]float32); is {
			return as[W](direct(f, same, read))
		}
		return converted(f, to, read, func(p *W, v float32) error { return number(p, float64(v)) })
	case parquet.Types.ByteArray:
		read := textsOf(c)
		return converted(f, to, read, func(p *W, v parquet.ByteArray) (err error) {
			*any(p).(*string), err = f.texts.of(v)
			return err
		})
	}
	return to, fmt.Errorf("no decoder for %s", f.desc)
}

// valuesOf reads a chunk's numbers.
func valuesOf[V arrow.FixedWidthType, L interface {
	ReadBatch(int64, []V, []int16, []int16) (int64, int, error)
}](c chunk) read[V] {
	if c.plain != nil {
		return numbers[V](c.plain)
	}
	return c.library.(L).ReadBatch
}

func textsOf(c chunk) read[parquet.ByteArray] {
	if c.plain != nil {
		return bytesOf(c.plain)
	}
	return c.library.(*file.ByteArrayColumnChunkReader).ReadBatch
}

func as[W, V any](values []V, err error) ([]W, error) { return any(values).([]W), err }

// direct has a chunk decoded into the place where its values are to be.
func direct[V any](f *filler, to []V, read read[V]) ([]V, error) {
	for {
		to = slices.Grow(to, f.room())
		n, err := some(f, len(to), to[len(to):len(to)+f.room()], read)
		to = to[:len(to)+n]
		if n == 0 || err != nil {
			return to, err
		}
	}
}

// converted has a chunk decoded beside its place, and converts each value.
func converted[V, W any](f *filler, to []W, read read[V], convert func(*W, V) error) ([]W, error) {
	values := make([]V, f.room())
	for {
		first := f.n
		n, err := some(f, len(to), values[:min(len(values), f.room())], read)
		if n == 0 || err != nil {
			return to, err
		}
		for i, v := range values[:n] {
			to = append(to, *new(W))
			if f.levels != nil && f.levels[i] == 0 {
				continue
			}
			if f.bad = convert(&to[len(to)-1], v); f.bad != nil {
				f.n = first + i
				return to, f.bad
			}
		}
	}
}

// room is for how many values there has to be room; one more than there are rows
// shows that there are too many.
func (f *filler) room() int { return min(batch, f.most-f.n+1) }

// some reads values, the first of which is number at of the vector, and moves
// them to where they belong among the nulls.
func some[V any](f *filler, at int, room []V, read read[V]) (int, error) {
	var levels []int16
	if f.levels != nil {
		levels = f.levels[:len(room)]
	}
	read64, got, err := read(int64(len(room)), room, levels, nil)
	n := int(read64)
	switch {
	case err != nil || n == 0:
		return 0, err
	case f.n+n > f.most:
		return 0, fmt.Errorf("it has more values than the %d rows", f.most)
	case got > n, got < n && levels == nil:
		return 0, io.ErrUnexpectedEOF
	}
	for i := n - 1; i >= 0 && got <= i; i-- { // where as many are left as places, they are in them
		if levels[i] != 0 {
			if got--; got < 0 {
				return 0, io.ErrUnexpectedEOF
			}
			room[i] = room[got]
			continue
		}
		room[i] = *new(V)
		switch f.nulls {
		case markNulls:
			f.v.setNull(at + i)
		case refuseNulls:
			f.n, f.bad = f.n+slices.Index(levels, 0), errNull
			return 0, errNull
		}
	}
	f.n += n
	return n, nil
}
