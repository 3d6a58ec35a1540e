package quadrants

import (
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
)

// ReadTileTable reads the columns tile_id (int64 or int32), ra and dec (double)
// of a Parquet file, in any letter case: what euclid.TileOptions.ParquetTable wants.
func ReadTileTable(r io.ReaderAt, size int64) ([]euclid.MERTile, error) {
	var tiles []euclid.MERTile
	decode := func(group *file.RowGroupReader) error {
		first := len(tiles)
		for i, name := range []string{"tile_id", "ra", "dec"} {
			n := first
			tile := func() *euclid.MERTile {
				if n == len(tiles) {
					tiles = append(tiles, euclid.MERTile{})
				}
				n++
				return &tiles[n-1]
			}
			err := readTiles(group, name, func(id int64, deg float64) {
				switch i {
				case 0:
					tile().ID = id
				case 1:
					tile().Centre.RA = deg
				case 2:
					tile().Centre.Dec = deg
				}
			})
			if err != nil {
				return err
			}
			if int64(n-first) != group.NumRows() {
				return fault.Data(CodeCorrupt, "it has %d values for %d rows", n-first, group.NumRows()).At("column %s", name)
			}
		}
		return nil
	}
	err := scan(r, size, decode, func() error { return nil })
	return tiles, err
}

// readTiles decodes a column of integers or of numbers.
func readTiles(group *file.RowGroupReader, name string, put func(id int64, deg float64)) error {
	descs := group.MetaData().Schema
	at := -1
	for i := range descs.NumColumns() {
		if strings.EqualFold(descs.Column(i).Path(), name) {
			at = i
		}
	}
	if at < 0 {
		return fault.Input(CodeColumns, "it has no such column").At("column %s", name).Fix("a tile table has tile_id, ra and dec")
	}
	chunk, err := group.Column(at)
	if err != nil {
		return fmt.Errorf("column %s: %w", name, err)
	}
	desc := chunk.Descriptor()
	mistyped := fault.Input(CodeColumns, "its type is %s", desc).At("column %s", name).Fix("tile_id is an integer, ra and dec are doubles")
	switch r := chunk.(type) {
	case *file.Int64ColumnChunkReader:
		if name == "tile_id" {
			return drain(r.ReadBatch, desc, mistyped, func(v int64, _, _ int16) error { put(v, 0); return nil })
		}
	case *file.Int32ColumnChunkReader:
		if name == "tile_id" {
			return drain(r.ReadBatch, desc, mistyped, func(v int32, _, _ int16) error { put(int64(v), 0); return nil })
		}
	case *file.Float64ColumnChunkReader:
		if name != "tile_id" {
			return drain(r.ReadBatch, desc, mistyped, func(v float64, _, _ int16) error { put(0, v); return nil })
		}
	}
	return mistyped
}
