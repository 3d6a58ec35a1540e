package euclid

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/cosmostat/constellation/pkg/bounds"
	"github.com/cosmostat/constellation/pkg/fault"
	"github.com/cosmostat/constellation/pkg/fits"
	"github.com/cosmostat/constellation/pkg/objstore"
	"github.com/cosmostat/constellation/pkg/sky"
)

// tableColumns are the columns of a tile table, in any order, letter case and company.
var tableColumns = [3]string{"tile_id", "ra", "dec"}

// readTable reads a tile table: FITS and Parquet by their magic numbers, CSV else.
func readTable(ctx context.Context, s objstore.Reader, opts TileOptions) ([]MERTile, error) {
	uri := opts.TileTable
	info, err := s.Stat(ctx, uri)
	if err != nil {
		return nil, err
	}
	at := objstore.ReaderAt(ctx, s, info)
	magic := make([]byte, 9)
	if _, err := at.ReadAt(magic[:min(int64(len(magic)), info.Size)], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte("SIMPLE  =")):
		return tableOfFITS(objstore.Window(at, info.Size, headerWindow), info)
	case !bytes.HasPrefix(magic, []byte("PAR1")):
		return tableOfCSV(io.NewSectionReader(objstore.Window(at, info.Size, headerWindow), 0, info.Size), uri)
	case opts.ParquetTable == nil:
		return nil, fault.Input("TileTable", "Parquet is not read here").On(uri).Fix("convert it to CSV or FITS")
	}
	tiles, err := opts.ParquetTable(at, info.Size)
	if err != nil {
		return nil, locate(err, uri, nil)
	}
	return tiles, nil
}

func tableOfCSV(r io.Reader, uri string) ([]MERTile, error) {
	in := csv.NewReader(bounds.Lines(r, longestLine, func(line int) error {
		return fault.Input("TileTable", "a line has more than %d bytes", longestLine).On(uri).At("line %d", line).Fix("tiling.tile_table is CSV, Parquet or FITS with tile_id, ra and dec")
	}))
	in.Comment = '#'
	in.TrimLeadingSpace = true
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return nil, csvError(err, uri)
	}
	var at [3]int
	for i, want := range tableColumns {
		at[i] = -1
		for j, name := range head {
			if !strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")), want) {
				continue
			}
			if at[i] >= 0 {
				return nil, fault.Input("TileTable", "several columns are called %s", want).On(uri).At("line 1").Fix("leave one of them, or give the others other names")
			}
			at[i] = j
		}
		if at[i] < 0 {
			return nil, fault.Input("TileTable", "no column %s", want).On(uri).At("line 1").Fix("name the columns tile_id, ra and dec")
		}
	}
	var tiles []MERTile
	for {
		rec, err := in.Read()
		if errors.Is(err, io.EOF) {
			return tiles, nil
		}
		if err != nil {
			return nil, csvError(err, uri)
		}
		t, err := tileOf(rec, at, in, uri)
		if err != nil {
			return nil, err
		}
		if tiles = append(tiles, t); len(tiles) > MaxTiles {
			return nil, tooManyTiles(int64(len(tiles)), uri)
		}
	}
}

// tileOf reads a line of CSV whose columns stand where at says.
func tileOf(rec []string, at [3]int, in *csv.Reader, uri string) (t MERTile, err error) {
	refuse := func(i int, need, remedy string) error {
		line, column := in.FieldPos(at[i])
		return fault.Input("TileTable", "%s is %q, need %s", tableColumns[i], rec[at[i]], need).On(uri).At("line %d, column %d", line, column).Fix("%s", remedy)
	}
	if t.ID, err = strconv.ParseInt(strings.TrimSpace(rec[at[0]]), 10, 64); err != nil {
		return t, refuse(0, "an integer", "write the tile's id as MER's file names have it")
	}
	for i, to := range []*float64{1: &t.Centre.RA, 2: &t.Centre.Dec} {
		if to == nil {
			continue
		}
		text := strings.TrimSpace(rec[at[i]])
		if *to, err = strconv.ParseFloat(text, 64); err != nil || strings.ContainsAny(text, "xX_pP") {
			return t, refuse(i, "a number", "ra and dec are decimal degrees")
		}
	}
	return t, nil
}

// MaxTiles is what a tile table has at most: the sky has 165,000 cores of MER's size.
const MaxTiles = 1 << 18

func tooManyTiles(n int64, uri string) error {
	return fault.Input("TileTable", "it has %d rows or more, of which there are at most %d", n, MaxTiles).On(uri).Fix("name the table of the survey's tiles, a row each")
}

// longestLine is what a line of a tile table has at most.
const longestLine = 64 << 10

// csvError keeps failures of the store as they are.
func csvError(err error, uri string) error {
	var p *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return fault.Input("TileTable", "the table is empty").On(uri).Fix("it begins with a line that names the columns tile_id, ra and dec")
	case errors.As(err, &p):
		return fault.Input("TileTable", "%w", p.Err).On(uri).At("line %d", p.Line).Fix("tiling.tile_table is CSV, Parquet or FITS with tile_id, ra and dec; each line of CSV has as many fields as the first")
	}
	return err
}

func tableOfFITS(at io.ReaderAt, info objstore.Info) ([]MERTile, error) {
	var hdu *fits.HDU
	err := fits.Scan(at, info.Size, func(h *fits.HDU) (bool, error) {
		if h.Kind == "BINTABLE" {
			hdu = h
		}
		return hdu == nil, nil
	})
	if err != nil {
		return nil, locate(err, info.URI, nil)
	}
	if hdu == nil {
		return nil, fault.Input("TileTable", "no binary table").On(info.URI)
	}
	t, err := fits.ParseTable(hdu)
	if err != nil {
		return nil, locate(err, info.URI, hdu)
	}
	var cols [3]*fits.Column
	for i, types := range [3]string{"KJI", "DE", "DE"} {
		c, ok := t.Column(tableColumns[i])
		if !ok || c.Repeat != 1 || !containsByte(types, c.Type) {
			return nil, fault.Input("TileTable", "no usable column %s", tableColumns[i]).On(info.URI).At("%s", hdu).
				Fix("tile_id is an integer, ra and dec are floating-point degrees")
		}
		if t.Twice(tableColumns[i]) {
			return nil, fault.Input("TileTable", "several columns are called %s", tableColumns[i]).On(info.URI).At("%s", hdu).Fix("leave one of them, or give the others other names")
		}
		if err := inDegrees(c); i > 0 && err != nil {
			return nil, fault.Input("TileTable", "%w", err).On(info.URI).At("%s, %s", hdu, unitKey(t, c)).
				Fix("convert the column and its TUNIT to deg, or mend TUNIT where the values are degrees")
		}
		cols[i] = c
	}
	switch {
	case t.Rows == 0:
		return nil, nil
	case t.Rows > MaxTiles:
		return nil, tooManyTiles(t.Rows, info.URI)
	case t.RowSize > info.Size:
		return nil, fault.Data(fits.CodeTruncated, "a row has %d bytes, the file %d", t.RowSize, info.Size).On(info.URI).At("%s", hdu)
	}
	row := make([]byte, t.RowSize)
	tiles := make([]MERTile, 0, t.Rows)
	for i := range t.Rows {
		if _, err := at.ReadAt(row, hdu.DataOffset()+i*t.RowSize); err != nil {
			return nil, err
		}
		id, null := cols[0].Int64(row)
		if null {
			return nil, fault.Input("TileTable", "row %d has no tile_id", i+1).On(info.URI).At("%s", hdu)
		}
		tiles = append(tiles, MERTile{ID: id, Centre: sky.Coord{RA: cols[1].Float64(row), Dec: cols[2].Float64(row)}})
	}
	return tiles, nil
}
