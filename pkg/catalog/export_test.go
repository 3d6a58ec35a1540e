package catalog

import (
	"context"
	"strings"

	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
)

// Pause has the catalogue call before each time that it is asked to change a
// table, with the table's name: what a committer does if its machine stalls there.
func (c *Catalog) Pause(before func(table string)) { c.ice = paused{c.ice, before} }

type paused struct {
	icecat.Catalog
	before func(string)
}

func (p paused) CommitTable(ctx context.Context, ident table.Identifier, reqs []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	p.before(ident[len(ident)-1])
	return p.Catalog.CommitTable(ctx, ident, reqs, updates)
}

// Commits lists the snapshots of the shear table that wrote rows of each tile.
func (c *Catalog) Commits(ctx context.Context) (map[string][]int64, error) {
	t, _, err := c.load(ctx, c.shearTable(), nil)
	if err != nil {
		return nil, err
	}
	of := map[string][]int64{}
	for _, s := range t.Metadata().Snapshots() {
		if list := s.Summary.Properties[propTiles]; list != "" {
			for tile := range strings.SplitSeq(list, ",") {
				of[tile] = append(of[tile], s.SnapshotID)
			}
		}
	}
	return of, nil
}
