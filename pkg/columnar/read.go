package columnar

import (
	"fmt"
	"io"
	"unsafe"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/cosmostat/constellation/pkg/fault"
)

// Reader reads files of rows of type T.
type Reader[T any] struct {
	Columns []Column[T]
	AnyCase bool // names may differ in their letters' case; one that doesn't counts first
	// Alike says whether a column that nobody declared is an absent one, misspelt:
	// it is asked about, not left out. Nil: no column is.
	Alike func(declared, is string) bool
	// Codes of what is wrong with a file; all are bad data.
	Corrupt string // not a readable Parquet file
	Missing string // a column is missing or of a wrong type
	Invalid string // a value does not fit its field
	Remedy  string // what to do about any of it; may be empty
	// MaxRows is what a file has at most; 0: as many as it likes, a row group at a time.
	MaxRows int64
}

// batch is the number of values decoded at once; memory grows with the values
// that a file really has, not with the number its footer claims.
const batch = 4096

// A file says how much it makes of its bytes, and equal values take next to none.
const (
	// maxGroup bounds the rows of a row group, in bytes of their Go type, and the
	// text in them, each for itself.
	maxGroup = 64 << 20
	// maxNumbers bounds those in all lists of a row group.
	maxNumbers = 4 << 20
	// maxPage bounds a page after it was decompressed; writers make them of 1 MB.
	maxPage = 32 << 20
)

// Scan reads a file row group by row group until visit fails. The slice that
// visit gets is its own.
func (t *Reader[T]) Scan(r io.ReaderAt, size int64, visit func([]T) error) error {
	f, places, err := t.open(r, size)
	if err != nil {
		return err
	}
	defer f.Close()
	first := 0
	for g := range f.NumRowGroups() {
		var rows []T
		err := t.calmly(func() (err error) {
			rows, err = t.group(f.RowGroup(g), places, first)
			return err
		})
		if n := int64(first + len(rows)); err == nil && t.MaxRows > 0 && n > t.MaxRows {
			err = t.tooMany(n)
		}
		if err == nil {
			err = visit(rows)
		}
		if err != nil {
			return err
		}
		first += len(rows)
	}
	return nil
}

// open reads a file's footer, and finds where it has the columns.
func (t *Reader[T]) open(r io.ReaderAt, size int64) (f *file.Reader, places []int, err error) {
	err = t.calmly(func() error {
		in := io.NewSectionReader(r, 0, size)
		meta, err := readFooter(in, size)
		if err != nil {
			return err
		}
		limits := parquet.NewReaderProperties(nil)
		limits.MaxCompressedPageSize, limits.MaxUncompressedPageSize = maxPage, maxPage
		f, err = file.NewParquetReader(in, file.WithReadProps(limits), file.WithMetadata(meta))
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	err = t.calmly(func() (err error) {
		places, err = t.check(f.MetaData().Schema)
		return err
	})
	if n := f.NumRows(); err == nil && t.MaxRows > 0 && n > t.MaxRows {
		err = t.tooMany(n)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, places, nil
}

// check holds a file's columns to the declared ones, also where it has no rows,
// and gives their places in it.
func (t *Reader[T]) check(s *schema.Schema) ([]int, error) {
	places, err := t.places(s)
	if err != nil {
		return nil, err
	}
	for k, i := range places {
		if i >= 0 {
			if err := (&decoder[T]{t: t, column: t.Columns[k]}).check(s.Column(i)); err != nil {
				return nil, err
			}
		}
	}
	return places, nil
}

// Group reads one row group.
func (t *Reader[T]) Group(g *file.RowGroupReader) (rows []T, err error) {
	err = t.calmly(func() error {
		places, err := t.places(g.MetaData().Schema)
		if err == nil {
			rows, err = t.group(g, places, 0)
		}
		return err
	})
	return rows, err
}

// calmly calls the decoder, which panics on some garbled files. What goes wrong
// is bad data, unless it is classified already, by a store or here.
func (t *Reader[T]) calmly(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = t.corrupt(fmt.Errorf("the decoder gave up: %v", p))
		}
	}()
	if err = f(); err != nil && fault.KindOf(err) == fault.Unclassified {
		err = t.corrupt(err)
	}
	return err
}

func (t *Reader[T]) corrupt(err error) *fault.Error {
	return fault.Data(t.Corrupt, "not a readable Parquet file: %w", err).Fix("%s", t.Remedy)
}

func (t *Reader[T]) tooMany(n int64) error {
	return fault.Data(t.Invalid, "it has %d rows, of which there are at most %d", n, t.MaxRows).Fix("%s", t.Remedy)
}

func (t *Reader[T]) group(g *file.RowGroupReader, places []int, first int) ([]T, error) {
	if n, size := g.NumRows(), int64(unsafe.Sizeof(*new(T))); n < 0 || n > maxGroup/size {
		return nil, fault.Data(t.Invalid, "a row group has %d rows, of which at most %d are read at once", n, maxGroup/size).
			Fix("write it in smaller row groups")
	}
	rows, seen, numbers := make([]T, 0, min(batch, g.NumRows())), &texts{one: map[string]string{}}, 0
	for k, c := range t.Columns {
		i := places[k]
		if i < 0 {
			continue
		}
		chunk, err := g.Column(i)
		if err != nil {
			return nil, t.corrupt(err).At("column %s", c.Name)
		}
		d := decoder[T]{t: t, column: c, rows: &rows, first: first, most: int(g.NumRows()), texts: seen, numbers: &numbers}
		if err := d.decode(chunk); err != nil {
			if fault.KindOf(err) == fault.Unclassified {
				err = t.corrupt(err).At("column %s", c.Name)
			}
			return nil, err
		}
		if d.n != len(rows) || int64(d.n) != g.NumRows() {
			return nil, t.corrupt(fmt.Errorf("it has %d values for %d rows", d.n, g.NumRows())).At("column %s", c.Name)
		}
	}
	return rows, nil
}

// decoder reads one column of a row group into rows, which grow where they are too few.
type decoder[T any] struct {
	t      *Reader[T]
	column Column[T]
	rows   *[]T
	first  int // number in the file of the first row
	n      int // rows that are done
	most   int // as the file says
	texts  *texts
	// numbers is how many stand in lists so far, of all columns.
	numbers *int
}

// next is the field of the next row.
func (d *decoder[T]) next() (any, error) {
	if d.n == d.most {
		return nil, fmt.Errorf("it has more values than the %d rows", d.most)
	}
	if d.n == len(*d.rows) {
		*d.rows = append(*d.rows, *new(T))
	}
	d.n++
	return d.column.Ref(&(*d.rows)[d.n-1]), nil
}

// fits says whether a chunk's type goes into the field, and what would.
func (d *decoder[T]) fits(desc *schema.Column) (want string, ok bool) {
	var kinds []parquet.Type
	lists := int16(0)
	switch d.column.Ref(new(T)).(type) {
	case *[]int32:
		lists = 1
		want, kinds = "a list of 32-bit integers", []parquet.Type{parquet.Types.Int32}
	case *[]float64:
		lists = 1
		want, kinds = "a list of doubles", []parquet.Type{parquet.Types.Double}
	case *int64, *int32, *uint64:
		want, kinds = "an integer", []parquet.Type{parquet.Types.Int64, parquet.Types.Int32}
	case *float64, **float32:
		want, kinds = "a floating-point number", []parquet.Type{parquet.Types.Double, parquet.Types.Float}
	default:
		want, kinds = "a string", []parquet.Type{parquet.Types.ByteArray}
		if d.column.Numbers {
			want, kinds = "a string or an integer", append(kinds, parquet.Types.Int64, parquet.Types.Int32, parquet.Types.Double)
		}
	}
	for _, k := range kinds {
		ok = ok || k == desc.PhysicalType()
	}
	switch logical := desc.LogicalType().(type) {
	case schema.NoLogicalType, schema.NullLogicalType, schema.StringLogicalType, schema.IntLogicalType, nil:
	default:
		ok = ok && logical.IsNone()
	}
	return want, ok && desc.MaxRepetitionLevel() == lists && desc.MaxDefinitionLevel() <= 1
}

// check refuses a column of another type.
func (d *decoder[T]) check(desc *schema.Column) error {
	want, ok := d.fits(desc)
	if ok {
		return nil
	}
	return fault.Data(d.t.Missing, "the column is %s (%s), it must be %s", desc.PhysicalType(), desc.LogicalType(), want).
		At("column %s", d.column.Name).Fix("%s", d.t.Remedy)
}

func (d *decoder[T]) decode(chunk file.ColumnChunkReader) error {
	desc := chunk.Descriptor()
	if err := d.check(desc); err != nil {
		return err
	}
	unsigned := false
	if logical, is := desc.LogicalType().(schema.IntLogicalType); is {
		unsigned = !logical.IsSigned()
	}
	lists := desc.MaxRepetitionLevel() > 0
	switch r := chunk.(type) {
	case *file.Int64ColumnChunkReader:
		return drain(d, r.ReadBatch, desc, func(field any, v int64) error { return integer(field, v, unsigned && v < 0) })
	case *file.Int32ColumnChunkReader:
		if lists {
			return drainLists[T, int32](d, r.ReadBatch, desc)
		}
		return drain(d, r.ReadBatch, desc, func(field any, v int32) error {
			if unsigned {
				return integer(field, int64(uint32(v)), false)
			}
			return integer(field, int64(v), false)
		})
	case *file.Float64ColumnChunkReader:
		if lists {
			return drainLists[T, float64](d, r.ReadBatch, desc)
		}
		return drain(d, r.ReadBatch, desc, number)
	case *file.Float32ColumnChunkReader:
		return drain(d, r.ReadBatch, desc, func(field any, v float32) error { return number(field, float64(v)) })
	case *file.ByteArrayColumnChunkReader:
		return drain(d, r.ReadBatch, desc, func(field any, v parquet.ByteArray) (err error) {
			*field.(*string), err = d.texts.of(v)
			return err
		})
	}
	return fmt.Errorf("no decoder for %s", desc)
}

type read[V any] func(int64, []V, []int16, []int16) (int64, int, error)

// drain stores all values of a chunk, and says where one doesn't fit.
func drain[T, V any](d *decoder[T], read read[V], desc *schema.Column, store func(field any, v V) error) error {
	some := min(batch, d.most+1) // one more shows that there are too many
	values := make([]V, some)
	var def []int16
	if desc.MaxDefinitionLevel() > 0 {
		def = make([]int16, some)
	}
	for {
		n, got, err := read(int64(some), values, def, nil)
		if err != nil || n == 0 {
			return err
		}
		used := 0
		for i := range int(n) {
			field, err := d.next()
			switch {
			case err != nil:
				return err
			case def != nil && def[i] == 0:
				err = null(field)
			case used >= got:
				return io.ErrUnexpectedEOF
			default:
				err = store(field, values[used])
				used++
			}
			if err != nil {
				return fault.Data(d.t.Invalid, "%w", err).At("column %s, row %d", d.column.Name, d.first+d.n-1).Fix("%s", d.t.Remedy)
			}
		}
	}
}

// drainLists cuts the values of a chunk into lists, which share one allocation.
func drainLists[T, V any](d *decoder[T], read read[V], desc *schema.Column) error {
	var all []V
	var starts []int
	values, def, rep := make([]V, batch), make([]int16, batch), make([]int16, batch)
	for {
		n, got, err := read(batch, values, def, rep)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		used := 0
		for i := range int(n) {
			if rep[i] == 0 {
				starts = append(starts, len(all)+used)
			} else if len(starts) == 0 {
				return fmt.Errorf("it begins within a list")
			}
			if def[i] == desc.MaxDefinitionLevel() {
				used++
			}
		}
		*d.numbers += got
		switch {
		case used != got:
			return io.ErrUnexpectedEOF
		case len(starts) > d.most || *d.numbers > maxNumbers:
			return fmt.Errorf("it has more values than its %d rows may have", d.most)
		}
		all = append(all, values[:got]...)
	}
	starts = append(starts, len(all))
	for i, from := range starts[:len(starts)-1] {
		field, err := d.next()
		if err != nil {
			return err
		}
		if to := starts[i+1]; to > from {
			*field.(*[]V) = all[from:to:to]
		}
	}
	return nil
}
