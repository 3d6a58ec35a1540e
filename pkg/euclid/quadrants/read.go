package quadrants

import (
	"errors"
	"io"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/euclid"
	"github.com/cosmostat/constellation/pkg/fault"
)

// Codes of the failures of reading; both are bad data.
const (
	CodeCorrupt = "FootprintsCorrupt" // not a readable Parquet file
	CodeColumns = "FootprintsColumns" // a column is missing or of another type
)

// What is read at once: a tile in the deepest fields has a tenth of it.
const (
	maxQuadrants = 1 << 17
	maxPoints    = 4 << 20 // in all outlines
)

// remedy is for a file of footprints: the pipeline wrote it, and makes it again.
const remedy = "remove it: a new run, under another --run-id, makes it again"

// Read reads all quadrants of a file.
func Read(r io.ReaderAt, size int64) ([]euclid.Quadrant, error) {
	var all []euclid.Quadrant
	points := 0
	err := Scan(r, size, func(qs []euclid.Quadrant) error {
		for _, q := range qs {
			points += len(q.Outline)
		}
		if len(all)+len(qs) > maxQuadrants || points > maxPoints {
			return fault.Data(CodeCorrupt, "it has %d quadrants or more, with %d points in their outlines; at most %d are read, with %d", len(all)+len(qs), points, maxQuadrants, maxPoints).
				Fix(remedy)
		}
		all = append(all, qs...)
		return nil
	})
	return all, err
}

// Scan reads a file row group by row group until visit fails. The slice that
// visit gets is its own.
func Scan(r io.ReaderAt, size int64, visit func(qs []euclid.Quadrant) error) error {
	in := columnar.Reader[row]{Columns: columns(), Corrupt: CodeCorrupt, Missing: CodeColumns, Invalid: CodeCorrupt, Remedy: remedy}
	return in.Scan(r, size, func(rows []row) (err error) {
		qs := make([]euclid.Quadrant, len(rows))
		for i := range rows {
			if qs[i], err = rows[i].quadrant(); err != nil {
				return err
			}
		}
		return visit(qs)
	})
}

// ReadTileTable reads the columns tile_id (an integer), ra and dec of a Parquet
// file, in any letter case: what euclid.TileOptions.ParquetTable wants.
func ReadTileTable(r io.ReaderAt, size int64) (tiles []euclid.MERTile, err error) {
	in := columnar.Reader[euclid.MERTile]{
		Columns: []columnar.Column[euclid.MERTile]{
			columnar.Field("tile_id", func(t *euclid.MERTile) any { return &t.ID }),
			columnar.Field("ra", func(t *euclid.MERTile) any { return &t.Centre.RA }),
			columnar.Field("dec", func(t *euclid.MERTile) any { return &t.Centre.Dec }),
		},
		AnyCase: true, MaxRows: euclid.MaxTiles, Corrupt: CodeCorrupt, Missing: CodeColumns, Invalid: CodeCorrupt,
		Remedy: "a tile table has tile_id, an integer, and ra and dec, numbers",
	}
	err = in.Scan(r, size, func(rows []euclid.MERTile) error {
		tiles = append(tiles, rows...)
		return nil
	})
	var bad *fault.Error
	if errors.As(err, &bad) && bad.Code == CodeColumns {
		bad.Kind = fault.BadInput // somebody chose the file
	}
	return tiles, err
}
