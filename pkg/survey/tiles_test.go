package survey

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/euclid/quadrants"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/settings"
	"github.com/cosmostat/constellation/pkg/sky"
)

// grid is 5 rows of 9 tiles around RA 0 and Dec -28, with ids from 1.
func grid() []sky.Tile {
	var tiles []sky.Tile
	for row := range 5 {
		dec := -29 + 0.5*float64(row)
		for col := range 9 {
			tiles = append(tiles, sky.Tile{ID: int64(len(tiles) + 1), Centre: sky.Normalize(sky.Coord{RA: 0.56 * (float64(col) - 4), Dec: dec})})
		}
	}
	return tiles
}

// tables are the same tiles in the three forms.
func tables(t *testing.T, tiles []sky.Tile) map[string][]byte {
	t.Helper()
	text := "ra, dec, tile_id\n"
	var rows []byte
	var ids, ras, decs = []int64{}, []float64{}, []float64{}
	for _, tile := range tiles {
		text += fmt.Sprintf("%v, %v, %d\n", tile.Centre.RA, tile.Centre.Dec, tile.ID)
		rows = binary.BigEndian.AppendUint64(rows, uint64(tile.ID))
		rows = binary.BigEndian.AppendUint64(rows, math.Float64bits(tile.Centre.RA))
		rows = binary.BigEndian.AppendUint64(rows, math.Float64bits(tile.Centre.Dec))
		ids, ras, decs = append(ids, tile.ID), append(ras, tile.Centre.RA), append(decs, tile.Centre.Dec)
	}
	var f bytes.Buffer
	header := fits.NewTable([]fits.Column{{Name: "TILE_ID", Format: "K"}, {Name: "RA", Format: "D"}, {Name: "DEC", Format: "D"}}, int64(len(tiles)))
	for _, err := range []error{fits.WriteHDU(&f, fits.NewPrimary(), nil, 0), fits.WriteHDU(&f, header, bytes.NewReader(rows), int64(len(rows)))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "tile_id", Type: arrow.PrimitiveTypes.Int64}, {Name: "ra", Type: arrow.PrimitiveTypes.Float64}, {Name: "dec", Type: arrow.PrimitiveTypes.Float64}}, nil)
	build := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer build.Release()
	build.Field(0).(*array.Int64Builder).AppendValues(ids, nil)
	build.Field(1).(*array.Float64Builder).AppendValues(ras, nil)
	build.Field(2).(*array.Float64Builder).AppendValues(decs, nil)
	record := build.NewRecordBatch()
	defer record.Release()
	var p bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &p, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"tiles.csv": []byte(text), "tiles.fits": f.Bytes(), "tiles.parquet": p.Bytes()}
}

func TestNewTiles(t *testing.T) {
	tiles := grid()
	store := objstore.NewMemory()
	write := func(name string, data []byte) string {
		uri := "mem://bucket/" + name
		if _, err := objstore.WriteFile(t.Context(), store, uri, data); err != nil {
			t.Fatal(err)
		}
		return uri
	}
	write("cat/23/EUC_MER_FINAL-CAT_TILE23-CC66F6_20241018T214045.289017Z_00.00.fits", []byte("x"))
	usual := sky.Grid{Shape: settings.Shape{Rows: 4, Cols: 4}, MarginArcmin: 1, TileArcmin: 32, CoreArcmin: 30}
	for name, data := range tables(t, tiles) {
		opts := euclid.TileOptions{
			Source: settings.FromTable, TileTable: write(name, data), CatalogBase: "mem://bucket/cat/",
			NeighbourRadiusDeg: usual.NeighbourRadius(), ParquetTable: quadrants.ReadTileTable,
		}
		find := func(ids []int64, where settings.Region) (*Tiles, error) {
			opts.IDs = ids
			found, _, err := euclid.IndexTiles(t.Context(), store, opts)
			if err != nil {
				return nil, err
			}
			return NewTiles(found, ids, where, usual.CoreArcmin, opts.NeighbourRadiusDeg)
		}
		t.Run(name, func(t *testing.T) {
			all, err := find(nil, settings.Region{})
			if err != nil || len(all.Wanted) != 45 || len(all.Tiles) != 45 {
				t.Fatal(all, err)
			}
			for i, tile := range all.Tiles {
				if tile.Centre != tiles[i].Centre || tile.ID != tiles[i].ID {
					t.Fatalf("%+v, want %+v", tile, tiles[i])
				}
			}
			// The tile in the middle, 23, by its id and by regions inside its core.
			byID, err := find([]int64{23}, settings.Region{})
			if err != nil {
				t.Fatal(err)
			}
			again := []int64{24, 23, 24, 23}
			twice, err := find(again, settings.Region{})
			if err != nil || !slices.Equal(twice.Wanted, []int64{23, 24}) || !slices.Equal(again, []int64{24, 23, 24, 23}) {
				t.Error(twice, again, err)
			}
			for _, where := range []settings.Region{
				{Cone: []float64{0, -28, 0.1}}, {Box: []float64{359.9, 0.1, -28.1, -27.9}}, {Polygon: [][]float64{{0.1, -28}, {359.9, -28}, {0, -27.9}}},
			} {
				got, err := find(nil, where)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got.Wanted, []int64{23}) || len(got.Tiles) != 9 {
					t.Errorf("%v: %v of %d tiles", where, got.Wanted, len(got.Tiles))
				}
				if !slices.EqualFunc(got.Tiles, byID.Tiles, func(a, b euclid.MERTile) bool { return a.ID == b.ID && len(a.Catalogs) == len(b.Catalogs) }) {
					t.Errorf("%v: %v, by id %v", where, got.Tiles, byID.Tiles)
				}
			}
			wide, err := find(nil, settings.Region{Box: []float64{359, 1, -28.3, -27.7}})
			if err != nil || !slices.Equal(wide.Wanted, []int64{12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 30, 31, 32, 33, 34}) {
				t.Error(wide.Wanted, err)
			}
			if _, err := find(nil, settings.Region{Cone: []float64{90, 0, 1}}); fault.CodeOf(err) != "NoTiles" || !strings.Contains(err.Error(), "none of 45 tiles") {
				t.Error(err)
			}
			if _, err := find(nil, settings.Region{Cone: []float64{90, 0}}); fault.CodeOf(err) != "RegionInvalid" {
				t.Error(err)
			}
		})
	}
}
