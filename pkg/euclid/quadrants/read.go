package quadrants

import (
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

// Codes of the failures of reading; both are bad data.
const (
	CodeCorrupt = "FootprintsCorrupt" // not a readable Parquet file
	CodeColumns = "FootprintsColumns" // a column is missing or of another type
)

// batch is how many values are decoded at once. Memory grows with the values
// that a file has, not with the number that a garbled footer claims.
const batch = 4096

// Read reads all quadrants of a file.
func Read(r io.ReaderAt, size int64) ([]euclid.Quadrant, error) {
	var all []euclid.Quadrant
	err := Scan(r, size, func(qs []euclid.Quadrant) error {
		all = append(all, qs...)
		return nil
	})
	return all, err
}

// Scan reads a file row group by row group until visit fails. The slice that
// visit gets is its own.
func Scan(r io.ReaderAt, size int64, visit func(qs []euclid.Quadrant) error) error {
	var qs []euclid.Quadrant
	return scan(r, size, func(group *file.RowGroupReader) (err error) {
		qs, err = readGroup(group)
		return err
	}, func() error { return visit(qs) })
}

// scan opens a file and for each row group calls decode and then use.
func scan(r io.ReaderAt, size int64, decode func(*file.RowGroupReader) error, use func() error) error {
	var f *file.Reader
	err := calmly(func() (err error) {
		f, err = file.NewParquetReader(io.NewSectionReader(r, 0, size))
		return err
	})
	if err != nil {
		return err
	}
	defer f.Close()
	for g := range f.NumRowGroups() {
		if err := calmly(func() error { return decode(f.RowGroup(g)) }); err != nil {
			return err
		}
		if err := use(); err != nil {
			return err
		}
	}
	return nil
}

// calmly calls the decoder, which panics on some garbled files. What goes wrong
// is bad data, unless it is classified already, by the store or here.
func calmly(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = corrupt(fmt.Errorf("the decoder gave up: %v", p))
		}
	}()
	err = f()
	if err != nil && fault.KindOf(err) == fault.Unclassified {
		err = corrupt(err)
	}
	return err
}

func corrupt(err error) *fault.Error {
	return fault.Data(CodeCorrupt, "not a readable Parquet file: %w", err)
}

func readGroup(group *file.RowGroupReader) ([]euclid.Quadrant, error) {
	at := map[string]int{}
	descs := group.MetaData().Schema
	for i := range descs.NumColumns() {
		name, _, _ := strings.Cut(descs.Column(i).Path(), ".") // a list's leaf lies deeper
		at[name] = i
	}
	qs := make([]euclid.Quadrant, 0, batch)
	for _, c := range columns() {
		i, ok := at[c.name]
		if !ok {
			return nil, fault.Data(CodeColumns, "it has no such column").At("column %s", c.name)
		}
		chunk, err := group.Column(i)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
		n, err := readColumn(chunk, c, &qs)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
		if n != len(qs) || int64(n) != group.NumRows() {
			return nil, corrupt(fmt.Errorf("it has %d values for %d rows", n, group.NumRows())).At("column %s", c.name)
		}
	}
	return qs, nil
}

// readColumn decodes a chunk into the fields of qs, which grows where it is too short.
func readColumn(chunk file.ColumnChunkReader, c column, qs *[]euclid.Quadrant) (rows int, err error) {
	next := func() any {
		if rows == len(*qs) {
			*qs = append(*qs, euclid.Quadrant{})
		}
		rows++
		return c.ref(&(*qs)[rows-1])
	}
	desc := chunk.Descriptor()
	mistyped := fault.Data(CodeColumns, "its type is %s", desc)
	err = mistyped
	switch ref := c.ref(new(euclid.Quadrant)).(type) {
	case *string:
		if r, ok := chunk.(*file.ByteArrayColumnChunkReader); ok {
			err = drain(r.ReadBatch, desc, mistyped, func(v parquet.ByteArray, _, _ int16) error {
				*next().(*string) = string(v)
				return nil
			})
		}
	case *int64:
		if r, ok := chunk.(*file.Int64ColumnChunkReader); ok {
			err = drain(r.ReadBatch, desc, mistyped, func(v int64, _, _ int16) error {
				*next().(*int64) = v
				return nil
			})
		}
	case *float64:
		if r, ok := chunk.(*file.Float64ColumnChunkReader); ok {
			err = drain(r.ReadBatch, desc, mistyped, func(v float64, _, _ int16) error {
				*next().(*float64) = v
				return nil
			})
		}
	case axis:
		if r, ok := chunk.(*file.Float64ColumnChunkReader); ok && desc.MaxRepetitionLevel() == 1 {
			err = readLists(r, desc, ref.dec, next)
		}
	}
	return rows, err
}

// readLists decodes one coordinate of the outlines. RA comes first and makes
// the points; Dec must have as many.
func readLists(r *file.Float64ColumnChunkReader, desc *schema.Column, dec bool, next func() any) error {
	var a axis
	n := 0
	uneven := fmt.Errorf("outlines have more points in one coordinate than in the other")
	err := drain(r.ReadBatch, desc, nil, func(v float64, def, rep int16) error {
		if rep == 0 {
			if dec && a.outline != nil && n != len(*a.outline) {
				return uneven
			}
			a, n = next().(axis), 0
		}
		if def < desc.MaxDefinitionLevel() {
			return nil // an empty list
		}
		switch {
		case a.outline == nil:
			return fmt.Errorf("it begins within a list")
		case !dec:
			*a.outline = append(*a.outline, sky.Coord{})
		case n == len(*a.outline):
			return uneven
		}
		*a.at(n) = v
		n++
		return nil
	})
	if err == nil && dec && a.outline != nil && n != len(*a.outline) {
		err = uneven
	}
	return err
}

// drain gives all values of a chunk to put, with their levels. A value that is
// not there comes as zero with a definition level below the column's; where
// mistyped is not nil, the column must not have levels at all.
func drain[V any](read func(int64, []V, []int16, []int16) (int64, int, error), desc *schema.Column,
	mistyped *fault.Error, put func(v V, def, rep int16) error) error {
	top := desc.MaxDefinitionLevel()
	if mistyped != nil && (desc.MaxRepetitionLevel() > 0 || top > 1) {
		return mistyped
	}
	values, def, rep := make([]V, batch), make([]int16, batch), make([]int16, batch)
	for {
		n, got, err := read(batch, values, def, rep)
		if err != nil || n == 0 {
			return err
		}
		used := 0
		for i := range int(n) {
			var v V
			var d, r int16 = top, 0
			if top > 0 {
				d, r = def[i], rep[i]
			}
			switch {
			case d == top && used < got:
				v = values[used]
				used++
			case d == top:
				return io.ErrUnexpectedEOF
			case mistyped != nil:
				return fmt.Errorf("a value is null")
			}
			if err := put(v, d, r); err != nil {
				return err
			}
		}
	}
}
