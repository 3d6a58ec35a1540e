package pipeline

import (
	"github.com/cosmostat/constellation/pkg/flyte/task"
	"github.com/cosmostat/constellation/pkg/settings"
)

// CompactCatalogIn is the tables to look after.
type CompactCatalogIn struct {
	Catalog settings.Catalog `flyte:"catalog" doc:"the Iceberg tables"`
}

// CompactCatalogOut is what was done, over both tables.
type CompactCatalogOut struct {
	Rewritten int64 `flyte:"rewritten" doc:"data files that were rewritten"`
	Written   int64 `flyte:"written" doc:"files that they became"`
	Rows      int64 `flyte:"rows" doc:"rows in these"`
}

// CompactCatalog is never cached: others commit all the while. Cut off, it goes on
// where it stopped, since each of its commits is whole.
var CompactCatalog = task.Define[CompactCatalogIn, CompactCatalogOut](task.Declaration{
	Name:      "compact_catalog",
	Doc:       "Rewrites the Iceberg tables' small files and those with deleted rows to few large ones, and keeps their metadata small.",
	Resources: task.Resources{CPU: "1", Memory: "2Gi"},
	Retries:   3,
	Deck:      true,
})
