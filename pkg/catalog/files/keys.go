package files

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/iceberg-go"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/sky"
)

// rowsAtOnce is what is decoded at a time: row groups of others may be any size.
const rowsAtOnce = 32 << 10

// read finds the rows of a file by its key columns.
func (s *search) read(ctx context.Context, df iceberg.DataFile, config bool, add func(uint64)) (err error) {
	defer func() {
		if r := recover(); r != nil { // the library panics on some broken files
			err = fmt.Errorf("%v", r)
		}
	}()
	f, err := s.fs.Open(df.FilePath())
	if err != nil {
		return err
	}
	rdr, err := file.NewParquetReader(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	defer func() { err = errors.Join(err, rdr.Close()) }()
	if n := rdr.NumRows(); n != df.Count() {
		return fault.Data(CodeRows, "the file has %d rows, and the table says %d", n, df.Count()).On(df.FilePath()).Fix("restore the file, or have the table repaired")
	}
	cols, err := s.find(rdr.MetaData(), df.FilePath())
	if err != nil {
		return err
	}
	if _, ok := cols[s.keys.Tile]; !ok {
		return nil // a file of before the column was there, which is null in it
	}
	first := int64(0)
	for g := range rdr.NumRowGroups() {
		if err := ctx.Err(); err != nil {
			return err
		}
		rg := rdr.RowGroup(g)
		if s.mayMatch(rg.MetaData(), cols[s.keys.Tile]) {
			hits, err := s.group(rg, cols, config)
			if err != nil {
				return fmt.Errorf("row group %d: %w", g, err)
			}
			for _, i := range hits {
				add(uint64(first + i))
			}
		}
		first += rg.NumRows()
	}
	return nil
}

// find gives the places of the key columns in a file, by their ids. A file that has
// none, as one that was added as it was, is read by names.
func (s *search) find(m *metadata.FileMetaData, path string) (map[int]int, error) {
	cols, byName, ids := map[int]int{}, map[string]int{}, false
	for i := range m.Schema.NumColumns() {
		c := m.Schema.Column(i)
		if len(c.ColumnPath()) != 1 {
			ids = ids || c.SchemaNode().FieldID() >= 0
			continue
		}
		byName[c.Name()] = i
		if id := int(c.SchemaNode().FieldID()); id >= 0 {
			ids = true
			if _, key := s.names[id]; key {
				cols[id] = i
			}
		}
	}
	if ids {
		return cols, nil
	}
	mapping := s.table.NameMapping()
	if mapping == nil {
		return nil, fault.Input(tables.CodeTable, "the file has no field ids, and the table no schema.name-mapping.default").On(path).
			Fix("have whoever added the file write it with field ids, or set the property")
	}
	for _, f := range mapping {
		if _, key := s.names[f.ID()]; !key {
			continue
		}
		for _, name := range f.Names {
			if i, ok := byName[name]; ok {
				cols[f.ID()] = i
			}
		}
	}
	return cols, nil
}

// mayMatch looks at a row group's bounds.
func (s *search) mayMatch(rg *metadata.RowGroupMetaData, col int) bool {
	chunk, err := rg.ColumnChunk(col)
	if err != nil {
		return true // which the read says
	}
	if set, err := chunk.StatsSet(); err != nil || !set {
		return true
	}
	stats, err := chunk.Statistics()
	if err != nil || !stats.HasMinMax() {
		return true
	}
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	switch v := stats.(type) {
	case *metadata.Int64Statistics:
		low, high = v.Min(), v.Max()
	case *metadata.Int32Statistics:
		low, high = int64(v.Min()), int64(v.Max())
	}
	if s.high < low || s.low > high {
		return false
	}
	if high-low < int64(len(s.match.Tiles)) {
		for tile := low; tile <= high; tile++ {
			if s.tiles[tile] {
				return true
			}
		}
		return false
	}
	for _, tile := range s.match.Tiles {
		if tile >= low && tile <= high {
			return true
		}
	}
	return false
}

// group gives the rows of a row group that match.
func (s *search) group(rg *file.RowGroupReader, cols map[int]int, config bool) (hits []int64, err error) {
	last, is := int64(0), false
	if err := eachInt(rg, cols[s.keys.Tile], func(i, v int64) {
		if v != last || i == 0 {
			last, is = v, s.tiles[v]
		}
		if is {
			hits = append(hits, i)
		}
	}); err != nil || len(hits) == 0 {
		return nil, err
	}
	if !config {
		at, ok := cols[s.keys.Config]
		if !ok {
			return nil, nil
		}
		if hits, err = s.ofConfig(rg, at, hits); err != nil {
			return nil, err
		}
	}
	if len(s.keep) > 0 {
		return s.others(rg, cols, hits)
	}
	return hits, nil
}

func (s *search) ofConfig(rg *file.RowGroupReader, col int, hits []int64) (left []int64, err error) {
	next := 0
	err = eachText(rg, col, func(i int64, v parquet.ByteArray) {
		for next < len(hits) && hits[next] < i {
			next++
		}
		if next < len(hits) && hits[next] == i && string(v) == s.match.Config {
			left = append(left, i)
		}
	})
	return left, err
}

// others are hits without those of sub-tiles that are kept.
func (s *search) others(rg *file.RowGroupReader, cols map[int]int, hits []int64) (left []int64, err error) {
	subs := make([]sky.SubTileID, len(hits))
	known := make([]int, len(hits))
	for k, id := range []int{s.keys.Tile, s.keys.Row, s.keys.Col} {
		at, ok := cols[id]
		if !ok {
			return hits, nil // null: not one to keep
		}
		next := 0
		if err := eachInt(rg, at, func(i, v int64) {
			for next < len(hits) && hits[next] < i {
				next++
			}
			if next == len(hits) || hits[next] != i {
				return
			}
			known[next]++
			switch k {
			case 0:
				subs[next].TileID = v
			case 1:
				subs[next].Row = int(v)
			default:
				subs[next].Col = int(v)
			}
		}); err != nil {
			return nil, err
		}
	}
	for i, sub := range subs {
		if known[i] < 3 || !s.keep[sub] {
			left = append(left, hits[i])
		}
	}
	return left, nil
}
