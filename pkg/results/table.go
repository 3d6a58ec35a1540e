package results

import (
	"cmp"
	"slices"
	"sync"

	"github.com/cosmostat/constellation/pkg/columnar"
)

// Places of the columns in a table of sources: those of [SourceColumns].
const (
	SourceTile = iota
	SourceRow
	SourceCol
	SourceObject
	SourceRA
	SourceDec
	sourceFlux
	sourceFluxErr
	sourceHLR
	sourceHLRErr
	sourceE1
	sourceE2
	sourceE1Err
	sourceE2Err
	sourceDX
	sourceDY
	sourceSNR
	sourceExposures
	sourceFlags
)

var sourceReader = sync.OnceValue(func() *columnar.Reader[Source] { return reader(maxSources, SourceColumns()) })

// AppendSources reads a sources.parquet into a table, behind what that has. After
// an error the table is as it was.
func AppendSources(data []byte, to *columnar.Table) error {
	return sourceReader().Append(data, to)
}

// tableOf is sources by column.
func tableOf(sources []Source) *columnar.Table {
	cols := SourceColumns()
	t := &columnar.Table{Columns: make([]columnar.Vector, len(cols))}
	for i := range sources {
		for k, c := range cols {
			v := &t.Columns[k]
			switch p := c.Ref(&sources[i]).(type) {
			case *int64:
				v.Int64 = append(v.Int64, *p)
			case *int32:
				v.Int32 = append(v.Int32, *p)
			case *float64:
				v.Float64 = append(v.Float64, *p)
			case **float32:
				v.AppendFloat32(*p)
			}
		}
	}
	t.Rows = len(sources)
	return t
}

// SortSources puts a table's rows from one on into the order of their OBJECT_ID,
// which is that of the catalogue. Most files have it.
func SortSources(t *columnar.Table, from int) {
	ids := t.Columns[SourceObject].Int64[from:]
	if slices.IsSorted(ids) {
		return
	}
	order := make([]int, len(ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(ids[a], ids[b]) })
	t.Permute(from, order)
}
