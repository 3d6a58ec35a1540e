// Package files makes and takes the files of a table that rows are in: it writes
// sorted data files ([Write]), finds the rows of some tiles in those that are there
// ([Find]), writes position deletes or deletion vectors for them ([Deletes]), puts
// both into one snapshot ([Replace]), and rewrites small, old and partly deleted
// files to large ones ([Compact]).
//
// It works on a state of a table that was loaded, whoever keeps it, and knows of
// its rows only the field ids that it is given ([Keys]). Columns are found by these,
// under whatever name. It knows no lease, no run and no retry: a commit that lost
// against another is [table.ErrCommitFailed], and is to be built again on the state
// that won.
package files

import (
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/tables"
	"github.com/cosmostat/constellation/pkg/fault"
)

const (
	// CodeUnsorted is a bug of ours: rows that don't come in the order of tiles.
	CodeUnsorted = "CatalogUnsorted"
	// CodeRows is bad data: the rows that were read, written and counted by the
	// table differ, and nothing was committed.
	CodeRows = "CatalogRows"
)

// Keys are the field ids of the columns that rows are found by.
type Keys struct {
	Tile     int // a long, which no file has nulls of
	Row, Col int // the sub-tile in its tile
	Config   int
}

// column is a column of a table by its field id, under the name that it has now.
func column(t *table.Table, id int) (iceberg.NestedField, error) {
	f, ok := t.Schema().FindFieldByID(id)
	if !ok {
		return f, fault.Input(tables.CodeTable, "the table lost a column that rows are found by").On(t.Location()).At("field %d", id).
			Fix("undo the change of the table's schema, or choose another output.catalog_table")
	}
	return f, nil
}
