package files

import (
	"fmt"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// eachInt calls f for each row of a column of whole numbers that has a value.
func eachInt(rg *file.RowGroupReader, col int, f func(row, v int64)) error {
	c, err := rg.Column(col)
	if err != nil {
		return err
	}
	switch c := c.(type) {
	case *file.Int64ColumnChunkReader:
		return each(c, c.ReadBatch, f)
	case *file.Int32ColumnChunkReader:
		return each(c, c.ReadBatch, func(row int64, v int32) { f(row, int64(v)) })
	}
	return fmt.Errorf("column %s is a %s, and must be whole numbers", c.Descriptor().Name(), c.Type())
}

// eachText calls f for each row of a column of text that has a value, which is f's
// until it returns.
func eachText(rg *file.RowGroupReader, col int, f func(row int64, v parquet.ByteArray)) error {
	c, err := rg.Column(col)
	if err != nil {
		return err
	}
	if c, ok := c.(*file.ByteArrayColumnChunkReader); ok {
		return each(c, c.ReadBatch, f)
	}
	return fmt.Errorf("column %s is a %s, and must be text", c.Descriptor().Name(), c.Type())
}

func each[T any](c file.ColumnChunkReader, read func(int64, []T, []int16, []int16) (int64, int, error), f func(int64, T)) error {
	present := c.Descriptor().MaxDefinitionLevel()
	values := make([]T, rowsAtOnce)
	var levels []int16
	if present > 0 {
		levels = make([]int16, rowsAtOnce)
	}
	for row := int64(0); c.HasNext(); {
		n, got, err := read(rowsAtOnce, values, levels, nil)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		next := 0
		for i := range n {
			if present > 0 && levels[i] < present {
				continue
			}
			if next == got {
				return fmt.Errorf("column %s has fewer values than rows", c.Descriptor().Name())
			}
			f(row+i, values[next])
			next++
		}
		row += n
	}
	return c.Err()
}
