// Package rows says what the two tables of the shear catalogue hold: a row for each
// sub-tile's shear, and one for each of its core sources. Columns, units and meaning
// are those of package results, with RUN_ID and CONFIG_ID added. It knows nothing of
// where tables are kept.
package rows

import (
	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/results"
)

// Healpix is the column of both tables that no file of results has, by the name that
// HATS gives it: the HEALPix pixel of RA and DEC, an int64 in nested order 29.
const Healpix = "_healpix_29"

// Shear is a row of the shear table.
type Shear struct {
	results.Shear
	RunID, ConfigID string
}

// Source is a row of the source table.
type Source struct {
	results.Source
	RunID, ConfigID string
}

// A column's field id is its place in this order, from
// 1, and stays: new columns come last, whatever the files' order is.

// ShearColumns are those of the shear table.
func ShearColumns() []columnar.Column[Shear] {
	return tableColumns(results.ShearColumns(), func(r *Shear) *results.Shear { return &r.Shear },
		func(r *Shear) (*string, *string) { return &r.RunID, &r.ConfigID })
}

// SourceColumns are those of the source table.
func SourceColumns() []columnar.Column[Source] {
	return tableColumns(results.SourceColumns(), func(r *Source) *results.Source { return &r.Source },
		func(r *Source) (*string, *string) { return &r.RunID, &r.ConfigID })
}

func tableColumns[R, T any](file []columnar.Column[T], inner func(*R) *T, ids func(*R) (run, config *string)) []columnar.Column[R] {
	cols := make([]columnar.Column[R], 0, len(file)+2)
	for _, c := range file {
		cols = append(cols, columnar.Column[R]{Name: c.Name, Unit: c.Unit, Doc: c.Doc, Required: c.Required || c.Name == "STATUS",
			Ref: func(r *R) any { return c.Ref(inner(r)) }})
	}
	return append(cols,
		columnar.Column[R]{Name: "RUN_ID", Doc: "run that committed the row first", Required: true, Ref: func(r *R) any { p, _ := ids(r); return p }},
		columnar.Column[R]{Name: "CONFIG_ID", Doc: "SHA-256 of the settings that can change a result", Required: true, Ref: func(r *R) any { _, p := ids(r); return p }},
	)
}
