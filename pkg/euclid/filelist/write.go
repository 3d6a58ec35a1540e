package filelist

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/euclid"
)

// rowsPerGroup bounds the row groups of a Parquet list.
const rowsPerGroup = 50_000

// Rows are entries as a list has them.
func Rows(entries []euclid.Entry) []Row {
	rows := make([]Row, len(entries))
	for i, e := range entries {
		n := e.Name
		rows[i] = Row{Product: n.Product, Part: n.Part, Obs: n.Obs, Dither: n.Dither, Exposure: n.Number, Release: n.Release,
			URI: e.URI, Size: strconv.FormatInt(e.Size, 10), ETag: e.ETag}
		if n.Maker == euclid.MadeByMER {
			rows[i].Tile = strconv.FormatInt(n.Tile, 10)
		}
	}
	return rows
}

// WriteCSV writes a list. The same rows give the same bytes.
func WriteCSV(w io.Writer, rows []Row) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	rec := make([]string, len(columns))
	for i := range rows {
		for j, f := range rows[i].fields() {
			rec[j] = *f
		}
		if err := out.Write(rec); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// WriteParquet writes a list. The same rows give the same bytes.
func WriteParquet(w io.Writer, rows []Row) error {
	out, err := columnar.NewWriter(w, parquetColumns())
	if err != nil {
		return err
	}
	for group := range slices.Chunk(rows, rowsPerGroup) {
		if err := out.Group(group); err != nil {
			return err
		}
	}
	return out.Close()
}

// parquetColumns are the columns of a list in Parquet: text, where numbers are
// taken as text as well.
func parquetColumns() []columnar.Column[Row] {
	docs := map[string]string{
		"product": "DET, BKG, WGT, PSF, FINAL-CAT or BGSUB-MOSAIC-VIS", "part": "of a split DET: sci, rms or flg",
		"obs_id": "observation of a VIS product", "dither": "of a VIS product", "exposure": "of a VIS product: 1 (nominal) or 2 (short)",
		"tile_id": "of a MER product", "release": "of a MER product", "uri": "where the file is", "size": "of the file", "etag": "entity tag, without quotes",
	}
	all := make([]columnar.Column[Row], len(columns))
	for i, name := range columns {
		all[i] = columnar.Column[Row]{Name: name, Doc: docs[name], Ref: func(r *Row) any { return r.fields()[i] }}
		switch name {
		case "product", "uri":
			all[i].Required = true
		case "size":
			all[i].Unit = "byte"
			fallthrough
		case "obs_id", "dither", "exposure", "tile_id":
			all[i].Numbers = true
		}
	}
	return all
}

// place is where a row stands.
func place(what string, n int) string { return what + " " + strconv.Itoa(n) }
