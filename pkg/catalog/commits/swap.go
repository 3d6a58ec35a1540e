package commits

import (
	"context"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/cosmostat/constellation/pkg/catalog/files"
	"github.com/cosmostat/constellation/pkg/catalog/tables"
)

// swap stages the snapshot in which the batch's rows take the place of those that
// are there; one that is empty where both are none, which is remembered, too.
func (r *replacement) swap(ctx context.Context, t *table.Table, tx *table.Transaction, props iceberg.Properties) error {
	found, err := files.Find(ctx, t, Options(r.layout, t).Keys, files.Match{Config: r.batch.ConfigID, Tiles: r.batch.Tiles, Keep: r.keep})
	if err != nil {
		return err
	}
	del, err := files.Deletes(ctx, t, found)
	if err != nil {
		return err
	}
	staged, err := files.Replace(ctx, tx, r.written, del, props)
	if err == nil && !staged {
		err = tx.AddFiles(ctx, nil, props, true)
	}
	return err
}

// Options say where a table's key columns are.
func Options(l tables.Layout, t *table.Table) files.Options {
	id := func(column string) int {
		field, _ := l.Field(t, column)
		return field.ID
	}
	return files.Options{
		Keys:  files.Keys{Tile: id("TILE_ID"), Row: id("SUBTILE_ROW"), Col: id("SUBTILE_COL"), Config: id("CONFIG_ID")},
		Whole: []int{id("CONFIG_ID")},
	}
}
