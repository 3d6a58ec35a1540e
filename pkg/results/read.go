package results

import (
	"io"
	"sync"

	"github.com/cosmostat/constellation/pkg/columnar"
	"github.com/cosmostat/constellation/pkg/survey"
)

// Codes of the failures of reading and checking results; all are bad data.
const (
	CodeCorrupt = "ResultsCorrupt" // not a readable Parquet file
	CodeColumns = "ResultsColumns" // a column is missing or of a wrong type
	CodeInvalid = "ResultsInvalid" // a value breaks the contract
)

// ReadShear reads a shear.parquet of size bytes. A row without STATUS is [OK].
func ReadShear(r io.ReaderAt, size int64) ([]Shear, error) {
	rows, err := read(r, size, shearReader())
	for i := range rows {
		if rows[i].Status == "" {
			rows[i].Status = survey.StatusOK
		}
	}
	return rows, err
}

// ParseShear reads one that is in memory.
func ParseShear(data []byte) ([]Shear, error) {
	rows, err := shearReader().Rows(data)
	for i := range rows {
		if rows[i].Status == "" {
			rows[i].Status = survey.StatusOK
		}
	}
	return rows, err
}

// ReadSources reads a sources.parquet of size bytes.
func ReadSources(r io.ReaderAt, size int64) ([]Source, error) {
	return read(r, size, sourceReader())
}

var shearReader = sync.OnceValue(func() *columnar.Reader[Shear] { return reader(maxShear, ShearColumns()) })

// What one sub-tile has at most: a row of shear, of which more are told by
// [Check], and twice the sources of a whole tile.
const (
	maxShear   = 1 << 12
	maxSources = 1 << 18
)

func reader[T any](most int64, cols []columnar.Column[T]) *columnar.Reader[T] {
	return &columnar.Reader[T]{
		Columns: cols, MaxRows: most, Corrupt: CodeCorrupt, Missing: CodeColumns, Invalid: CodeInvalid,
		AnyCase: true, Alike: alike,
		Remedy: "the results contract lists the columns; run the inference of this sub-tile again",
	}
}

func read[T any](r io.ReaderAt, size int64, in *columnar.Reader[T]) (all []T, err error) {
	err = in.Scan(r, size, func(rows []T) error {
		all = append(all, rows...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}
